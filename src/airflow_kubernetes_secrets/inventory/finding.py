"""What a check has found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from airflow_kubernetes_secrets.inventory.codes import checked
from airflow_kubernetes_secrets.inventory.problem import Problem, Severity


class Status(Enum):
    """How it stands with what was checked."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One line of a checklist.

    Attributes:
        check: what was checked, in a word or two.
        code: what was found, for programs; :mod:`codes` has them all.
        text: the same for a person, with the remedy where there is something to do. It quotes no value.
    """

    check: str
    code: str
    status: Status
    text: str

    def __post_init__(self) -> None:
        checked(self.code)

    def as_json(self) -> dict[str, str]:
        """As the JSON output has it; docs/cli.md describes it."""
        return {"check": self.check, "code": self.code, "status": self.status.value, "text": self.text}


def ok(check: str, text: str) -> Finding:
    return Finding(check, "ok", Status.OK, text)


def warning(check: str, code: str, text: str) -> Finding:
    return Finding(check, code, Status.WARNING, text)


def error(check: str, code: str, text: str) -> Finding:
    return Finding(check, code, Status.ERROR, text)


def skipped(check: str, text: str) -> Finding:
    return Finding(check, "skipped", Status.SKIPPED, text)


def findings_of(check: str, problems: Iterable[Problem]) -> list[Finding]:
    """Problems as lines of a checklist; each is named once."""
    statuses = {Severity.ERROR: Status.ERROR, Severity.WARNING: Status.WARNING, Severity.NOTICE: Status.OK}
    return list(dict.fromkeys(Finding(check, each.code, statuses[each.severity], each.text) for each in problems))
