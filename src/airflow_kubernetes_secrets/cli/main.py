"""The command ``airflow-kubernetes-secrets``. Each of its commands is a module with ``add_to``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from airflow_kubernetes_secrets.cli import devserver
from airflow_kubernetes_secrets.version import __version__

COMMANDS = (devserver,)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in ``argv`` (that of the process when None) and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="airflow-kubernetes-secrets", description="Airflow's secrets from Kubernetes Secrets, found by label."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    arguments = parser.parse_args(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
