"""``doctor``: everything that a deployment needs, as a checklist."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

from rich.text import Text

from airflow_kubernetes_secrets.cli.output import console, print_document, shown
from airflow_kubernetes_secrets.inventory.checkup import checkup
from airflow_kubernetes_secrets.inventory.finding import Finding, Status

_MARKS = {
    Status.OK: ("ok", "green"),
    Status.WARNING: ("WARNING", "bold yellow"),
    Status.ERROR: ("ERROR", "bold red"),
    Status.SKIPPED: ("skipped", "dim"),
}
_INDENT = 9


def run(arguments: argparse.Namespace) -> int:
    """Check, and show each finding as soon as it is known."""
    overrides = {name: getattr(arguments, name) for name in ("kubeconfig", "context", "namespace")}
    findings = checkup(overrides, arguments.as_user)
    found = _print(findings) if arguments.output == "text" else list(findings)
    if arguments.output != "text":
        print_document(_document(found), arguments.output)
    return 1 if any(finding.status is Status.ERROR for finding in found) else 0


def _document(findings: Sequence[Finding]) -> dict[str, object]:
    counts = {status.value: sum(each.status is status for each in findings) for status in Status}
    return {"findings": [finding.as_json() for finding in findings], "counts": counts}


def _print(findings: Iterable[Finding]) -> list[Finding]:
    out, shown_ones, title = console(), [], ""
    for finding in findings:
        shown_ones.append(finding)
        if finding.check != title:
            title = finding.check
            out.print(Text(title, style="bold"))
        mark, style = _MARKS[finding.status]
        first, *others = finding.text.split("\n")
        out.print(Text.assemble("  ", (mark.ljust(_INDENT), style), shown(first)))
        for line in others:
            out.print(Text(" " * (_INDENT + 2) + shown(line)))
    errors = sum(each.status is Status.ERROR for each in shown_ones)
    warnings = sum(each.status is Status.WARNING for each in shown_ones)
    verdict = "Nothing is wrong" if not errors else f"{errors} {'thing is' if errors == 1 else 'things are'} wrong"
    out.print(Text(f"{verdict}; {warnings} {'warning' if warnings == 1 else 'warnings'}", style="bold"))
    return shown_ones
