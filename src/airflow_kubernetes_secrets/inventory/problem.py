"""Something that is wrong, in words and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from airflow_kubernetes_secrets.inventory.codes import checked


class Severity(Enum):
    """How wrong it is."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a Secret, a manifest or the configuration.

    Attributes:
        code: what kind of problem it is, for programs; :mod:`codes` has them all.
        text: which Secret, key or option it is, what is wrong and what to do. It quotes no value.
        severity: an error keeps Airflow from reading something; a warning is hardly meant; a notice says what `check`
            cannot know.
    """

    code: str
    text: str
    severity: Severity = Severity.ERROR

    def __post_init__(self) -> None:
        checked(self.code)

    def as_json(self) -> dict[str, str]:
        """As the JSON outputs have it; docs/cli.md describes them."""
        return {"code": self.code, "severity": self.severity.value, "text": self.text}
