"""``airflow-kubernetes-secrets explain``: shows the trace of one lookup."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from contextlib import closing

from airflow_kubernetes_secrets.cli.configured_options import (
    access_arguments,
    dag_arguments,
    options_for,
    overrides,
    why_no_export,
)
from airflow_kubernetes_secrets.cli.output import Screen, counted, print_document, print_message, progress
from airflow_kubernetes_secrets.deployment.configuration import AirflowConfiguration, replaced_options
from airflow_kubernetes_secrets.diagnosis.explain import explain
from airflow_kubernetes_secrets.diagnosis.explanation import Explanation, Verdict
from airflow_kubernetes_secrets.diagnosis.explanation_text import (
    Tone,
    configuration_lines,
    problem_sections,
    trace_sections,
)
from airflow_kubernetes_secrets.diagnosis.hook_test import HookState, run_hook_test
from airflow_kubernetes_secrets.errors import OptionError
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.usage.dag_sources import uses_in_folders
from airflow_kubernetes_secrets.usage.next_commands import NextCommands

# The exit status if the connection is found, and its test fails or is not possible.
_TEST_FAILED = 3

_STYLES = {Verdict.FOUND: "bold green", Verdict.NOT_FOUND: "bold yellow", Verdict.TROUBLE: "bold red"}

_COLOURS = {Tone.PLAIN: "", Tone.GOOD: "green", Tone.WARNING: "yellow", Tone.ERROR: "red"}


def run(arguments: argparse.Namespace) -> int:
    """Explain one lookup.

    Returns:
        0 if a Secret is selected; 1 if none is; 2 if the lookup fails or the Secret cannot be read; 3 if the Secret is
        selected, and the test of the connection failed or was not possible.

    Raises:
        OptionError: the arguments do not fit together.
        KubernetesSecretsError: the configuration cannot be used, or there is no backend location.
    """
    lookup = Lookup(Kind[arguments.kind.upper()], arguments.id, arguments.team)
    if lookup.kind is Kind.CONFIG and lookup.team:
        raise OptionError("--team: Airflow looks configuration options up without a team. Remove the argument")
    if arguments.test and lookup.kind is not Kind.CONNECTION:
        raise OptionError("--test: only a connection can be tested. Remove the argument")
    configured, options = options_for(arguments)
    run_test = run_hook_test if arguments.test else None
    with closing(location_of(options, arguments.as_user)) as location, progress(f"Looking up {lookup}"):
        commands = NextCommands(
            options,
            access_arguments(arguments),
            dag_arguments(arguments),
            location.namespace(None) or None,
            why_no_export(arguments, configured, options),
        )
        explanation = explain(lookup, options, location, run_test=run_test, commands=commands)
    if arguments.dags:
        found = uses_in_folders(arguments.dags, lookup.team, counted)
        for path, problem in found.unread.items():
            print_message(f"error: {path}: {problem}")
        explanation.uses = [use for use in found.uses if (use.kind, use.id) == (lookup.kind, lookup.id)]
    if arguments.output == "text":
        _print(explanation, configured, replaced_options(overrides(arguments)))
    else:
        print_document({**explanation.as_json(), "configuration": configured.as_json()}, arguments.output)
    if explanation.tested is not None and explanation.tested.state is not HookState.WORKS:
        return _TEST_FAILED
    return explanation.verdict.value


def _print(explanation: Explanation, configured: AirflowConfiguration, replaced: Mapping[str, str]) -> None:
    screen = Screen()
    screen.print_line((explanation.headline, _STYLES[explanation.verdict]))
    configuration = configuration_lines(configured, list(_options(configured, replaced)))
    screen.print_grid(
        [
            ("" if position else section.title, (line.text, _COLOURS[line.tone]))
            for section in (*trace_sections(explanation, configuration), *problem_sections(explanation))
            for position, line in enumerate(section.lines)
        ]
    )


def _options(configured: AirflowConfiguration, replaced: Mapping[str, str]) -> Iterator[str]:
    """Yield each option with its value. A replaced one was not checked and may contain anything, so it is not shown."""
    for name, value in sorted(configured.kwargs.items()):
        if name in replaced:
            yield f"({name}: --{replaced[name]} is used instead)"
        else:
            yield f"{name}={json.dumps(value, ensure_ascii=False)}"
