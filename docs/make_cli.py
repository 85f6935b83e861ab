"""Writes docs/reference/cli.md from the definitions of the commands: ``python docs/make_cli.py``.

A test keeps it current.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from airflow_kubernetes_secrets.cli.definition import COMMANDS, PROGRAM, Argument, Command
from airflow_kubernetes_secrets.messages import problem_codes

DOCS = Path(__file__).parent
PAGE = DOCS / "reference" / "cli.md"
PROSE = PAGE.with_name("cli-prose.md")


def page() -> str:
    """Return the whole page."""
    prose = PROSE.read_text()
    before, after = prose.split("<!-- commands -->\n")
    middle, after = after.split("<!-- codes -->\n")
    return "".join([before, *map(_command, COMMANDS), middle, *_codes(), after])


def _command(command: Command) -> str:
    return "\n".join(
        [f"## {command.name}", "", command.description, "", *_usage(command), *_picture(command), *_table(command)]
    )


def _usage(command: Command) -> Iterator[str]:
    names = [_usage_of(argument) for argument in command.arguments]
    yield from ("```text", f"{PROGRAM} {command.name} {' '.join(filter(None, names))}".rstrip(), "```", "")


def _usage_of(argument: Argument) -> str:
    """Return how a required argument is written; empty for the others, which are in the table."""
    if not argument.flags[0].startswith("-"):
        name = "|".join(argument.settings.get("choices", ())) or argument.settings.get("metavar", argument.flags[0])
        number = argument.settings.get("nargs")
        return f"[{name}]" if number == "?" else f"{name}…" if number == "+" else name
    if argument.settings.get("required"):
        return f"{argument.flags[0]} {argument.settings['metavar']}"
    return ""


def _picture(command: Command) -> Iterator[str]:
    if (DOCS / "images" / f"{command.name}-light.svg").exists():
        yield from (
            "<picture>",
            f'  <source media="(prefers-color-scheme: dark)" srcset="../images/{command.name}-dark.svg">',
            f'  <img alt="What {command.name} shows on a terminal" src="../images/{command.name}-light.svg">',
            "</picture>",
            "",
        )


def _table(command: Command) -> Iterator[str]:
    yield from ("| argument | meaning |", "| --- | --- |")
    for argument in command.arguments:
        yield f"| {_name(argument)} | {_meaning(argument)} |"
    statuses = "; ".join(f"{status}: {meaning}" for status, meaning in command.statuses.items())
    yield from ("", f"Exit status: {statuses}.", "", "")


def _name(argument: Argument) -> str:
    if not argument.flags[0].startswith("-"):
        return f"`{argument.settings.get('metavar', argument.flags[0])}`"
    metavar = argument.settings.get("metavar")
    return ", ".join(f"`{flag}{f' {metavar}' if metavar else ''}`" for flag in argument.flags)


def _meaning(argument: Argument) -> str:
    text = argument.help.replace("|", "\\|")
    choices, default = argument.settings.get("choices"), argument.settings.get("default")
    if choices:
        text += f" (one of {', '.join(f'`{choice}`' for choice in choices)})"
    if default and "default" not in text:
        text += f" (default: {default})"
    return text


def _codes() -> Iterator[str]:
    titles = (
        ("Of Secrets and manifests", problem_codes.OF_SECRETS.items()),
        ("Of manifests alone", problem_codes.OF_MANIFESTS.items()),
        ("Of the deployment", problem_codes.OF_DEPLOYMENTS.items()),
    )
    for title, meanings in titles:
        yield f"### {title}\n\n| code | what is wrong |\n| --- | --- |\n"
        yield from (f'| <a name="{code}"></a>`{code}` | {meaning} |\n' for code, meaning in meanings)
        yield "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
