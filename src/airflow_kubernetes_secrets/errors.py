"""What can go wrong, one root. Every text names the cause and the remedy, and never a secret value."""

from __future__ import annotations

from airflow_kubernetes_secrets.printable import printable, printable_lines


class KubernetesSecretsError(Exception):
    """The root of all errors of this package. Airflow logs their texts, so each is made printable here."""

    def __init__(self, text: str = "") -> None:
        super().__init__(printable_lines(text))

    @property
    def cause(self) -> tuple[str, ...]:
        """What makes two errors the same one, so that each is logged once."""
        return (type(self).__name__, str(self))


class OneLineError(KubernetesSecretsError):
    """An error whose text is one line, whatever it quotes."""

    def __init__(self, text: str = "") -> None:
        super().__init__(printable(text))


class OptionError(OneLineError, ValueError):
    """An option in ``backend_kwargs`` is unknown, or its value cannot be used."""


class NotConfiguredError(OneLineError):
    """Nothing says how to reach a Kubernetes API, or a file that should say it is missing or empty."""


class ApiError(KubernetesSecretsError):
    """The Kubernetes API answered with an error.

    Attributes:
        status: the HTTP status of the answer.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class UnauthorizedError(ApiError):
    """401: the API server does not accept the credentials, also after they were read again."""


class UnreadableCredentialsError(UnauthorizedError, NotConfiguredError):
    """401, and the credentials could not be read again: the text says both."""


class ForbiddenError(ApiError):
    """403: the service account lacks a permission; the text holds the commands that grant it."""


class NotFoundError(ApiError):
    """404: the API server says that there is no such thing."""


class AnswerTooLargeError(ApiError):
    """The Kubernetes API answered with more than a process may take for one answer."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 200)


class ApiUnavailableError(KubernetesSecretsError):
    """The Kubernetes API gave no usable answer within the time that a lookup may take.

    Attributes:
        server: host and port of the API server.
        problem: what the last attempt ran into.
        lasting: asking again at once is pointless: all the time was used up, or the API server asked for a pause.
        retry_after: the pause in seconds that the API server asked for, if it did.
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
        tries = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        super().__init__(
            f"the Kubernetes API at {server} could not be read: {printable(problem)} ({tries} in {seconds:.1f} s). "
            f"{remedy}"
        )
        self.server = server
        self.problem = problem
        self.lasting = lasting
        self.retry_after = retry_after
        self._arguments = (server, problem, attempts, seconds, remedy)

    @property
    def cause(self) -> tuple[str, ...]:
        """Without attempts and seconds, which differ every time."""
        return (type(self).__name__, self.server, self.problem)

    def again(self) -> ApiUnavailableError:
        """The same error for another lookup: one object that is raised again and again would collect tracebacks."""
        return ApiUnavailableError(*self._arguments, lasting=self.lasting, retry_after=self.retry_after)


class UnconfirmedRefusalError(ApiUnavailableError):
    """401 or 403, and there was no time to see whether the API server repeats it; its remedy says what is missing."""

    @property
    def cause(self) -> tuple[str, ...]:
        return (type(self).__name__, self.server)


class ExpiredVersionError(OneLineError):
    """The API server no longer knows what has changed since a version (410): everything must be listed anew."""


class MissingSecretError(OneLineError):
    """A reference in the options leads to a Secret that does not exist."""


class MalformedSecretError(OneLineError):
    """A Secret was found, but what it holds cannot be used.

    Attributes:
        namespace: where the Secret is.
        secret: its name.
        key: the key in its data, or of the annotation that the problem is with.
    """

    def __init__(self, namespace: str, secret: str, key: str, problem: str, *, part: str = "key") -> None:
        """
        Args:
            part: what ``key`` is, in the text.
        """
        super().__init__(f"Secret {namespace}/{secret}, {part} {key!r}: {problem}")
        self.namespace = namespace
        self.secret = secret
        self.key = key
        self._problem = problem
        self._part = part

    def again(self) -> MalformedSecretError:
        """The same error for another lookup: one object that is raised again and again would collect tracebacks."""
        return MalformedSecretError(self.namespace, self.secret, self.key, self._problem, part=self._part)
