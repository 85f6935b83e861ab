"""The rules for every input, and the error for an input that breaks one."""

from __future__ import annotations

import traceback
from enum import Enum
from pathlib import PurePath

_PACKAGE = "airflow_kubernetes_secrets"


class Rule(Enum):
    """A rule for every input."""

    EXPECTED = "only documented exceptions are raised"
    FAST = "the CPU time is bounded by the size of the input"
    LINEAR = "the CPU time grows no faster than the input"
    SILENT = "no message shows a secret value"
    CLAIM = "the result is what the target claims"


class BrokenRuleError(Exception):
    """An input broke a rule.

    Attributes:
        rule: the rule.
        place: the location in the code, if it is known. Faults with equal rule and place count as one.
    """

    def __init__(self, rule: Rule, problem: str, place: str = "") -> None:
        super().__init__(f"{rule.value}: {problem}")
        self.rule = rule
        self.place = place


def place_of(error: BaseException) -> str:
    """Return the type of an exception, and the innermost line of the package in its traceback."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if f"/{_PACKAGE}/" in frame.filename]
    where = f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno} {frames[-1].name}" if frames else ""
    return f"{type(error).__name__} {where}".strip()
