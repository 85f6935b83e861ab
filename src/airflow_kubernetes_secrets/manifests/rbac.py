"""The Roles and RoleBindings with exactly the permissions that the lookups of one configuration need.

``docs/how-to/permissions.md`` explains each permission. Names and layout follow ``examples/rbac``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from airflow_kubernetes_secrets.deployment.configuration import AirflowConfiguration
from airflow_kubernetes_secrets.errors import OneLineError
from airflow_kubernetes_secrets.kubernetes.credentials import in_a_pod
from airflow_kubernetes_secrets.kubernetes.labels import is_namespace, is_subdomain
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.api_source import credentials_of, verbs_of

_RBAC = "rbac.authorization.k8s.io"
_BY_NAME = "-by-name"

# The names of Roles: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#path-segment-names
_PATH_SEGMENT = r"(?!\.{1,2}$)[^/%\x00-\x20\x7f]{1,253}"

_ACCOUNT_FORMAT = "--service-account must be NAME or NAMESPACE/NAME, such as airflow/airflow-worker"

# The options that determine which permissions are needed.
_RELEVANT_OPTIONS = (
    "namespace",
    "team_namespaces",
    "references",
    "connections_label",
    "variables_label",
    "config_label",
    "config_maps",
    "cache_ttl",
)


class Account(NamedTuple):
    """A service account."""

    namespace: str
    name: str


class NotGrantableError(OneLineError):
    """The permissions, or the service account to grant them to, are unknown or invalid."""


def account_of(text: str, default_namespace: str | None) -> Account:
    """Return the service account that an argument names as ``NAME`` or ``NAMESPACE/NAME``.

    Args:
        default_namespace: the namespace of an account without one; ``None`` if it is unknown.

    Raises:
        NotGrantableError: the name is invalid, or the namespace is unknown.
    """
    namespace, slash, name = text.rpartition("/")
    if not is_subdomain(name) or (slash and not is_namespace(namespace)):
        raise NotGrantableError(f"{text!r} cannot be a service account: {_ACCOUNT_FORMAT}")
    if not (namespace or default_namespace):
        raise NotGrantableError(
            f"the namespace of service account {name!r} is unknown: write NAMESPACE/{name}, or set --namespace"
        )
    return Account(namespace or default_namespace or "", name)


def default_namespace_of(options: Options) -> str | None:
    """Return the namespace of options and accounts that name none; ``None`` if it is unknown here.

    Only a kubeconfig in the options is certainly Airflow's. ``KUBECONFIG`` may belong to the user of this command.

    Raises:
        NotConfiguredError: the kubeconfig cannot be used.
    """
    if options.namespace:
        return options.namespace[0]
    if options.kubeconfig or in_a_pod():
        default_namespace = credentials_of(options).namespace()
        return default_namespace if is_namespace(default_namespace) else None
    return None


def roles(
    options: Options, default_namespace: str | None, name: str, accounts: Sequence[Account]
) -> list[dict[str, Any]]:
    """Return the manifests. There are none if no lookup needs a permission.

    Args:
        default_namespace: the namespace of options without one; ``None`` if it is unknown.
        name: the name of the Roles. For Roles on single Secrets, ``-by-name`` is added.

    Raises:
        NotGrantableError: ``name`` is not a valid name, or ``default_namespace`` is needed and unknown.
    """
    if not re.fullmatch(_PATH_SEGMENT, name):
        raise NotGrantableError(
            f"--name {name!r} cannot be the name of a Role. Use 1 to 253 characters, no '/', '%' or white space"
        )
    documents = []
    listed = (namespace for kind in Kind for namespace in kind.namespaces(options))
    for namespace in dict.fromkeys(each or _known(default_namespace) for each in listed):
        resources = [each.plural for each in options.resources]
        rule = {"apiGroups": [""], "resources": resources, "verbs": list(verbs_of(options))}
        documents += _role_and_binding(namespace, name, rule, accounts)
    named: dict[str, set[str]] = {}
    for each, names in options.referenced.items():
        # Some references may name the default namespace and others omit it, so both are combined.
        named.setdefault(each or _known(default_namespace), set()).update(names)
    for namespace, secrets in named.items():
        rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": sorted(secrets), "verbs": ["get"]}
        documents += _role_and_binding(namespace, name + _BY_NAME, rule, accounts)
    return documents


def comment(configured: AirflowConfiguration, *, has_namespace: bool) -> tuple[str, ...]:
    """Return comments with the options that determine the permissions. They quote no value of the configuration.

    Args:
        has_namespace: whether ``--namespace`` replaces the configured namespaces.
    """
    given = [
        name for name in _RELEVANT_OPTIONS if name in configured.kwargs and not (name == "namespace" and has_namespace)
    ]
    source = f"{', '.join(given)} in backend_kwargs" if given else "the defaults of backend_kwargs"
    if has_namespace:
        source = f"--namespace, and {source}"
    return (
        "# Generated by 'airflow-kubernetes-secrets rbac': the permissions that Airflow needs to read its Secrets, "
        "and no others.",
        "# 'list' is for lookups by label, 'watch' for cache_ttl, and 'get' for references.",
        f"# From {source}.",
    )


def _known(default_namespace: str | None) -> str:
    """Return the default namespace, or raise an error if it is unknown."""
    if default_namespace is None:
        raise NotGrantableError(
            "the namespace that Airflow searches is unknown here: it is not in backend_kwargs, and this is not "
            "Airflow's pod. Set 'namespace' in backend_kwargs, or set --namespace"
        )
    return default_namespace


def _role_and_binding(
    namespace: str, name: str, rule: Mapping[str, list[str]], accounts: Sequence[Account]
) -> list[dict[str, Any]]:
    """Return a Role with one rule, and a RoleBinding for the service accounts."""
    metadata = {"name": name, "namespace": namespace}
    return [
        {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": dict(metadata), "rules": [dict(rule)]},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": dict(metadata),
            "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
            "subjects": [
                {"kind": "ServiceAccount", "name": account.name, "namespace": account.namespace} for account in accounts
            ],
        },
    ]
