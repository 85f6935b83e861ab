"""The ids that DAGs use: the result of the command ``usage``, which runs in a process of its own.

So the code of a DAG, whatever its size, costs Airflow's API server no time, and the process can be ended.
"""

from __future__ import annotations

import json
import logging
import math
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from threading import Lock, Thread
from typing import Any

from airflow_kubernetes_secrets.inventory.entries import Entry
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.messages.listing import number_of
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.usage.report import SECRET, IdStatus
from airflow_kubernetes_secrets.usage.uses import Position, Use

# The other CPUs are left to Airflow's API server.
_USAGE = """
import sys
from airflow_kubernetes_secrets.cli.main import main
sys.exit(main(["usage", "--processes", "1", "--output", "json"]))
"""

# After how many seconds the DAGs are read again, if a user requests the page.
_FRESH_SECONDS = 120.0
# How long reading the DAGs may take.
_LIMIT_SECONDS = 120.0

_FAILED = "Could not determine which DAGs use each id"
_UNREAD = "Not all DAGs and places that provide ids could be read"
_REMEDY = (
    "Run 'airflow-kubernetes-secrets usage' where Airflow's API server runs to see why. Refresh reads the DAGs again "
    "in the background"
)

# How messages of the command about its end begin.
_OURS = "airflow-kubernetes-secrets usage: "

_log = logging.getLogger(__name__)

LookupKey = tuple[Kind, str, "str | None"]


@dataclass(frozen=True)
class ReportedId:
    """An id that DAGs or Airflow's options use.

    Attributes:
        is_missing: whether nothing provides the id, and a use requires it.
        secret: the Secret that provides it, as :attr:`Secret.listed_name` names it; empty if none does.
    """

    lookup: Lookup
    is_missing: bool
    secret: str
    uses: Sequence[Use]


@dataclass(frozen=True)
class UsedIds:
    """What the DAGs of this Airflow use.

    Attributes:
        ids: the ids that are used.
        unused: the entries that no DAG uses: kind, id, team, namespace and name of the Secret, and the object's kind.
        failures: what could not be read, each with its remedy.
    """

    ids: Sequence[ReportedId] = ()
    unused: frozenset[tuple[str, ...]] = frozenset()
    failures: Sequence[str] = ()

    @cached_property
    def dags(self) -> Mapping[str | None, frozenset[str]]:
        """The DAGs that use an id, by team."""
        found: dict[str | None, set[str]] = defaultdict(set)
        for each in self.ids:
            for use in each.uses:
                found[use.position.team].update(use.position.dags)
        return {team: frozenset(ids) for team, ids in found.items()}

    @cached_property
    def missing(self) -> Mapping[LookupKey, Sequence[Use]]:
        """The uses of each lookup that finds nothing."""
        return {_key(each.lookup): each.uses for each in self.ids if each.is_missing}

    @cached_property
    def _by_secret(self) -> Mapping[tuple[Kind, str, str], Sequence[Use]]:
        found: dict[tuple[Kind, str, str], list[Use]] = defaultdict(list)
        for each in self.ids:
            if each.secret:
                found[each.lookup.kind, each.lookup.id.casefold(), each.secret] += each.uses
        return found

    def uses_of_entry(self, entry: Entry) -> Sequence[Use]:
        """Return the uses of an entry: those that its Secret provides, or those that it should provide."""
        if entry.provides_value:
            # The key of a bundle can be spelt differently from the id.
            return self._by_secret.get((entry.kind, entry.id.casefold(), entry.shown_name), ())
        return self.missing.get((entry.kind, entry.id, entry.team), ())

    def uses_of_lookup(self, lookup: Lookup, secret: str) -> list[Use]:
        """Return the uses of the id of a lookup, for its team and for the teams whose lookups select the same Secret.

        Args:
            secret: the Secret that the lookup selects, as :attr:`Secret.listed_name` names it; empty if there is none.
        """
        same_id = (each for each in self.ids if (each.lookup.kind, each.lookup.id) == (lookup.kind, lookup.id))
        of_it = (each for each in same_id if each.lookup.team == lookup.team or (secret and each.secret == secret))
        return [use for each in of_it for use in each.uses]

    def is_unused(self, entry: Entry) -> bool:
        """Return whether no DAG uses an entry. It is false if that is unknown."""
        team = entry.team or ""
        key = (entry.kind.name.lower(), entry.id, team, entry.namespace, entry.secret, entry.object_kind)
        return key in self.unused


class UsedIdsCache:
    """The ids that DAGs use, read in the background.

    Args:
        read: reads them. It may take long.
    """

    def __init__(self, read: Callable[[], UsedIds]) -> None:
        self._read = read
        self._lock = Lock()
        self._last: UsedIds | None = None
        self._is_reading = False
        self._read_at = float("-inf")

    def latest(self) -> UsedIds | None:
        """Return the last result, at once; ``None`` if there is none yet. Start to read again if it is too old."""
        with self._lock:
            if not self._is_reading and time.monotonic() - self._read_at >= _FRESH_SECONDS:
                # If the process can start no thread now, the next request tries it again.
                with suppress(RuntimeError):
                    Thread(target=self._read_again, name="kubernetes-secrets-usage", daemon=True).start()
                    self._is_reading = True
            return self._last

    def retry(self, shown: UsedIds | None) -> None:
        """Start to read again if this is the last result, and something could not be read.

        Args:
            shown: the result in the snapshot that the user has refreshed.
        """
        if shown is None or not shown.failures:
            return
        with self._lock:
            if shown is self._last:
                self._read_at = float("-inf")
        self.latest()

    def _read_again(self) -> None:
        used = UsedIds(failures=[f"{_FAILED}: an internal error. The log of Airflow's API server shows it"])
        try:
            used = self._read()
        finally:
            with self._lock:
                self._last, self._is_reading, self._read_at = used, False, time.monotonic()


def read_used_ids(code: str = _USAGE, limit: float = _LIMIT_SECONDS) -> UsedIds:
    """Run the command ``usage`` in a process of its own, and return its result, or why there is none.

    Args:
        code: the Python code that runs the command.
        limit: how many seconds it may take.
    """
    # If this process ends first, nothing else limits the time of the other one.
    limited = f"import signal; signal.alarm({math.ceil(limit) + 5})\n{code}"
    errors = ""
    try:
        done = subprocess.run(  # noqa: S603  # the code is a constant
            (sys.executable, "-c", limited),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
        errors = done.stderr
        return _used_ids(json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        why = f"there was no result within {limit:g} s"
    except (OSError, ValueError):
        why = "it failed"
    # Other lines, such as those of Airflow, could contain a secret value.
    ours = [line for line in errors.splitlines() if line.startswith(_OURS)]
    _log.warning("%s: %s. %s", _FAILED, why, " ".join(map(printable, ours)))
    return UsedIds(failures=[f"{_FAILED}: {why}. {_REMEDY}"])


def _used_ids(document: Mapping[str, Any]) -> UsedIds:
    """Return the JSON output of ``usage`` as an object."""
    ids = []
    for each in document["ids"]:
        lookup = Lookup(Kind[each["kind"].upper()], each["id"], each["team"])
        provider = each["provider"]
        secret = provider["text"] if provider is not None and provider["place"] == SECRET else ""
        uses = [_use(lookup, use) for use in each["uses"]]
        ids.append(ReportedId(lookup, each["status"] == IdStatus.MISSING.value, secret, uses))
    if count := len(document["failures"]):
        # A DAG that cannot be read could use any of them. The failures contain paths, which not every user may see.
        return UsedIds(
            ids, failures=[f"{_UNREAD} ({number_of(count, 'failure')}), so no entry is counted as unused. {_REMEDY}"]
        )
    names = ("kind", "id", "team", "namespace", "secret", "object_kind")
    return UsedIds(ids, frozenset(tuple(each[name] or "" for name in names) for each in document["unused"]))


def _use(lookup: Lookup, use: Mapping[str, Any]) -> Use:
    position = Position(use["path"], use["line"] or 0, tuple(use["dags"]), tuple(use["tasks"]), lookup.team)
    return Use(lookup.kind, lookup.id, use["how"], position, use["optional"])


def _key(lookup: Lookup) -> LookupKey:
    return lookup.kind, lookup.id, lookup.team
