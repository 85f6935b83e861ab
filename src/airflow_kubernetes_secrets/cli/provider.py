"""The commands under ``airflow kubernetes-secrets``.

Airflow 3.2 and later load them:
https://airflow.apache.org/docs/apache-airflow-providers/core-extensions/cli-commands.html
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from airflow_kubernetes_secrets.cli.definition import COMMANDS, DESCRIPTION, GROUP, Command


def get_cli_commands() -> list[Any]:
    """Return the group of commands for Airflow's command line."""
    from airflow.cli import cli_config

    airflow: Any = cli_config  # a part of it has no type annotations

    subcommands = [
        airflow.ActionCommand(
            name=command.name,
            help=command.help,
            description=command.description,
            func=_runs(command),
            args=[
                airflow.Arg(argument.flags, help=argument.help, **argument.settings) for argument in command.arguments
            ],
            epilog="; ".join(f"{status}: {meaning}" for status, meaning in command.statuses.items()),
        )
        for command in COMMANDS
    ]
    return [airflow.GroupCommand(name=GROUP, help=DESCRIPTION, subcommands=subcommands)]


def _runs(command: Command) -> Callable[[argparse.Namespace], None]:
    """Return a function that runs the command and exits with its status."""

    def entry(arguments: argparse.Namespace) -> None:
        from airflow_kubernetes_secrets.cli.main import run

        # Airflow ignores what a command returns.
        if status := run(command, arguments):
            sys.exit(status)

    return entry
