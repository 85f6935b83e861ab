"""The options that a command works with, from Airflow's configuration and the command's arguments."""

from __future__ import annotations

import argparse
from contextlib import closing

from airflow_kubernetes_secrets.cli.output import print_message
from airflow_kubernetes_secrets.deployment.configuration import NOT_OURS, AirflowConfiguration, read_configuration
from airflow_kubernetes_secrets.errors import KubernetesSecretsError, NotConfiguredError, OptionError
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.options.backend_kwargs import Options


def options_for(arguments: argparse.Namespace) -> tuple[AirflowConfiguration, Options]:
    """Return Airflow's configuration, and the options in it. Those on the command line replace the configured ones.

    This is for commands that show a state. Problems with the configuration go to standard error.

    Raises:
        KubernetesSecretsError: the configuration cannot be read, or an option is invalid.
    """
    configured = read_configuration()
    for problem in (*configured.problems, *configured.warnings):
        print_message(f"{problem.severity.value}: {problem.text}")
    return configured, configured.options(**overrides(arguments))


def overrides(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the options that the command line sets instead of Airflow's configuration."""
    given = {name: getattr(arguments, name) for name in ("kubeconfig", "context", "namespace")}
    return {name: value for name, value in given.items() if value is not None}


def access_arguments(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """Return the arguments that name the API server, the namespace and the user, as far as they are given."""
    given = {**overrides(arguments), **({"as": arguments.as_user} if arguments.as_user is not None else {})}
    return [(f"--{name}", value) for name, value in given.items()]


def why_no_export(arguments: argparse.Namespace, configured: AirflowConfiguration, options: Options) -> str:
    """Return why ``export --missing`` would search other namespaces than a command with ``--namespace``, and a remedy.

    Empty if both search the same namespaces. ``export`` writes to one namespace, but searches all that are configured.
    """
    if arguments.namespace is None:
        return ""
    try:
        of_export = configured.options(kubeconfig=arguments.kubeconfig, context=arguments.context)
    except OptionError as error:
        return f"'export' requires a valid configuration of Airflow: {error}"
    if of_export.namespace is not None and of_export.namespace != options.namespace:
        return (
            f"'export --missing' searches the configured namespaces ({', '.join(of_export.namespace)}), and not "
            f"{arguments.namespace}. Correct 'namespace' in backend_kwargs, or remove --namespace"
        )
    if of_export.namespace is None and of_export.path is not None:
        return "'export --missing' searches all namespaces of the folder. Remove --namespace"
    if of_export.namespace is None and len(options.namespaces) > 1:
        return (
            "'namespace' is not set in backend_kwargs, so 'export --missing' searches one namespace, and --namespace "
            "names several. Set 'namespace', or name one namespace"
        )
    return why_not_searched(arguments, of_export)


def why_not_searched(arguments: argparse.Namespace, configured: Options) -> str:
    """Return why this Airflow does not search ``--namespace`` if no namespace is configured, and a remedy.

    Empty if it does, or if that is unknown: the command may use the credentials of a person, whose namespace Airflow
    does not search.

    Args:
        configured: Airflow's options, without ``--namespace``.
    """
    is_own = arguments.kubeconfig is None and arguments.context is None and arguments.as_user is None
    if arguments.namespace is None or configured.namespace is not None or configured.path is not None or not is_own:
        return ""
    try:
        with closing(location_of(configured)) as location:
            own = location.namespace(None)
    except NotConfiguredError:
        return ""
    if own == arguments.namespace:
        return ""
    return (
        f"Airflow does not search namespace {arguments.namespace}: 'namespace' is not set in backend_kwargs, so it "
        f"searches the namespace of its credentials, {own}. Use --namespace {own}, or set 'namespace'"
    )


def dag_arguments(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """Return the arguments that name the DAGs and their team, as far as they are given."""
    team = [("--team", arguments.team)] if arguments.dags and arguments.team is not None else []
    return [*(("--dags", str(folder)) for folder in arguments.dags), *team]


def usable_configuration() -> AirflowConfiguration:
    """Return Airflow's configuration. If it names another backend or none, this continues as if it named this backend.

    This is for commands whose result has to fit the configuration, so an invalid configuration is an error.

    Raises:
        NotConfiguredError: Airflow could not use its configuration.
    """
    configured = read_configuration()
    for problem in configured.problems:
        if problem.code not in NOT_OURS:
            raise NotConfiguredError(problem.text)
        print_message(f"{problem.text}. This command continues as if it were configured")
    return configured


def options_or_defaults() -> Options:
    """Return the configured options, or the defaults if Airflow is not configured or its configuration is invalid.

    This is for commands that also run where Airflow is not configured, such as in CI.
    """
    try:
        configured = read_configuration()
        problems = [problem.text for problem in configured.problems if problem.code not in NOT_OURS]
        if not problems:
            return configured.options()
    except KubernetesSecretsError as error:
        problems = [str(error)]
    print_message(
        f"The default labels and keys are used, since Airflow's configuration is invalid: {'; '.join(problems)}"
    )
    return Options()
