"""The explanation of a lookup in words. The terminal and the page show the same sections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice

from airflow_kubernetes_secrets.deployment.configuration import AirflowConfiguration
from airflow_kubernetes_secrets.deployment.secret_options import SecretOption
from airflow_kubernetes_secrets.diagnosis.explanation import Candidate, Explanation, Step, Verdict
from airflow_kubernetes_secrets.diagnosis.hook_test import HookState
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.messages.advice import advice_of
from airflow_kubernetes_secrets.messages.listing import first_names, number_of
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.messages.problem import Problem, Severity


class Tone(Enum):
    """How a line is shown. The value is its CSS class on the page."""

    PLAIN = ""
    GOOD = "good"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Line:
    """One line of a section.

    Attributes:
        problem: the problem that the line is about, if it is about one.
    """

    text: str
    tone: Tone = Tone.PLAIN
    problem: Problem | None = None

    def as_json(self) -> dict[str, object]:
        """Return the line for the page, in parts."""
        problem = None if self.problem is None else self.problem.as_json()
        return {"text": self.text, "tone": self.tone.value, "problem": problem, **advice_of(self.text).as_json()}


@dataclass(frozen=True)
class Section:
    """A part of an explanation: a short title, and its lines."""

    title: str
    lines: Sequence[Line]

    def as_json(self) -> dict[str, object]:
        """Return the section for the page."""
        return {"title": self.title, "lines": [line.as_json() for line in self.lines]}


# The most lines about Secrets or about uses. An id can have thousands of both.
_MOST_LINES = 20
# How to see all of them.
_SEE_SECRETS = "'airflow-kubernetes-secrets explain --output json' shows all of them"
_SEE_USES = "'airflow-kubernetes-secrets usage --id ID' shows all of them"

_TONES = {Severity.ERROR: Tone.ERROR, Severity.WARNING: Tone.WARNING, Severity.NOTICE: Tone.PLAIN}


_TESTED = {
    HookState.WORKS: ("the connection works", Tone.GOOD),
    HookState.FAILED: ("the connection does not work", Tone.ERROR),
    HookState.NOT_TESTED: ("not tested", Tone.WARNING),
}


def trace_sections(explanation: Explanation, configuration: Iterable[str]) -> Iterator[Section]:
    """Yield how the lookup ran, in the order of its steps.

    Args:
        configuration: the lines about Airflow's configuration, from :func:`configuration_lines`.
    """
    yield Section("Configured", [Line(text) for text in configuration])
    user = f" as {printable(explanation.user)}" if explanation.user else ""
    yield Section("Looked in", [Line(explanation.location + user)])
    yield Section("Requests", [_step(step) for step in explanation.steps] or [Line("none")])
    if explanation.candidates:
        selected_tone = Tone.GOOD if explanation.verdict is Verdict.FOUND else Tone.ERROR
        lines = (_candidate(candidate, selected_tone) for candidate in explanation.candidates)
        yield Section("Secrets", _first_lines(lines, len(explanation.candidates), "Secret", _SEE_SECRETS))
    yield from _content(explanation)


def problem_sections(explanation: Explanation) -> Iterator[Section]:
    """Yield what is wrong, what to do, and what else is affected."""
    if explanation.error:
        yield Section("Error", [Line(explanation.error, Tone.ERROR)])
    if explanation.tested is not None:
        words, tone = _TESTED[explanation.tested.state]
        message = printable(explanation.tested.message)
        yield Section("Test", [Line(f"{words}: {message}" if message else words, tone)])
    if explanation.problems:
        yield Section("Problems", [Line(each.text, _TONES[each.severity], each) for each in explanation.problems])
    if explanation.options:
        yield Section("Options", [Line(_option(option)) for option in explanation.options])
    elif explanation.lookup.kind is Kind.CONFIG:
        text = "no option of Airflow names this id, neither here nor in airflow.cfg"
        yield Section("Options", [Line(text, Tone.WARNING)])
    for title, entries in (("Not read", explanation.hidden), ("Instead", explanation.instead)):
        if found := [Line(each.text) for each in entries if each.is_there]:
            yield Section(title, found)
        if unknown := [Line(each.text) for each in entries if not each.is_there]:
            yield Section("Unknown", unknown)
    if explanation.uses is not None:
        lines = (Line(printable(str(use))) for use in explanation.uses)
        shown = _first_lines(lines, len(explanation.uses), "use", _SEE_USES)
        yield Section("Used by", shown or [Line("none of these DAGs")])
    yield from _suggestions(explanation)


def _first_lines(lines: Iterator[Line], total: int, word: str, remedy: str) -> list[Line]:
    """Return the first lines, and then one that says how many more there are.

    Args:
        word: what each line is about.
        remedy: how to see all of them.
    """
    shown = list(islice(lines, _MOST_LINES))
    if more := total - len(shown):
        shown.append(Line(f"{number_of(more, f'more {word}')} {'is' if more == 1 else 'are'} not shown. {remedy}"))
    return shown


def _suggestions(explanation: Explanation) -> Iterator[Section]:
    """Yield the hints, and the command that comes next."""
    if explanation.hints:
        yield Section("Hints", [Line(hint, Tone.WARNING) for hint in explanation.hints])
    if explanation.next_command is not None:
        yield Section("Next", [Line(str(explanation.next_command))])


def configuration_lines(configured: AirflowConfiguration, options: Sequence[str]) -> list[str]:
    """Return which backend is configured with which options, and where that is set.

    Args:
        options: each option in words, with its value if that may be shown.
    """
    origin = f", from {configured.backend_from}" if configured.backend_from else ""
    return [
        printable(f"{configured.backend or 'no backend'}{origin}"),
        printable(f"{' '.join(options) or 'no options'}{configured.kwargs_origins}"),
    ]


def _step(step: Step) -> Line:
    where = f" in {step.namespace}" if step.namespace else ""
    kind = step.resource.kind
    of = "" if step.resource is SECRETS else f" {kind}s"
    request = printable(f"{step.verb}{of} {step.what}{where}")
    if step.found is None:
        return Line(f"{request}: failed" + (" (not allowed)" if step.allowed is False else ""), Tone.ERROR)
    return Line(f"{request}: {number_of(step.found, kind)}")


def _candidate(candidate: Candidate, selected_tone: Tone) -> Line:
    owner = candidate.stored.owner
    managed = f", managed by {owner}," if owner is not None else ""
    text = printable(f"{candidate.stored.secret.listed_name}{managed} {candidate.text}")
    return Line(text, selected_tone if candidate.is_selected else Tone.WARNING)


def _option(option: SecretOption) -> str:
    return f"{option.name} names it ({option.where})" + (f", but {option.instead}" if option.instead else "")


def _content(explanation: Explanation) -> Iterator[Section]:
    content = explanation.content
    if content is None:
        return
    text = content.data_format + (", completed by annotations" if content.is_completed else "")
    if explanation.fields:
        text += ": " + ", ".join(f"{field} from {key!r}" for field, key in explanation.fields.items())
    yield Section("Format", [Line(printable(text))])
    if content.unused:
        names = first_names(map(repr, content.unused), len(content.unused))
        yield Section("Unused", [Line(printable(f"{'key' if len(content.unused) == 1 else 'keys'} {names}"))])
    if explanation.parsed is not None:
        address = f"{content.host}:{content.port}" if content.host and content.port else content.host
        parts = [content.conn_type and f"type {content.conn_type}", address and f"host {address}"]
        parts += [f"{name} is set" for name in explanation.parsed.fields if name not in ("port", "extra")]
        if explanation.parsed.extra:
            parts.append(f"extra has {', '.join(explanation.parsed.extra)}")
        yield Section("Airflow", [Line(printable("parses it: " + ", ".join(filter(None, parts))))])
