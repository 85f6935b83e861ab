"""The Roles and RoleBindings that the lookups of one configuration need, and nothing beyond them.

``docs/permissions.md`` says what each right is for; names and form are those of ``examples/rbac``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from airflow_kubernetes_secrets.errors import OneLineError
from airflow_kubernetes_secrets.labels import is_namespace, is_subdomain
from airflow_kubernetes_secrets.lookup import Kind
from airflow_kubernetes_secrets.options import Options

_RBAC = "rbac.authorization.k8s.io"
_BY_NAME = "-by-name"

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#path-segment-names
_PATH_SEGMENT = r"(?!\.{1,2}$)[^/%\x00-\x20\x7f]{1,253}"

_SHAPE_OF_AN_ACCOUNT = "--service-account takes NAME or NAMESPACE/NAME, such as airflow/airflow-worker"


class Account(NamedTuple):
    """A service account."""

    namespace: str
    name: str


class NotGrantableError(OneLineError):
    """What is to be granted, or to whom, is not known or not valid."""


def account_of(text: str, home: str | None) -> Account:
    """
    Args:
        home: the namespace of one that names none; ``None`` if it is not known.

    Raises:
        NotGrantableError: it cannot be the name of a service account, or its namespace is not known.
    """
    namespace, slash, name = text.rpartition("/")
    if not is_subdomain(name) or (slash and not is_namespace(namespace)):
        raise NotGrantableError(f"{text!r} cannot be a service account: {_SHAPE_OF_AN_ACCOUNT}")
    if not (namespace or home):
        raise NotGrantableError(
            f"the namespace of service account {name!r} is not known: say NAMESPACE/{name}, or give --namespace"
        )
    return Account(namespace or home or "", name)


def roles(options: Options, home: str | None, name: str, accounts: Sequence[Account]) -> list[dict[str, Any]]:
    """The manifests; none where nothing is asked for.

    Args:
        home: the namespace of options that name none; ``None`` if it is not known.
        name: what the Roles are called; those for single Secrets get ``-by-name`` added.

    Raises:
        NotGrantableError: ``name`` cannot be the name of a Role, or ``home`` is needed and not known.
    """
    if not re.fullmatch(_PATH_SEGMENT, name):
        raise NotGrantableError(f"--name {name!r} cannot be the name of a Role: no '/', '%' or white space, up to 253")
    documents = []
    listed = (namespace for kind in Kind for namespace in kind.namespaces(options))
    for namespace in dict.fromkeys(each or _known(home) for each in listed):
        rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": list(options.verbs)}
        documents += _role_and_binding(namespace, name, rule, accounts)
    named: dict[str, set[str]] = {}
    for each, names in options.referenced.items():
        # One namespace can be named in both ways.
        named.setdefault(each or _known(home), set()).update(names)
    for namespace, secrets in named.items():
        rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": sorted(secrets), "verbs": ["get"]}
        documents += _role_and_binding(namespace, name + _BY_NAME, rule, accounts)
    return documents


def _known(home: str | None) -> str:
    if home is None:
        raise NotGrantableError(
            "the namespace that Airflow looks in is not known here: it is not in backend_kwargs, and this is not its "
            "pod. Set 'namespace' in backend_kwargs, or give --namespace"
        )
    return home


def _role_and_binding(
    namespace: str, name: str, rule: Mapping[str, list[str]], accounts: Sequence[Account]
) -> list[dict[str, Any]]:
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
