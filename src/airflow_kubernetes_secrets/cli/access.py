"""From the arguments of a command to the options that it works with, and the place that it asks."""

from __future__ import annotations

import argparse

from airflow_kubernetes_secrets.cli.output import say
from airflow_kubernetes_secrets.inventory.configured import Configured, read_configuration
from airflow_kubernetes_secrets.options import Options


def options_for(arguments: argparse.Namespace) -> tuple[Configured, Options]:
    """What Airflow is configured with, and the options with those of the command in place of the configured ones.

    What keeps Airflow from using the backend is said on standard error, and does not stop the command.

    Raises:
        KubernetesSecretsError: the configuration cannot be read, or an option cannot be used.
    """
    configured = read_configuration()
    for problem in configured.problems:
        say(f"{problem.severity.value}: {problem.text}")
    overrides = {name: getattr(arguments, name, None) for name in ("kubeconfig", "context", "namespace")}
    return configured, configured.options(**overrides)
