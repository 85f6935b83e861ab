"""``airflow-kubernetes-secrets check``: checks manifests before they are merged, without a cluster or a database."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from airflow_kubernetes_secrets.cli.configured_options import options_or_defaults
from airflow_kubernetes_secrets.cli.output import (
    Screen,
    counted,
    print_annotation,
    print_document,
    print_line,
    print_message,
)
from airflow_kubernetes_secrets.errors import OptionError
from airflow_kubernetes_secrets.kubernetes.labels import NAMESPACE_RULE, is_namespace
from airflow_kubernetes_secrets.manifests.check import Check, ManifestProblem, PathError
from airflow_kubernetes_secrets.manifests.given_values import STDIN
from airflow_kubernetes_secrets.messages.listing import number_of
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.messages.problem import Severity
from airflow_kubernetes_secrets.usage.dag_sources import uses_in_folders
from airflow_kubernetes_secrets.usage.ids_without_manifest import problems_of_dags

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTICE: "cyan"}


def run(arguments: argparse.Namespace) -> int:
    """Check the manifests in ``arguments.paths``, and the ids that the DAGs in ``arguments.dags`` use.

    Returns:
        1 if there is an error, or with ``--strict`` a warning; else 0.

    Raises:
        PathError: a path cannot be read.
        DagFolderError: a folder of DAGs cannot be read.
        OptionError: the namespace is invalid.
    """
    if not is_namespace(arguments.namespace):
        raise OptionError(f"--namespace: that is not a valid name. Use {NAMESPACE_RULE}")
    check = Check(options_or_defaults(), arguments.namespace, arguments.exclude)
    for path in arguments.paths:
        if not (_check_standard_input(check) if str(path) == STDIN else check.check_path(path)):
            print_message(f"{printable(path)}: nothing in it has Airflow's labels")
    if arguments.dags:
        found = uses_in_folders(arguments.dags, None, counted)
        check.problems += problems_of_dags(found, check.ids)
    _PRINTERS[arguments.output](check)
    failing = [Severity.ERROR, *([Severity.WARNING] if arguments.strict else [])]
    return int(any(_count(check.problems, severity) for severity in failing))


def _check_standard_input(check: Check) -> bool:
    if sys.stdin is None:
        raise PathError("-: there is no standard input to read. Name a file or a folder")
    return check.check_stream(sys.stdin.buffer)


def _print_text(check: Check) -> None:
    screen = Screen()
    for found in check.problems:
        problem = found.problem
        screen.print_line(
            (str(found.position), "bold"),
            (": ", ""),
            (problem.severity.value, _STYLES[problem.severity]),
            (f": {problem.text} ", ""),
            (f"[{problem.code}]", "dim"),
            soft_wrap=True,
        )
    screen.print_line((_summary(check), ""), soft_wrap=True)


def _print_json(check: Check) -> None:
    problems = [
        {"path": found.position.path, "line": found.position.line, **found.problem.as_json()}
        for found in check.problems
    ]
    print_document({"manifests": check.manifests, "problems": problems}, "json")


def _print_for_github(check: Check) -> None:
    for found in check.problems:
        problem = found.problem
        properties = {"file": found.position.path, "line": str(found.position.line), "title": problem.code}
        print_annotation(problem.severity.value, properties, problem.text)
    print_line(_summary(check))


_PRINTERS = {"text": _print_text, "json": _print_json, "github": _print_for_github}


def _summary(check: Check) -> str:
    counts = {
        "manifest": check.manifests,
        "error": _count(check.problems, Severity.ERROR),
        "warning": _count(check.problems, Severity.WARNING),
    }
    if notices := _count(check.problems, Severity.NOTICE):
        counts["notice"] = notices
    return ", ".join(number_of(count, word) for word, count in counts.items())


def _count(problems: Sequence[ManifestProblem], severity: Severity) -> int:
    return sum(found.problem.severity is severity for found in problems)
