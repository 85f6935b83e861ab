"""The findings of ``doctor``, which are the lines of its checklist."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.messages.problem_codes import FineCode, ProblemCode


class FindingStatus(Enum):
    """The result of one check."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One line of the checklist.

    Attributes:
        check: what was checked, in one or two words.
        code: identifies the finding for programs; :mod:`problem_codes` lists all codes.
        status: whether it is an error, a warning, fine, or not checked.
        text: the finding for people, with a remedy if there is something to do. It quotes no value.
    """

    check: str
    code: ProblemCode | FineCode
    status: FindingStatus
    text: str

    def as_json(self) -> dict[str, str]:
        """Return the finding as the JSON output shows it; docs/reference/cli.md describes it."""
        return {"check": self.check, "code": self.code, "status": self.status.value, "text": self.text}


def ok(check: str, text: str) -> Finding:
    """Return a finding that something is fine."""
    return Finding(check, "ok", FindingStatus.OK, text)


def warning(check: str, code: ProblemCode, text: str) -> Finding:
    """Return a finding that something is probably unintended."""
    return Finding(check, code, FindingStatus.WARNING, text)


def error(check: str, code: ProblemCode, text: str) -> Finding:
    """Return a finding that something is wrong."""
    return Finding(check, code, FindingStatus.ERROR, text)


def skipped(check: str, text: str) -> Finding:
    """Return a finding that something was not checked."""
    return Finding(check, "skipped", FindingStatus.SKIPPED, text)


def findings_of(check: str, problems: Iterable[Problem]) -> list[Finding]:
    """Return problems as findings of one check, without repetitions."""
    statuses = {
        Severity.ERROR: FindingStatus.ERROR,
        Severity.WARNING: FindingStatus.WARNING,
        Severity.NOTICE: FindingStatus.OK,
    }
    return list(dict.fromkeys(Finding(check, each.code, statuses[each.severity], each.text) for each in problems))
