"""A row of the table: an entry, and the values by which it is found, filtered and sorted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from airflow_kubernetes_secrets.deployment.hidden_entries import HiddenEntry
from airflow_kubernetes_secrets.inventory.entries import Entry
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import shown_id
from airflow_kubernetes_secrets.messages.advice import advice_of
from airflow_kubernetes_secrets.usage.uses import Use

# The value of the team filter for entries without a team. No team has this name, because a label value has no space.
WITHOUT_TEAM = "no team"

# Values of the problem filter that are not problem codes.
ANY_PROBLEM = "any"
NO_PROBLEM = "none"
HIDES = "hides"

# The most DAGs that a row names.
_MOST_DAGS = 20


class UseState(Enum):
    """Whether an id is both used and provided. The values are those of the problem filter."""

    MISSING = "used-but-missing"
    UNUSED = "unused"
    OTHER = ""


class FilterValues(NamedTuple):
    """The values of each filter that show a row. An empty string is the value of a filter that is not set."""

    kind: frozenset[str]
    team: frozenset[str]
    problem: frozenset[str]


@dataclass(frozen=True)
class Row:
    """An entry of the table.

    Attributes:
        hidden: the connections or variables outside Kubernetes that Airflow does not read because of it.
        command: the command that shows the Secret without its values; empty for a folder.
        uses: where DAGs use the id, as far as the user may see the DAGs; ``None`` if that is unknown.
        use_state: whether nothing provides an id that DAGs use, or no DAG uses an id.
    """

    entry: Entry
    hidden: Sequence[HiddenEntry] = ()
    command: str = ""
    uses: Sequence[Use] | None = None
    use_state: UseState = UseState.OTHER

    @property
    def has_secret(self) -> bool:
        """Whether there is a Secret. If not, the id is only used."""
        return bool(self.entry.secret)

    @cached_property
    def dags(self) -> Sequence[str]:
        """The ids of the DAGs that use the id, sorted."""
        return sorted({dag for use in self.uses or () for dag in use.position.dags})

    def as_json(self) -> dict[str, Any]:
        """Return the entry as ``list`` shows it, as JSON and in its table, and what only the page shows."""
        return {
            **self.entry.as_json(),
            "problems": [{**each.as_json(), **advice_of(each.text).as_json()} for each in self.entry.problems],
            "short_shape": self.entry.short_format,
            "age": self.entry.age(datetime.now(timezone.utc)),
            "hidden": [each.as_json() for each in self.hidden],
            "command": self.command,
            "used_by": None if self.uses is None else {"dags": self.dags[:_MOST_DAGS], "count": len(self.dags)},
            "use": self.use_state.value,
        }

    @cached_property
    def text(self) -> str:
        """The text that a search looks through. Line breaks between its parts prevent a match across two of them."""
        entry = self.entry
        owner = str(entry.owner) if entry.owner is not None else ""
        secret = entry.shown_name
        parts = (shown_id(entry.id), secret, entry.team or "", entry.content.conn_type, entry.content.host, owner)
        return "\n".join(parts).casefold()

    @cached_property
    def order(self) -> str:
        """The key by which rows are sorted unless the user chooses another column."""
        return shown_id(self.entry.id).casefold()

    @cached_property
    def filter_values(self) -> FilterValues:
        """The values of each filter that show this row."""
        codes = {problem.code for problem in self.entry.problems}
        problem = {self.use_state.value} - {UseState.OTHER.value}
        if self.has_secret:
            problem |= codes | {"", ANY_PROBLEM if codes else NO_PROBLEM} | ({HIDES} if self.hidden else set())
        return _filter_values(self.entry.kind, self.entry.team or WITHOUT_TEAM, frozenset(problem))


# Rows with equal filter values share one object, which saves memory.
@lru_cache(maxsize=10_000)
def _filter_values(kind: Kind, team: str, problem: frozenset[str]) -> FilterValues:
    return FilterValues(frozenset(("", kind.name.lower())), frozenset(("", team)), problem)
