"""The findings of ``doctor``."""

from __future__ import annotations

from collections.abc import Sequence

from support.commands import Commands


def doctor(commands: Commands, *arguments: str, status: int | Sequence[int]) -> list[dict[str, str]]:
    """Return the findings of ``doctor``."""
    found: list[dict[str, str]] = commands.run("doctor", *arguments, "-o", "json", status=status).document["findings"]
    return found


def only(findings: list[dict[str, str]]) -> dict[str, str]:
    """Return the only finding that is a warning or an error."""
    found = [each for each in findings if each["status"] in ("warning", "error")]
    assert len(found) == 1, found
    return found[0]


def warning(commands: Commands, code: str, *arguments: str) -> str:
    """Return the text of the only finding that is not fine, which must be a warning."""
    found = only(doctor(commands, *arguments, status=0))
    assert (found["code"], found["status"]) == (code, "warning")
    return found["text"]


def error(commands: Commands, code: str, *arguments: str) -> str:
    """Return the text of the only finding that is not fine, which must be an error."""
    found = only(doctor(commands, *arguments, status=1))
    assert (found["code"], found["status"]) == (code, "error")
    return found["text"]
