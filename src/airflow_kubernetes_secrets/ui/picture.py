"""The inventory as it was last taken, which the requests of one process share."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cached_property
from threading import BoundedSemaphore, Lock
from typing import Any

from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.inventory.configured import Configured, read_configuration
from airflow_kubernetes_secrets.inventory.elsewhere import Hidden, hidden_entries
from airflow_kubernetes_secrets.inventory.place import place_of
from airflow_kubernetes_secrets.inventory.survey import Entry, inventory_of
from airflow_kubernetes_secrets.lookup import Kind, Lookup, shown_id
from airflow_kubernetes_secrets.options import Options
from airflow_kubernetes_secrets.tracebacks import without_variables

# To turn a page takes no LIST; a change is seen after this, or at once with the button.
_FRESH_SECONDS = 30.0
# How long a permission that was taken away still holds, at most. It does not depend on how long a LIST takes.
_PERMITTED_SECONDS = 30.0
# Whoever presses the button again and again shares a LIST as well.
_PRESSED_SECONDS = 2.0
# A failure is told to those who were waiting, and then it is tried anew.
_FAILED_SECONDS = 5.0
# The longest that a request waits for the LIST of another.
_PATIENCE_SECONDS = 60.0
# How many may wait so. To everybody else the last picture is shown, or that there is none yet.
_WAITING = 4


@dataclass(frozen=True)
class Row:
    """An entry, and what Airflow does not read because it answers."""

    entry: Entry
    hidden: Sequence[Hidden] = ()

    def as_json(self) -> dict[str, Any]:
        """As ``list`` has it, and with what it hides."""
        return {**self.entry.as_json(), "hidden": [each.as_json() for each in self.hidden]}

    @cached_property
    def text(self) -> str:
        """What a search looks through. A line between the parts, so that nothing is found across two."""
        entry = self.entry
        owner = str(entry.owner) if entry.owner is not None else ""
        secret = f"{entry.namespace}/{entry.secret}"
        parts = (shown_id(entry.id), secret, entry.team or "", entry.content.conn_type, entry.content.host, owner)
        return "\n".join(parts).casefold()


class Visible:
    """What each user may see of a picture, for as long as an answer of the auth manager holds."""

    def __init__(self) -> None:
        # By user, when the auth manager was asked and what it permitted. Each step is atomic: requests share it.
        self._rows: dict[Hashable, tuple[float, Sequence[Row]]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self, user: Hashable, permitted: Callable[[], Sequence[Row]]) -> Sequence[Row]:
        """What the user may see.

        Args:
            permitted: asks the auth manager.
        """
        now = time.monotonic()
        asked_at, rows = self._rows.get(user, (float("-inf"), ()))
        if now - asked_at >= _PERMITTED_SECONDS:
            rows = permitted()
            self._drop_old(now)
            self._rows[user] = (now, rows)
        return rows

    def _drop_old(self, now: float) -> None:
        # In an outage of days, a picture is shown to everybody who comes by.
        for user, (asked_at, _rows) in list(self._rows.items()):
            if now - asked_at >= _PERMITTED_SECONDS:
                self._rows.pop(user, None)


@dataclass(frozen=True)
class Picture:
    """What there was at one moment; no value of a Secret is in it.

    Attributes:
        place: where it was looked.
        taken_at: in UTC.
        labels: what Secrets of each kind are found by; ``None`` for one that is switched off.
        failures: what could not be read; each a text with its remedy.
        visible: what each user may see of it, by the user's id and kinds.
    """

    place: str
    taken_at: datetime
    labels: Mapping[Kind, str | None]
    rows: Sequence[Row]
    failures: Sequence[str]
    visible: Visible = field(default_factory=Visible)


class Camera:
    """Takes a picture when the last one is too old. One request does; meanwhile the others get the last one.

    When it fails, the last picture goes on being shown, with what keeps it from being a new one.
    """

    def __init__(self, take: Callable[[], Picture]) -> None:
        self._take = take
        self._lock = Lock()
        self._waiting = BoundedSemaphore(_WAITING)
        self._last: Picture | None = None
        self._failure: KubernetesSecretsError | None = None
        self._tried = float("-inf")

    def picture(self, *, anew: bool = False) -> Picture:
        """
        Args:
            anew: somebody wants to see a change now.

        Raises:
            KubernetesSecretsError: there has never been one.
        """
        with self._turn(may_wait=anew or self._last is None) as is_ours:
            if is_ours and time.monotonic() - self._tried >= self._lifetime(anew):
                self._try()
            last, failure = self._last, self._failure
        if last is None:
            raise failure or KubernetesSecretsError("the Secrets are still being listed. Try again in a moment")
        return last if failure is None else _old(last, failure)

    @contextmanager
    def _turn(self, *, may_wait: bool) -> Iterator[bool]:
        """Whether it is this request's turn to look whether a new picture is due.

        Only a few wait for it: their threads are those that answer all other requests to Airflow's API too.
        """
        waits = may_wait and self._waiting.acquire(blocking=False)
        try:
            is_ours = self._lock.acquire(timeout=_PATIENCE_SECONDS) if waits else self._lock.acquire(blocking=False)
        finally:
            if waits:
                self._waiting.release()
        try:
            yield is_ours
        finally:
            if is_ours:
                self._lock.release()

    def _lifetime(self, anew: bool) -> float:
        if self._failure is not None:
            return _FAILED_SECONDS
        return _PRESSED_SECONDS if anew else _FRESH_SECONDS

    def _try(self) -> None:
        try:
            self._last, self._failure = self._take(), None
        except KubernetesSecretsError as error:
            self._failure = error
        finally:
            # Only now: a LIST of thousands takes a while itself.
            self._tried = time.monotonic()


def _old(picture: Picture, failure: KubernetesSecretsError) -> Picture:
    return replace(picture, failures=[f"This is an old picture; a new one cannot be taken: {failure}"])


def configured_options() -> tuple[Configured, Options]:
    """What Airflow is configured with.

    Raises:
        KubernetesSecretsError: its configuration cannot be read, or an option cannot be used.
    """
    configured = read_configuration()
    return configured, configured.options()


@without_variables
def take_picture() -> Picture:
    """
    Raises:
        KubernetesSecretsError: there is nowhere to look, or nothing could be listed.
    """
    configured, options = configured_options()
    with closing(place_of(options)) as place:
        taken_at = datetime.now(timezone.utc)
        inventory = inventory_of(place, options)
        if inventory.failures and not inventory.entries:
            raise KubernetesSecretsError("\n".join(inventory.failures))
        failures = [problem.text for problem in configured.problems]
        failures += [*inventory.failures, *place.problems()]
        text = place.text
    # Only one that answers keeps Airflow from going on.
    hidden = hidden_entries([Lookup(entry.kind, entry.id, entry.team) for entry in inventory.entries if entry.answers])
    failures += [f"It is not known what is hidden in the {name}: {why}" for name, why in hidden.failures]
    rows = [
        Row(entry, hidden.of.get((entry.kind, entry.id, entry.team), ()) if entry.answers else ())
        for entry in inventory.entries
    ]
    return Picture(text, taken_at, {kind: kind.label(options) for kind in Kind}, rows, failures)
