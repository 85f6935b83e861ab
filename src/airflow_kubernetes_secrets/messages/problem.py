"""A problem: its code for programs, and its text and severity for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from airflow_kubernetes_secrets.messages.problem_codes import ProblemCode


class Severity(Enum):
    """How serious a problem is. :class:`Problem` says what each severity means."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True)
class Problem:
    """A problem with a Secret, a manifest or the configuration.

    Attributes:
        code: identifies the problem for programs; :mod:`problem_codes` lists all codes.
        text: the Secret, key or option, what is wrong, and what to do. It quotes no value.
        severity: an error means that Airflow cannot read something. A warning means that something is probably
            unintended. A notice names what ``check`` cannot check.
    """

    code: ProblemCode
    text: str
    severity: Severity = Severity.ERROR

    def as_json(self) -> dict[str, str]:
        """Return the problem as the JSON outputs show it; docs/reference/cli.md describes them."""
        return {"code": self.code, "severity": self.severity.value, "text": self.text}
