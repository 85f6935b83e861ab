"""``airflow-kubernetes-secrets doctor``: checks a deployment, and shows the findings as a checklist."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from airflow_kubernetes_secrets.cli.configured_options import overrides
from airflow_kubernetes_secrets.cli.output import Screen, print_document
from airflow_kubernetes_secrets.diagnosis.doctor import run_checks
from airflow_kubernetes_secrets.diagnosis.finding import Finding, FindingStatus
from airflow_kubernetes_secrets.messages.listing import MOST_PROBLEMS, SEE_JSON, more_text, number_of

_STATUS_WORDS = {
    FindingStatus.OK: ("ok", "green"),
    FindingStatus.WARNING: ("WARNING", "bold yellow"),
    FindingStatus.ERROR: ("ERROR", "bold red"),
    FindingStatus.SKIPPED: ("skipped", "dim"),
}
_INDENT = 9

# The findings of which there can be one for each file of a folder, or for each Secret without the right label. The text
# shows the first ones only.
_OF_MANY = ("manifest", "folder-layout", "unknown-annotation", "unknown-label")


def run(arguments: argparse.Namespace) -> int:
    """Run the checks. As text, each finding is shown as soon as it is known.

    Returns:
        1 if there is an error; else 0.
    """
    findings = run_checks(overrides(arguments), arguments.as_user)
    found = _print(findings) if arguments.output == "text" else list(findings)
    if arguments.output != "text":
        print_document(_document(found), arguments.output)
    return 1 if any(finding.status is FindingStatus.ERROR for finding in found) else 0


def _document(findings: Sequence[Finding]) -> dict[str, object]:
    counts = {status.value: sum(each.status is status for each in findings) for status in FindingStatus}
    return {"findings": [finding.as_json() for finding in findings], "counts": counts}


def _print(findings: Iterable[Finding]) -> list[Finding]:
    screen, title = Screen(), ""
    shown: list[Finding] = []
    for finding in _first_findings(findings, shown):
        if finding.check != title:
            title = finding.check
            screen.print_line((title, "bold"))
        word, style = _STATUS_WORDS[finding.status]
        first, *others = finding.text.split("\n")
        screen.print_line(("  ", ""), (word.ljust(_INDENT), style), (first, ""))
        for line in others:
            screen.print_line((" " * (_INDENT + 2) + line, ""))
    errors = sum(each.status is FindingStatus.ERROR for each in shown)
    warnings = sum(each.status is FindingStatus.WARNING for each in shown)
    verdict = number_of(errors, "error") if errors else "No errors"
    screen.print_line((f"{verdict}; {number_of(warnings, 'warning')}", "bold"))
    return shown


def _first_findings(findings: Iterable[Finding], found: list[Finding]) -> Iterator[Finding]:
    """Yield the findings that are shown. After the first ones of many, one finding has the number of the others.

    Args:
        found: gets all findings.
    """
    for code, group in groupby(findings, key=lambda each: each.code):
        omitted: list[Finding] = []
        for position, finding in enumerate(group):
            found.append(finding)
            if code in _OF_MANY and position >= MOST_PROBLEMS:
                omitted.append(finding)
            else:
                yield finding
        if omitted:
            yield replace(omitted[0], text=more_text(len(omitted), SEE_JSON))
