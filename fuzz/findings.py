"""The faults of a run: for each one the smallest input that shows it, and a report."""

from __future__ import annotations

import traceback
from hashlib import sha256
from pathlib import Path

from fuzz.rules import BrokenRuleError

REPORT = ".txt"


class Findings:
    """A folder with the faults of one target. A fault that is found again counts once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes: dict[str, int] = {}

    def add(self, fault: BrokenRuleError, content: bytes, suffix: str = ".bin") -> None:
        """Write the input that shows a fault, unless a smaller one is known."""
        name = f"{fault.rule.name.lower()}-{sha256(fault.place.encode()).hexdigest()[:8]}"
        if len(content) >= self._sizes.get(name, len(content) + 1):
            return
        self._sizes[name] = len(content)
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{name}{suffix}").write_bytes(content)
        # The first line of the report is the summary of the fault.
        report = f"{fault}\n\n{''.join(traceback.format_exception(fault))}"
        (self._folder / f"{name}{REPORT}").write_text(report, encoding="utf-8", errors="backslashreplace")


def reports(folder: Path) -> list[Path]:
    """Return the reports that a run has left in a folder."""
    return sorted(folder.glob(f"*{REPORT}")) if folder.is_dir() else []
