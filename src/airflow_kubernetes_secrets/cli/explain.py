"""``airflow-kubernetes-secrets explain``: shows the trace of one lookup."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from contextlib import closing

from airflow_kubernetes_secrets.cli.access import options_for
from airflow_kubernetes_secrets.cli.output import Screen, Styled, print_document, progress
from airflow_kubernetes_secrets.deployment.configuration import AirflowConfiguration
from airflow_kubernetes_secrets.diagnosis.explanation import Explanation, Step, Verdict, explain
from airflow_kubernetes_secrets.errors import OptionError
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.lookup.selection import Kind, Lookup
from airflow_kubernetes_secrets.messages.listing import few
from airflow_kubernetes_secrets.messages.printable import printable

_STYLES = {Verdict.FOUND: "bold green", Verdict.NOT_FOUND: "bold yellow", Verdict.TROUBLE: "bold red"}

# A part of the trace: its title, and its lines with their style.
_Part = tuple[str, list[Styled]]


def run(arguments: argparse.Namespace) -> int:
    """Explain one lookup. The exit status says whether the id was found.

    Raises:
        KubernetesSecretsError: the configuration cannot be used, or there is no backend location.
    """
    lookup = Lookup(Kind[arguments.kind.upper()], arguments.id, arguments.team)
    if lookup.kind is Kind.CONFIG and lookup.team:
        raise OptionError("--team: Airflow asks for configuration options without a team. Leave it out")
    configured, options = options_for(arguments)
    with closing(location_of(options, arguments.as_user)) as place, progress(f"Looking up {lookup}"):
        story = explain(lookup, options, place)
    if arguments.output == "text":
        _print(story, configured, _replaced(arguments))
    else:
        print_document({**story.as_json(), "configuration": configured.as_json()}, arguments.output)
    return story.verdict.value


def _replaced(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the options that the command line replaces, and the argument that replaces each."""
    given = {name for name in ("kubeconfig", "context", "namespace") if getattr(arguments, name) is not None}
    replaced = {name: f"--{name}" for name in given}
    api = next((name for name in ("kubeconfig", "context") if name in given), None)
    return replaced if api is None else {**replaced, "path": f"--{api}"}


def _print(story: Explanation, configured: AirflowConfiguration, replaced: Mapping[str, str]) -> None:
    screen = Screen()
    screen.print_line((story.headline, _STYLES[story.verdict]))
    screen.print_grid(
        [
            ("" if position else title, line)
            for title, lines in _parts(story, configured, replaced)
            for position, line in enumerate(lines)
        ]
    )


def _parts(story: Explanation, configured: AirflowConfiguration, replaced: Mapping[str, str]) -> Iterator[_Part]:
    yield "Configured", list(_configuration(configured, replaced))
    yield "Looked in", [(story.place + (f" as {printable(story.user)}" if story.user else ""), "")]
    yield "Asked", [_step(step) for step in story.steps] or [("nothing", "")]
    if story.candidates:
        yield (
            "Secrets",
            [
                (
                    f"{candidate.stored.secret}{_owner(candidate.stored.owner)} {candidate.verdict}",
                    "green" if candidate.answers else "yellow",
                )
                for candidate in story.candidates
            ],
        )
    if story.error:
        yield "Error", [(story.error, "red")]
    yield from _content(story)
    for title, texts, style in (
        ("Problem", [problem.text for problem in story.problems], "red"),
        ("Options", [_option(option.name, option.where, option.instead) for option in story.options], ""),
        ("Not read", [each.text for each in story.hidden], ""),
        ("Hint", story.hints, "yellow"),
    ):
        if texts:
            yield title, [(text, style) for text in texts]
    if story.lookup.kind is Kind.CONFIG and not story.options:
        yield "Options", [("none of Airflow's options names this id, here or in airflow.cfg", "yellow")]


def _configuration(configured: AirflowConfiguration, replaced: Mapping[str, str]) -> Iterator[Styled]:
    yield printable(f"{configured.backend or 'no backend'}{_from([configured.backend_from])}"), ""
    # The options in use have been checked, so their values are known to be harmless. A replaced one may contain
    # anything.
    options = [
        f"({name}: {replaced[name]} counts)" if name in replaced else f"{name}={json.dumps(value, ensure_ascii=False)}"
        for name, value in sorted(configured.kwargs.items())
    ]
    yield printable(f"{' '.join(options) or 'no options'}{_from(configured.kwargs_from)}"), ""


def _from(origins: list[str] | tuple[str, ...]) -> str:
    named = ", ".join(filter(None, origins))
    return f", from {named}" if named else ""


def _step(step: Step) -> Styled:
    where = f" in {step.namespace}" if step.namespace else ""
    asked = f"{step.verb} {step.what}{where}"
    if step.found is None:
        return f"{asked}: failed" + (" (not allowed)" if step.allowed is False else ""), "red"
    return f"{asked}: {step.found} {'Secret' if step.found == 1 else 'Secrets'}", ""


def _owner(owner: object) -> str:
    return f", kept by {owner}," if owner is not None else ""


def _option(name: str, where: str, instead: str) -> str:
    return f"{name} names it ({where})" + (f", but {instead}" if instead else "")


def _content(story: Explanation) -> Iterator[_Part]:
    content = story.content
    if content is None:
        return
    shape = content.shape + (", completed by annotations" if content.is_completed else "")
    if story.fields:
        shape += ": " + ", ".join(f"{field} from {key!r}" for field, key in story.fields.items())
    yield "Shape", [(shape, "")]
    if content.unused:
        names = few(map(repr, content.unused), len(content.unused))
        yield "Unused", [(printable(f"{'key' if len(content.unused) == 1 else 'keys'} {names}"), "")]
    if story.parsed is not None:
        address = f"{content.host}:{content.port}" if content.host and content.port else content.host
        parts = [content.conn_type and f"type {content.conn_type}", address and f"host {address}"]
        parts += [f"{name} is set" for name in story.parsed.fields if name not in ("port", "extra")]
        if story.parsed.extra:
            parts.append(f"extra has {', '.join(story.parsed.extra)}")
        yield "Airflow", [(printable("parses it: " + ", ".join(filter(None, parts))), "")]
