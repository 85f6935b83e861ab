"""Writes docs/reference/options.md from the options: ``python docs/make_reference.py``. A test keeps it current."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from airflow_kubernetes_secrets.errors import OptionError
from airflow_kubernetes_secrets.options.backend_kwargs import OPTIONS, Option

DOCS = Path(__file__).parent
PAGE = DOCS / "reference" / "options.md"
PROSE = PAGE.with_name("options-prose.md")
VARIABLE = "AIRFLOW__SECRETS__BACKEND_KWARG__"


def page() -> str:
    """Return the whole page."""
    return PROSE.read_text().replace("<!-- options -->\n", "".join(_sections()))


def _sections() -> Iterator[str]:
    topics = dict.fromkeys(option.topic for option in OPTIONS.values())
    for topic in topics:
        yield f"## {topic}\n\n"
        for option in OPTIONS.values():
            if option.topic == topic:
                yield "\n".join(_lines(option)) + "\n\n"


def _lines(option: Option[Any]) -> Sequence[str]:
    name, default = option.name, option.default
    more = f" More: [{_title(option.page)}]({option.page})." if option.page else ""
    return [
        f"### `{name}`",
        "",
        f"{option.doc}{more}",
        "",
        f"- Takes {'; '.join(filter(None, (option.accepted.words, option.condition)))}.",
        f"- Default: `{f'{default:g}' if isinstance(default, float) else json.dumps(default)}`",
        f"- Example: `{json.dumps({name: option.example})}`",
        f"- As a variable: `{VARIABLE}{name.upper()}={_as_variable(option.example)}`",
        f"- `{json.dumps({name: option.refused})}` is refused: `{_error(option)}`",
    ]


def _title(link: str) -> str:
    """Return the title of the page that a link on the page of options leads to."""
    return (PAGE.parent / link.partition("#")[0]).read_text().partition("\n")[0].removeprefix("# ")


def _as_variable(value: object) -> str:
    """Return the value as written after the ``=`` in a shell."""
    return shlex.quote(value if isinstance(value, str) else json.dumps(value))


def _error(option: Option[Any]) -> str:
    """Return the option's error message for the value that it refuses."""
    try:
        option.parse(option.refused)
    except OptionError as refused:
        return str(refused)
    raise ValueError(f"{option.name} takes {option.refused!r}")


if __name__ == "__main__":
    PAGE.write_text(page())
