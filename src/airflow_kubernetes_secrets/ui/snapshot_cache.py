"""The snapshot cache: the requests of one process share a snapshot of the inventory."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from threading import BoundedSemaphore, Event, Lock, Thread

from airflow_kubernetes_secrets.deployment.configuration import AirflowConfiguration, read_configuration
from airflow_kubernetes_secrets.deployment.hidden_entries import hidden_entries
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.inventory.entries import Entry, inventory_of
from airflow_kubernetes_secrets.inventory.known_contents import KnownContents
from airflow_kubernetes_secrets.inventory.labelled_secrets import LabelledSecrets
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.inventory.missing_namespaces import missing_namespaces
from airflow_kubernetes_secrets.inventory.snapshot import namespaces_of
from airflow_kubernetes_secrets.kubernetes.kubectl_commands import KUBECTL, describe
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.messages.listing import SEE_LIST, first_texts
from airflow_kubernetes_secrets.messages.tracebacks import without_variables
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.ui.row import Row, UseState
from airflow_kubernetes_secrets.ui.used_ids import UsedIds

# How long all requests share a snapshot, so that turning a page needs no LIST. A change appears after that, or at once
# if the user presses Refresh.
_FRESH_SECONDS = 30.0
# How long a user may still see entries after a permission was revoked, at most. This does not depend on how long a LIST
# takes.
_PERMITTED_SECONDS = 30.0
# Requests from the Refresh button share a LIST that is not older than this.
_REFRESH_SECONDS = 2.0
# How long after the begin of an attempt requests wait for it if the last snapshot may be shown. A LIST of thousands of
# Secrets takes longer, and a user who searches or turns a page must not wait for it.
_PROMPT_SECONDS = 1.0
# How old a snapshot may be that is shown while a new one is taken. After hours, the user waits instead.
_SHOWN_SECONDS = 300.0
# How long an error is shown before the Secrets are listed again.
_FAILED_SECONDS = 5.0
# How long a request waits for a LIST, at most.
_LONGEST_WAIT_SECONDS = 60.0
# How many requests may wait for that. All others get the last snapshot, or an error if there is none yet.
_MOST_WAITING = 4


class Visible:
    """The entries of a snapshot that each user may see, for as long as a permission is remembered."""

    def __init__(self) -> None:
        # For each user, when the auth manager was queried and which entries it permitted. Requests share this without a
        # lock, because each access is atomic.
        self._rows: dict[Hashable, tuple[float, Sequence[Row]]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self, user: Hashable, permitted: Callable[[], Sequence[Row]]) -> Sequence[Row]:
        """Return the entries that the user may see.

        Args:
            permitted: queries the auth manager.
        """
        now = time.monotonic()
        authorized_at, rows = self._rows.get(user, (float("-inf"), ()))
        if now - authorized_at >= _PERMITTED_SECONDS:
            rows = permitted()
            self._drop_old(now)
            self._rows[user] = (now, rows)
        return rows

    def _drop_old(self, now: float) -> None:
        """Forget the permissions that are too old."""
        # An outage can last for days, and one snapshot is then shown to many users.
        for user, (authorized_at, _rows) in list(self._rows.items()):
            if now - authorized_at >= _PERMITTED_SECONDS:
                self._rows.pop(user, None)


class NothingListedError(KubernetesSecretsError):
    """Nothing could be listed.

    Attributes:
        failures: a message for each namespace, with its remedy.
    """

    def __init__(self, failures: Sequence[str]) -> None:
        super().__init__("\n".join(failures))
        self.failures = failures


def failures_of(error: Exception) -> Sequence[str]:
    """Return the messages of an error, each with its remedy."""
    return error.failures if isinstance(error, NothingListedError) else [str(error)]


@dataclass(frozen=True)
class PageSnapshot:
    """A snapshot of the inventory. It contains no secret value.

    Attributes:
        location: the backend location, for people.
        taken_at: the time of the snapshot, in UTC.
        labels: the label key that lookups use for each kind; ``None`` if lookups by label are switched off.
        rows: all entries.
        failures: what could not be read. Each failure is a message with its remedy.
        searched: the namespaces that were searched; empty for a folder.
        used: the ids that DAGs use; ``None`` as long as the DAGs are being read.
        contents: what Airflow reads from each version of a Secret, for the next snapshot.
        kubectl: the command ``kubectl`` with the arguments that select the API server of lookups.
        labelled: the objects with the labels that lookups use, for suggestions; ``None`` for a folder.
        visible: the entries that each user may see, by the user's id and the kinds.
    """

    location: str
    taken_at: datetime
    labels: Mapping[Kind, str | None]
    rows: Sequence[Row]
    failures: Sequence[str]
    searched: Sequence[str] = ()
    used: UsedIds | None = None
    contents: KnownContents = field(default_factory=dict)
    kubectl: str = KUBECTL
    labelled: LabelledSecrets | None = None
    visible: Visible = field(default_factory=Visible)


class _Attempt:
    """An attempt to take a snapshot.

    Attributes:
        begun_at: when it began, in seconds of the monotonic clock.
        ended: set when it has ended.
    """

    def __init__(self, begun_at: float) -> None:
        self.begun_at = begun_at
        self.ended = Event()


class SnapshotCache:
    """The snapshot cache. When the snapshot is too old, a thread takes a new one, and requests soon get the last one.

    If that fails, the last snapshot is still shown, together with the error.
    """

    def __init__(self, take: Callable[[PageSnapshot | None], PageSnapshot]) -> None:
        """Create the cache without a snapshot.

        Args:
            take: takes a snapshot. It receives the last one.
        """
        self._take = take
        # Only this attempt changes the other attributes. Two requests must not begin two attempts.
        self._attempt: _Attempt | None = None
        self._lock = Lock()
        # Only a few requests wait, because their threads serve all requests to Airflow's API server.
        self._waiting = BoundedSemaphore(_MOST_WAITING)
        self._last: PageSnapshot | None = None
        self._failure: KubernetesSecretsError | None = None
        self._tried_at = float("-inf")
        self._taken_at = float("-inf")

    def snapshot(self, *, refresh: bool = False) -> PageSnapshot:
        """Return a snapshot that is recent enough.

        Args:
            refresh: whether the user has pressed Refresh, and wants to see a change now.

        Raises:
            KubernetesSecretsError: there is no snapshot yet.
        """
        attempt = self._attempt_under_way(refresh)
        if attempt is not None:
            self._wait_for(attempt, refresh)
        last, failure = self._last, self._failure
        if last is None:
            raise failure or KubernetesSecretsError("the Secrets are still being listed. Try again in a moment")
        return last if failure is None else _with_failure(last, failure)

    def _attempt_under_way(self, refresh: bool) -> _Attempt | None:
        """Return the attempt that is under way, and begin one if that is due; ``None`` if it is not due."""
        with self._lock:
            if self._attempt is not None and not self._attempt.ended.is_set():
                return self._attempt
            now = time.monotonic()
            if now - self._tried_at < self._lifetime(refresh):
                return None
            attempt = self._attempt = _Attempt(now)
        try:
            Thread(target=self._try, args=[attempt], name="kubernetes-secrets-list", daemon=True).start()
        except RuntimeError:  # the process can start no thread now
            self._try(attempt)
        return attempt

    def _lifetime(self, refresh: bool) -> float:
        """Return after how many seconds the last attempt is too old."""
        if self._failure is not None:
            return _FAILED_SECONDS
        return _REFRESH_SECONDS if refresh else _FRESH_SECONDS

    def _wait_for(self, attempt: _Attempt, refresh: bool) -> None:
        """Wait until the attempt has ended, or only a moment if the last snapshot may be shown meanwhile."""
        now = time.monotonic()
        may_show_last = self._last is not None and now - self._taken_at < _SHOWN_SECONDS
        if may_show_last and not refresh:
            attempt.ended.wait(max(0.0, attempt.begun_at + _PROMPT_SECONDS - now))
        elif self._waiting.acquire(blocking=False):
            try:
                attempt.ended.wait(_LONGEST_WAIT_SECONDS)
            finally:
                self._waiting.release()

    def _try(self, attempt: _Attempt) -> None:
        """Take a snapshot, or store the error."""
        try:
            self._last, self._failure = self._take(self._last), None
            self._taken_at = time.monotonic()
        except KubernetesSecretsError as error:
            self._failure = error
        except Exception:
            self._failure = KubernetesSecretsError(
                "an internal error prevents a snapshot. The log of Airflow's API server has its traceback"
            )
            raise
        finally:
            # The time is taken after the LIST, because a LIST of thousands of Secrets takes long itself.
            self._tried_at = time.monotonic()
            attempt.ended.set()


def _with_failure(snapshot: PageSnapshot, failure: KubernetesSecretsError) -> PageSnapshot:
    """Return the last snapshot with the error that prevents a new one, and with what the snapshot itself lacks."""
    first, *others = failures_of(failure)
    texts = [f"This snapshot is old; a new one cannot be taken: {first}", *others]
    return replace(snapshot, failures=[*texts, *(each for each in snapshot.failures if each not in (first, *others))])


def configured_options() -> tuple[AirflowConfiguration, Options]:
    """Return Airflow's configuration and the options in it.

    Raises:
        KubernetesSecretsError: the configuration cannot be read, or an option is invalid.
    """
    configured = read_configuration()
    return configured, configured.options()


@without_variables
def take_snapshot(used: UsedIds | None = None, last: PageSnapshot | None = None) -> PageSnapshot:
    """Take a snapshot.

    Args:
        used: the ids that DAGs use; ``None`` if they are still being read.
        last: an earlier snapshot. Secrets that have not changed since then are not parsed again.

    Raises:
        NothingListedError: nothing could be listed.
        KubernetesSecretsError: the configuration cannot be used.
    """
    configured, options = configured_options()
    with closing(location_of(options)) as location:
        taken_at = datetime.now(timezone.utc)
        inventory = inventory_of(location, options, known={} if last is None else last.contents)
        if inventory.is_unread:
            raise NothingListedError(inventory.failures)
        failures = [problem.text for problem in (*configured.problems, *configured.warnings)]
        failures += [*inventory.failures, *first_texts(location.problems(), SEE_LIST)]
        if not inventory.entries:
            # A LIST in a namespace that does not exist is empty, and does not fail.
            failures += missing_namespaces(options, location)
        text = location.text
        in_cluster = options.path is None
        searched = namespaces_of(options, location) if in_cluster else []
    # Only a Secret that is selected keeps Airflow from reading the other sources.
    hidden = hidden_entries(
        [Lookup(entry.kind, entry.id, entry.team) for entry in inventory.entries if entry.provides_value]
    )
    failures += [f"Could not check what is hidden in the {name}: {why}" for name, why in hidden.failures]
    rows = []
    for entry in inventory.entries:
        hides = hidden.by_lookup.get((entry.kind, entry.id, entry.team), ()) if entry.provides_value else ()
        command = describe(options.kubectl, entry.object_kind, entry.namespace, entry.secret) if in_cluster else ""
        rows.append(_with_uses(Row(entry, hides, command), used))
    if used is not None:
        rows += _without_secret(inventory.entries, used)
        failures += used.failures
    labels = {kind: kind.label(options) for kind in Kind}
    contents, labelled = inventory.contents, inventory.labelled
    return PageSnapshot(text, taken_at, labels, rows, failures, searched, used, contents, options.kubectl, labelled)


def _with_uses(row: Row, used: UsedIds | None) -> Row:
    """Return a row with what uses it."""
    if used is None:
        return row
    entry = row.entry
    is_missing = not entry.provides_value and (entry.kind, entry.id, entry.team) in used.missing
    use_state = UseState.MISSING if is_missing else UseState.UNUSED if used.is_unused(entry) else UseState.OTHER
    return replace(row, uses=used.uses_of_entry(entry), use_state=use_state)


def _without_secret(entries: Sequence[Entry], used: UsedIds) -> list[Row]:
    """Return rows for the ids that are missing and have no Secret."""
    known = {(entry.kind, entry.id, entry.team) for entry in entries}
    return [
        Row(Entry(kind, identifier, team, "", ""), uses=uses, use_state=UseState.MISSING)
        for (kind, identifier, team), uses in used.missing.items()
        if (kind, identifier, team) not in known
    ]
