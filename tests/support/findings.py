"""What ``doctor`` finds."""

from __future__ import annotations

from support.commands import Commands


def doctor(commands: Commands, *arguments: str, status: int) -> list[dict[str, str]]:
    found: list[dict[str, str]] = commands.run("doctor", *arguments, "-o", "json", status=status).document["findings"]
    return found


def only(findings: list[dict[str, str]]) -> dict[str, str]:
    """The one finding that is not fine."""
    found = [each for each in findings if each["status"] in ("warning", "error")]
    assert len(found) == 1, found
    return found[0]


def warning(commands: Commands, code: str, *arguments: str) -> str:
    """The text of the only thing that is not fine, which is a warning."""
    found = only(doctor(commands, *arguments, status=0))
    assert (found["code"], found["status"]) == (code, "warning")
    return found["text"]


def error(commands: Commands, code: str, *arguments: str) -> str:
    """The text of the only thing that is not fine, which is an error."""
    found = only(doctor(commands, *arguments, status=1))
    assert (found["code"], found["status"]) == (code, "error")
    return found["text"]
