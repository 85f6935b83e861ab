"""The uses of connections, variables and options in DAG code, with known and with computed ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from airflow_kubernetes_secrets.lookup.kinds import Kind


@dataclass(frozen=True)
class Position:
    """A place in DAG code.

    Attributes:
        path: the file; inside an archive, the archive's path and the name in it.
        line: the line, from 1; 0 if it is unknown.
        dags, tasks: the ids of the DAGs and tasks that the place belongs to, as far as they are known.
        team: the team for which the code looks ids up; ``None`` without a team.
    """

    path: str
    line: int
    dags: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    team: str | None = None

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path

    def as_json(self) -> dict[str, Any]:
        """Return the position as the JSON outputs show it; docs/reference/cli.md describes them."""
        return {"path": self.path, "line": self.line or None, "dags": list(self.dags), "tasks": list(self.tasks)}


@dataclass(frozen=True)
class Use:
    """One use of an id.

    Attributes:
        how: the argument, function or template that names the id.
        is_optional: whether the use may work without the entry: the code has a default, or the hook does not need the
            connection, or it is only a parameter's default or a constant that other code may use.
    """

    kind: Kind
    id: str
    how: str
    position: Position
    is_optional: bool = False

    def __str__(self) -> str:
        position = self.position
        tasks = ", ".join(".".join((*position.dags[:1], task)) for task in position.tasks) or ", ".join(position.dags)
        return f"{tasks} ({position}, {self.how})" if tasks else f"{position} ({self.how})"

    def as_json(self) -> dict[str, Any]:
        """Return the use as the JSON outputs show it; docs/reference/cli.md describes them."""
        return {"how": self.how, "optional": self.is_optional, **self.position.as_json()}


@dataclass(frozen=True)
class Computed:
    """A use of an id that is only known when the code runs.

    Attributes:
        how: the argument, function or template that the id is passed to.
    """

    kind: Kind
    how: str
    position: Position

    def as_json(self) -> dict[str, Any]:
        """Return the use as the JSON outputs show it; docs/reference/cli.md describes them."""
        return {"kind": self.kind.name.lower(), "how": self.how, **self.position.as_json()}


@dataclass
class FoundUses:
    """What was found in DAG code.

    Attributes:
        paths: the files that were searched.
        unread: files that could not be read or parsed, each with the reason.
    """

    paths: set[str] = field(default_factory=set)
    uses: list[Use] = field(default_factory=list)
    computed: list[Computed] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)

    def add(self, other: FoundUses) -> None:
        """Add what was found in other code."""
        self.paths |= other.paths
        self.uses += other.uses
        self.computed += other.computed
        self.unread |= other.unread
