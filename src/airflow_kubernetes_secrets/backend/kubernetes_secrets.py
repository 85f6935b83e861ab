"""The secrets backend that Airflow calls.

https://airflow.apache.org/docs/apache-airflow/stable/security/secrets/secrets-backend/index.html
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from airflow.secrets.base_secrets import BaseSecretsBackend

from airflow_kubernetes_secrets.backend.threads import in_a_thread
from airflow_kubernetes_secrets.counters import FROM_MEMORY, counters
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.formats.reading import connection_value, key_for_messages, variable_text
from airflow_kubernetes_secrets.formats.usability import AIRFLOW_2, OF_AIRFLOW_2, OF_AIRFLOW_3, SERVICES, TASKS
from airflow_kubernetes_secrets.formats.values import config_text
from airflow_kubernetes_secrets.kubernetes.credentials import SERVICE_HOST, SERVICE_PORT
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Decision, Lookup, Outcome, decide
from airflow_kubernetes_secrets.messages import notices
from airflow_kubernetes_secrets.messages.tracebacks import without_variables
from airflow_kubernetes_secrets.options.accepted_values import DENY
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.process import ProcessLocal, importing
from airflow_kubernetes_secrets.sources.api_source import ApiSource

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from types import ModuleType
    from typing import TypeVar

    from airflow_kubernetes_secrets.formats.usability import Objection
    from airflow_kubernetes_secrets.kubernetes.deadline import TimeBudget
    from airflow_kubernetes_secrets.kubernetes.objects import Secret
    from airflow_kubernetes_secrets.lookup.selection import Find
    from airflow_kubernetes_secrets.sources.query import Query
    from airflow_kubernetes_secrets.sources.source import Source

    Result = TypeVar("Result")

_sources: ProcessLocal[Source] = ProcessLocal()

# Airflow's own tables limit ids to this length. A task can look up longer ones, and they should not stay in memory.
_LONGEST_STORED_ID = 250


class _NotInMemoryError(Exception):
    """The result is not in memory, and the caller does not want to wait for it."""


class KubernetesSecretsBackend(BaseSecretsBackend):
    """Read connections, variables and configuration options from Kubernetes Secrets, found by label.

    .. code-block:: ini

        [secrets]
        backend = airflow_kubernetes_secrets.KubernetesSecretsBackend
        backend_kwargs = {"namespace": "airflow"}

    The keyword arguments are the fields of :class:`airflow_kubernetes_secrets.options.backend_kwargs.Options`.
    Creating a backend does no I/O and starts no thread: Airflow creates one in every process, and one for every
    configuration option it reads.

    If a lookup fails, the backend logs the error with its remedy, once per process and cause, and raises it. Airflow
    then continues with the environment and its database, and only reports that the id is not defined. If
    ``on_error`` is ``deny``, a failed lookup of a connection or variable raises ``AirflowSecretsBackendAccessDenied``
    instead, and Airflow stops searching (3.2.2 and later).

    Attributes:
        options: the parsed keyword arguments.
    """

    def __init__(self, **kwargs: object) -> None:
        """Parse the options.

        Raises:
            OptionError: an option is unknown or invalid. Airflow then does not start.
        """
        super().__init__()
        self.options = Options.parse(kwargs)
        self._source: Source | None = None
        if self.options.mask_values:
            # Import it here and not in a lookup: a child that is forked during an import inherits a lock that nothing
            # releases.
            from airflow_kubernetes_secrets.backend import masking  # noqa: F401  # only to load it
        self._metrics: ModuleType | None = None
        if self.options.metrics:
            from airflow_kubernetes_secrets.backend import metrics

            metrics.switch_on()
            self._metrics = metrics

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        """Return the connection as a URI or JSON; ``None`` if no Secret has it.

        A connection in one key is returned as stored, unless annotations add to it. Otherwise it is JSON, built from
        the connection's fields.

        Raises:
            KubernetesSecretsError: the Secret is unusable, or Kubernetes could not be queried.
        """
        return self._read(Lookup(Kind.CONNECTION, conn_id, team_name), self._text)

    def get_connection(self, conn_id: str, team_name: str | None = None) -> Any:
        """Return the connection as a ``Connection`` object; ``None`` if no Secret has it.

        Its class is the one that the running part of Airflow uses: the Task SDK's or the database model.

        Raises:
            KubernetesSecretsError: the Secret is unusable, or Kubernetes could not be queried.
        """
        return self._read(Lookup(Kind.CONNECTION, conn_id, team_name), self._connection(conn_id))

    async def aget_connection(self, conn_id: str, team_name: str | None = None) -> Any:
        """Return the connection as :meth:`get_connection` does, without blocking the event loop.

        Airflow's triggerer calls this. A connection in memory is returned at once; any other is read in a thread.

        Raises:
            KubernetesSecretsError: as for :meth:`get_connection`.
        """
        # Airflow's masker for tasks waits for the process that writes the log, so masking always needs a thread.
        if not self.options.mask_values:
            lookup = Lookup(Kind.CONNECTION, conn_id, team_name)
            known_queries: list[Query] = []

            def find_in_memory(query: Query, _time: TimeBudget) -> Sequence[Secret]:
                known = self._find_in_memory(query)
                known_queries.append(query)
                return known

            try:
                return self._read(lookup, self._connection(conn_id), find_in_memory)
            except _NotInMemoryError:
                known_queries.clear()  # the thread repeats these queries
            finally:
                for _ in known_queries:
                    counters.count(FROM_MEMORY)
        return await in_a_thread(self.get_connection, conn_id, team_name)

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        """Return the variable exactly as stored; ``None`` if no Secret has it.

        Raises:
            KubernetesSecretsError: the Secret is unusable, or Kubernetes could not be queried.
        """
        return self._read(Lookup(Kind.VARIABLE, key, team_name), variable_text)

    def get_config(self, key: str) -> str | None:
        """Return the configuration option without surrounding white space; ``None`` if no Secret has it.

        Raises:
            KubernetesSecretsError: the Secret is unusable, or Kubernetes could not be queried. Airflow then stops.
        """
        return self._read(Lookup(Kind.CONFIG, key), config_text, self._find_uncached)

    @without_variables
    def decide(self, lookup: Lookup) -> Decision:
        """Select the Secret for a lookup. Log duplicates and skipped Secrets.

        Raises:
            KubernetesSecretsError: the Secret is missing or unusable, or Kubernetes could not be queried.
        """
        decision = decide(lookup, self.options, self._find)
        _report(decision)
        return decision

    def __repr__(self) -> str:
        return f"<KubernetesSecretsBackend {self.options}>"

    def _text(self, secret: Secret, key: str) -> str:
        connection = connection_value(secret, key)
        if connection.objections:
            self._check_objections(secret, key, connection.objections)
        return connection.text

    def _connection(self, conn_id: str) -> Callable[[Secret, str], Any]:
        def parsed(secret: Secret, key: str) -> Any:
            stored = self._text(secret, key)
            try:
                return self.deserialize_connection(conn_id, stored)
            except Exception as failure:  # a version of Airflow that parses differently from the tested ones
                problem = f"Airflow cannot parse the connection ({type(failure).__name__})"
            # Error reports can show the local variables of each frame that an exception passes, so delete the value.
            del stored
            # Raise outside the except block, so that Airflow's error, which can contain the password, is not chained.
            raise secret.malformed(key_for_messages(key), problem)

        return parsed

    def _check_objections(self, secret: Secret, key: str, objections: Sequence[Objection]) -> None:
        """Raise or log the reasons why parts of Airflow cannot use the connection.

        A reason that only concerns other parts of the same Airflow version is logged as a warning.

        Raises:
            MalformedSecretError: the part of Airflow that runs here cannot use the connection.
        """
        with importing.lock:
            from airflow_kubernetes_secrets.backend.airflow_versions import is_airflow_2, is_for_tasks
        concerned = OF_AIRFLOW_2 if is_airflow_2() else OF_AIRFLOW_3
        here = AIRFLOW_2 if is_airflow_2() else TASKS if is_for_tasks(self) else SERVICES
        for objection in objections:
            error = secret.malformed(key_for_messages(key), str(objection))
            if here in objection.unusable_by:
                raise error
            if not set(concerned).isdisjoint(objection.unusable_by):
                notices.once(logging.WARNING, ("lost elsewhere", str(error)), str(error))

    @without_variables
    def _read(
        self,
        lookup: Lookup,
        read: Callable[[Secret, str], Result],
        find: Find | None = None,
    ) -> Result | None:
        """Look up an id, and count the lookup if the option ``metrics`` is on.

        Args:
            read: converts the selected Secret and its data key to the result.
            find: queries the source; by default, memory first.
        """
        metrics = self._metrics
        if metrics is None:
            return self._result(lookup, read, find)
        try:
            result = self._result(lookup, read, find)
        except _NotInMemoryError:
            raise
        except BaseException:
            metrics.note(lookup.kind, metrics.ERROR, self._source)
            raise
        metrics.note(lookup.kind, metrics.MISS if result is None else metrics.HIT, self._source)
        return result

    def _result(
        self,
        lookup: Lookup,
        read: Callable[[Secret, str], Result],
        find: Find | None,
    ) -> Result | None:
        """Look up an id. Log an error with its remedy, and mask the result if the option ``mask_values`` is on."""
        try:
            decision = self._decision(lookup, find or self._find)
            _report(decision)
            secret = decision.secret
            if secret is None:
                return None
            result = read(secret, decision.data_key)
        except _NotInMemoryError:
            raise
        except Exception as error:
            key, problem = _explained(error)
            notices.once(logging.ERROR, key, f"{lookup}: {problem}")
            if self.options.on_error == DENY and lookup.kind is not Kind.CONFIG:
                _deny(f"{lookup}: {problem}", error)
            raise
        if self.options.mask_values and lookup.kind is not Kind.CONFIG:
            from airflow_kubernetes_secrets.backend.masking import mask

            mask(lookup.kind, secret, decision.data_key, result)
        return result

    def _decision(self, lookup: Lookup, find: Find) -> Decision:
        """Return the decision of a lookup: the stored one while the indexes it came from are unchanged and fresh."""
        source = self._source
        results = None if source is None or lookup.kind is Kind.CONFIG else source.index_results
        # A DAG can pass anything as an id, so its type is compared too.
        if results is None or type(lookup.id) is not str or len(lookup.id) > _LONGEST_STORED_ID:
            return decide(lookup, self.options, find)
        key = (lookup.kind.plural, lookup.id, lookup.team)
        known: Decision | None = results.get(key)
        if known is not None:
            if counters.is_on:
                for _ in known.queries:
                    counters.count(FROM_MEMORY)
            return known
        if results.is_full:
            return decide(lookup, self.options, find)
        results_by_query: list[tuple[Query, Sequence[Secret]]] = []

        def recording_find(query: Query, time: TimeBudget) -> Sequence[Secret]:
            found = find(query, time)
            results_by_query.append((query, found))
            return found

        decision = decide(lookup, self.options, recording_find)
        # The errors of skipped Secrets can refer to the frames of this lookup, whose variables would stay in memory.
        if results_by_query and not decision.skipped:
            results.put(key, decision, results_by_query)
        return decision

    def _find(self, query: Query, time: TimeBudget) -> Sequence[Secret]:
        if self._source is not None and (known := self._source.find_in_memory(query)) is not None:
            counters.count(FROM_MEMORY)
            return known
        self._source = self._current_source()
        return self._source.find(query, time)

    def _find_in_memory(self, query: Query) -> Sequence[Secret]:
        # A new backend object has no source yet, and creating one reads files.
        self._source = self._source or _sources.peek(self._key())
        known = None if self._source is None else self._source.find_in_memory(query)
        if known is None:
            raise _NotInMemoryError
        return known

    def _find_uncached(self, query: Query, time: TimeBudget) -> Sequence[Secret]:
        self._source = self._current_source()
        return self._source.find_uncached(query, time)

    def _current_source(self) -> Source:
        return _sources.get(self._key(), lambda: _source_of(self.options))

    def _key(self) -> Hashable:
        """Return the key under which the process stores the source of Secrets.

        It includes the environment variables that locate the API server, since they can change in a running process.
        """
        return (self.options, *map(os.environ.get, (SERVICE_HOST, SERVICE_PORT, "KUBECONFIG")))


def _source_of(options: Options) -> Source:
    """Return the source that the options describe.

    Raises:
        NotConfiguredError: there are no usable credentials, or there is no namespace to look in.
    """
    if options.path is not None:
        with importing.lock:
            from airflow_kubernetes_secrets.sources.folder import Folder

        return Folder(options.path, options)
    return ApiSource.from_options(options)


def _explained(error: Exception) -> tuple[tuple[str, ...], str]:
    """Return the key with which an error is logged once, and the problem for the message."""
    if isinstance(error, KubernetesSecretsError):
        return error.log_key, str(error)
    # A bug in this package, or an exception from a signal handler. Its message may contain anything, even a value.
    name = type(error).__name__
    remedy = "Run 'airflow-kubernetes-secrets explain KIND ID --debug' in this container, and report the output"
    return ("unexpected", name), f"the lookup ended with an unexpected {name}. {remedy}"


def _deny(text: str, error: Exception) -> None:
    """Raise the exception at which Airflow stops searching. If this version has none, log a warning."""
    with importing.lock:
        from airflow_kubernetes_secrets.backend.airflow_versions import DENY_IS_UNSUPPORTED, access_denied

        denied = access_denied()
    if denied is not None:
        raise denied(text) from error
    notices.once(logging.WARNING, ("no denial",), DENY_IS_UNSUPPORTED)


def _report(decision: Decision) -> None:
    """Log what a user should know about a lookup that did not fail."""
    if len(decision.matches) > 1 or decision.skipped:
        with importing.lock:
            from airflow_kubernetes_secrets.backend.unused_secrets import log_duplicates, log_skipped
        if len(decision.matches) > 1:
            log_duplicates(decision)
        log_skipped(decision)
    if decision.outcome != Outcome.FOUND:
        notices.miss("%s: %s", decision.lookup, decision.outcome)
