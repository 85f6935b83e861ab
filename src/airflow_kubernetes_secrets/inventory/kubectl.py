"""Commands of kubectl that a message suggests. What they name comes from the API server, and can be anything."""

from __future__ import annotations

from airflow_kubernetes_secrets.labels import is_namespace, is_subdomain
from airflow_kubernetes_secrets.printable import shell_word


def on_secret(verb: str, namespace: str, name: str, *words: str) -> str:
    """A command about one Secret, each part of it one word of the shell.

    Where a name is none that Kubernetes allows, and so could be an option such as ``--all``, a placeholder is there.

    Args:
        words: what comes after the Secret's name.
    """
    where = namespace if is_namespace(namespace) else "NAMESPACE"
    which = name if is_subdomain(name) else "NAME"
    return " ".join(["kubectl", verb, "secret", "-n", where, which, *map(shell_word, words)])
