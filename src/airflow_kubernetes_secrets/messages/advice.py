"""The parts of a message: what is wrong, what to do, and the commands for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Only this package writes line breaks into messages (`printable`). So names and values from outside, which can contain
# anything, cannot pass for a command.
_COMMAND = re.compile(r"\n +((?:kubectl|airflow-kubernetes-secrets) .+)$", re.MULTILINE)
_SENTENCE_END = re.compile(r"\.\s+(?=[A-Z])")


@dataclass(frozen=True)
class Advice:
    """A message in parts.

    Attributes:
        statement: what is wrong: the first sentence.
        remedy: what to do: the other sentences, without their commands. Empty if there are none.
        commands: the commands that the message contains, each as one line.
    """

    statement: str
    remedy: str
    commands: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Return the parts for the page."""
        return {"statement": self.statement, "remedy": self.remedy, "commands": list(self.commands)}


def command_lines(*commands: str) -> str:
    """Return commands for the end of a message, each in a line of its own, where :func:`advice_of` finds it."""
    return "".join(f"\n  {each}" for each in commands)


def advice_of(message: str) -> Advice:
    """Return the parts of a message. Every message says first what is wrong, and then what to do."""
    text = _COMMAND.sub("", message).strip()
    statement, *rest = _SENTENCE_END.split(text, maxsplit=1)
    return Advice(f"{statement}." if rest else statement, "".join(rest).strip(), tuple(_COMMAND.findall(message)))
