"""The exceptions of this package. Each message states the cause and the remedy, and never a secret value."""

from __future__ import annotations

from airflow_kubernetes_secrets.messages.listing import number_of, quoted
from airflow_kubernetes_secrets.messages.printable import printable, printable_lines


class KubernetesSecretsError(Exception):
    """Base class of all errors of this package. Airflow logs the messages, so each is made printable here."""

    def __init__(self, text: str = "") -> None:
        """Create the error.

        Args:
            text: the message. It may have several lines, such as commands to run.
        """
        super().__init__(printable_lines(text))

    @property
    def log_key(self) -> tuple[str, ...]:
        """The identity of the error in the log: of errors with the same key, one is logged."""
        return (type(self).__name__, str(self))


class OneLineError(KubernetesSecretsError):
    """An error with a message of one line, whatever it quotes."""

    def __init__(self, text: str = "") -> None:
        super().__init__(printable(text))


class OptionError(OneLineError, ValueError):
    """An option in ``backend_kwargs`` is unknown or invalid."""


class NotConfiguredError(OneLineError):
    """The configuration of the Kubernetes API, or of the folder in its place, is missing or unusable."""


class ApiError(KubernetesSecretsError):
    """The Kubernetes API answered with an error.

    Attributes:
        status: the HTTP status of the response.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class UnauthorizedError(ApiError):
    """401: the API server does not accept the credentials, even after they were read again."""


class UnreadableCredentialsError(UnauthorizedError, NotConfiguredError):
    """401, and the credentials could not be read again. The message states both."""


class ForbiddenError(ApiError):
    """403: the request is refused. If a permission is missing, the message contains the commands that grant it."""


class ForbiddenByProxyError(ForbiddenError):
    """403 without a message of the API: something in front of the API server refuses the request."""


class NotFoundError(ApiError):
    """404: the API server reports that the object does not exist."""


class ApiResponseTooLargeError(ApiError):
    """The Kubernetes API sent a larger response than one request may take into memory."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 200)


class ApiUnavailableError(KubernetesSecretsError):
    """The Kubernetes API gave no usable response within the time of a lookup.

    Attributes:
        server: host and port of the API server.
        problem: the error of the last attempt.
        lasting: whether other lookups must not try at once, because each attempt can take all the time of a lookup. It
            is false for an error that every attempt finds at once, such as an untrusted certificate.
        retry_after: the pause in seconds that the API server requested; ``None`` if it requested none.
    """

    def __init__(
        self,
        server: str,
        problem: str,
        attempts: int,
        seconds: float,
        remedy: str,
        *,
        lasting: bool = True,
        retry_after: float | None = None,
    ) -> None:
        """Create the error and its message.

        Args:
            attempts: the number of attempts.
            seconds: the time in seconds that the attempts took.
            remedy: the sentence at the end of the message.
        """
        super().__init__(
            f"the Kubernetes API at {server} could not be read: {printable(problem)} ({number_of(attempts, 'attempt')} "
            f"in {seconds:.1f} s). {remedy}"
        )
        self.server = server
        self.problem = problem
        self.lasting = lasting
        self.retry_after = retry_after
        self._arguments = (server, problem, attempts, seconds, remedy)

    @property
    def log_key(self) -> tuple[str, ...]:
        """The identity of the error, without attempts and seconds, which differ every time."""
        return (type(self).__name__, self.server, self.problem)

    def again(self) -> ApiUnavailableError:
        """Return a copy for another lookup. One object that is raised repeatedly would collect tracebacks."""
        return ApiUnavailableError(*self._arguments, lasting=self.lasting, retry_after=self.retry_after)


class UnconfirmedRefusalError(ApiUnavailableError):
    """401 or 403, without enough time to see whether the API server repeats it. The remedy contains the refusal."""

    @property
    def log_key(self) -> tuple[str, ...]:
        return (type(self).__name__, self.server)


class ExpiredVersionError(OneLineError):
    """410: the API server no longer has the changes since a version, so everything must be listed again."""


class MountedFileError(OneLineError):
    """A mounted file or folder cannot be read. The message names its path."""


class MissingSecretError(OneLineError):
    """A reference in the options names a Secret that does not exist."""


class MalformedSecretError(OneLineError):
    """A Secret or ConfigMap was found, but its content is unusable.

    Attributes:
        namespace: its namespace.
        secret: its name.
        object_kind: the kind of the object.
        key: the key of the data, or of the annotation, that has the problem.
    """

    def __init__(
        self, namespace: str, secret: str, key: str, problem: str, *, part: str = "key", object_kind: str = "Secret"
    ) -> None:
        """Create the error and its message.

        Args:
            problem: what is wrong, and the remedy.
            part: what the message calls ``key``, such as "key" or "annotation".
        """
        super().__init__(f"{object_kind} {namespace}/{secret}, {part} {quoted(key)}: {problem}")
        self.namespace = namespace
        self.secret = secret
        self.key = key
        self._problem = problem
        self._part = part
        self.object_kind = object_kind

    def again(self) -> MalformedSecretError:
        """Return a copy for another lookup. One object that is raised repeatedly would collect tracebacks."""
        return MalformedSecretError(
            self.namespace, self.secret, self.key, self._problem, part=self._part, object_kind=self.object_kind
        )
