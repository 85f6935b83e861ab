"""``airflow-kubernetes-secrets doctor``: checks a deployment, and shows the findings as a checklist."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

from airflow_kubernetes_secrets.cli.configured_options import overrides
from airflow_kubernetes_secrets.cli.output import Screen, print_document
from airflow_kubernetes_secrets.diagnosis.doctor import run_checks
from airflow_kubernetes_secrets.diagnosis.finding import Finding, FindingStatus
from airflow_kubernetes_secrets.messages.listing import number_of

_STATUS_WORDS = {
    FindingStatus.OK: ("ok", "green"),
    FindingStatus.WARNING: ("WARNING", "bold yellow"),
    FindingStatus.ERROR: ("ERROR", "bold red"),
    FindingStatus.SKIPPED: ("skipped", "dim"),
}
_INDENT = 9


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
    screen, shown, title = Screen(), [], ""
    for finding in findings:
        shown.append(finding)
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
