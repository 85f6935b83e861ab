"""From Airflow's configuration and the arguments of a command to the options that it works with."""

from __future__ import annotations

import argparse

from airflow_kubernetes_secrets.cli.output import say
from airflow_kubernetes_secrets.errors import KubernetesSecretsError, NotConfiguredError
from airflow_kubernetes_secrets.inventory.configured import NOT_OURS, Configured, read_configuration
from airflow_kubernetes_secrets.options import Options


def options_for(arguments: argparse.Namespace) -> tuple[Configured, Options]:
    """What Airflow is configured with, and the options with those of the command in place of the configured ones.

    For commands that show how things are: what keeps Airflow from using the backend is said on standard error.

    Raises:
        KubernetesSecretsError: the configuration cannot be read, or an option cannot be used.
    """
    configured = read_configuration()
    for problem in configured.problems:
        say(f"{problem.severity.value}: {problem.text}")
    overrides = {name: getattr(arguments, name) for name in ("kubeconfig", "context", "namespace")}
    return configured, configured.options(**overrides)


def usable_configuration() -> Configured:
    """What Airflow is configured with, and the defaults where that is not this backend.

    For commands that make something which has to fit: a configuration that is wrong is an error.

    Raises:
        NotConfiguredError: Airflow would not use what is configured.
    """
    configured = read_configuration()
    for problem in configured.problems:
        if problem.code not in NOT_OURS:
            raise NotConfiguredError(problem.text)
        say(f"{problem.text}. This goes on as if it were")
    return configured


def options_or_defaults() -> Options:
    """The options that Airflow is configured with, and the defaults where there are none or they cannot be used.

    For commands that are run where Airflow need not be configured: the place where manifests are merged.
    """
    try:
        configured = read_configuration()
        problems = [problem.text for problem in configured.problems if problem.code not in NOT_OURS]
        if not problems:
            return configured.options()
    except KubernetesSecretsError as error:
        problems = [str(error)]
    say(f"The default labels and keys are taken, since Airflow's configuration is wrong: {'; '.join(problems)}")
    return Options()
