"""``airflow-kubernetes-secrets rbac``: prints the Roles and RoleBindings that a configuration needs."""

from __future__ import annotations

import argparse

from airflow_kubernetes_secrets.cli.access import usable_configuration
from airflow_kubernetes_secrets.cli.definition import PROGRAM
from airflow_kubernetes_secrets.cli.output import print_documents, print_line, say
from airflow_kubernetes_secrets.deployment.configuration import AirflowConfiguration
from airflow_kubernetes_secrets.kubernetes.credentials import in_a_pod
from airflow_kubernetes_secrets.kubernetes.labels import is_namespace
from airflow_kubernetes_secrets.manifests.rbac import Account, account_of, roles
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.api_source import credentials_of

# The options that determine which permissions are needed.
_TELLING = (
    "namespace",
    "team_namespaces",
    "references",
    "connections_label",
    "variables_label",
    "config_label",
    "cache_ttl",
)


def run(arguments: argparse.Namespace) -> int:
    """Print the manifests, or why none are needed.

    Raises:
        NotConfiguredError, NotGrantableError, OptionError: something is unknown or invalid.
    """
    configured = usable_configuration()
    options = configured.options(namespace=arguments.namespace)
    if options.path is not None:
        say("Airflow reads a folder in place of an API ('path' in backend_kwargs), so it needs no rights")
        return 0
    home = _home(options)
    accounts = list(dict.fromkeys(_account(text, home) for text in arguments.service_account))
    documents = roles(options, home, arguments.name, accounts)
    if not documents:
        say("Airflow asks the API for nothing: every label in backend_kwargs is null, and there are no references")
        return 0
    for line in _comment(configured, arguments.namespace is not None):
        print_line(line)
    print_documents(documents)
    return 0


def _home(options: Options) -> str | None:
    """Return the namespace of options and accounts that name none; ``None`` if it is unknown here.

    Only a kubeconfig in the options is certainly Airflow's. ``KUBECONFIG`` may belong to the user of this command.
    """
    if options.namespace:
        return options.namespace[0]
    if options.kubeconfig or in_a_pod():
        home = credentials_of(options).namespace()
        return home if is_namespace(home) else None
    return None


def _account(text: str, home: str | None) -> Account:
    """Return a service account, and print its namespace if the argument does not name it."""
    account = account_of(text, home)
    if "/" not in text:
        say(f"the service account {text} is taken to be in namespace {account.namespace}; if not, say NAMESPACE/{text}")
    return account


def _comment(configured: AirflowConfiguration, has_namespace: bool) -> tuple[str, ...]:
    """Return comments that say where the permissions come from. They quote no value of the configuration."""
    told = [name for name in _TELLING if name in configured.kwargs and not (name == "namespace" and has_namespace)]
    source = f"{', '.join(told)} in backend_kwargs" if told else "the defaults of backend_kwargs"
    if has_namespace:
        source = f"--namespace, and {source}"
    return (
        f"# Made by '{PROGRAM} rbac': what Airflow needs to read its Secrets, and no more.",
        "# By label it lists them, and watches with cache_ttl; what references name it gets.",
        f"# From {source}.",
    )
