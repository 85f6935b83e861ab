"""``airflow-kubernetes-secrets rbac``: prints the Roles and RoleBindings that a configuration needs."""

from __future__ import annotations

import argparse

from airflow_kubernetes_secrets.cli.configured_options import usable_configuration
from airflow_kubernetes_secrets.cli.output import print_documents, print_line, print_message
from airflow_kubernetes_secrets.manifests.rbac import Account, account_of, comment, default_namespace_of, roles


def run(arguments: argparse.Namespace) -> int:
    """Print the manifests, or why none are needed.

    Returns:
        0.

    Raises:
        NotConfiguredError, NotGrantableError, OptionError: an argument or option is invalid, or the namespace is
            not known.
    """
    configured = usable_configuration()
    options = configured.options(namespace=arguments.namespace)
    if options.path is not None:
        print_message("Airflow reads a folder instead of an API ('path' in backend_kwargs), so it needs no permissions")
        return 0
    default_namespace = default_namespace_of(options)
    accounts = list(dict.fromkeys(_account(text, default_namespace) for text in arguments.service_account))
    documents = roles(options, default_namespace, arguments.name, accounts)
    if not documents:
        print_message(
            "Airflow sends no requests to the API: every label in backend_kwargs is null, and there are no references"
        )
        return 0
    for line in comment(configured, has_namespace=arguments.namespace is not None):
        print_line(line)
    print_documents(documents)
    return 0


def _account(text: str, default_namespace: str | None) -> Account:
    """Return a service account, and print its namespace if the argument does not name it."""
    account = account_of(text, default_namespace)
    if "/" not in text:
        print_message(
            f"the service account {text} is assumed to be in namespace {account.namespace}; if not, write "
            f"NAMESPACE/{text}"
        )
    return account
