"""kubectl commands in messages. The names in them come from the API server and can be any string."""

from __future__ import annotations

from airflow_kubernetes_secrets.kubernetes.labels import is_namespace, is_subdomain
from airflow_kubernetes_secrets.messages.printable import shell_word

KUBECTL = "kubectl"


def kubectl_for(kubeconfig: str | None, context: str | None) -> str:
    """Return ``kubectl`` with the arguments that select a cluster, as words of the shell."""
    given = {"--kubeconfig": kubeconfig, "--context": context}
    words = [shell_word(f"{flag}={value}") for flag, value in given.items() if value is not None]
    return " ".join([KUBECTL, *words])


def on_secret(kubectl: str, verb: str, namespace: str, name: str, *words: str) -> str:
    """Return a command for one Secret; see :func:`on_object`."""
    return on_object(kubectl, verb, "Secret", namespace, name, *words)


def on_object(kubectl: str, verb: str, object_kind: str, namespace: str, name: str, *words: str) -> str:
    """Return a command for one object, in which each part is one word of the shell.

    If Kubernetes does not allow the name or namespace, a placeholder replaces it: it could be an option such as
    ``--all``.

    Args:
        kubectl: the program, with the arguments that select the cluster.
        object_kind: ``Secret`` or ``ConfigMap``.
        words: what follows the name of the object.
    """
    where = namespace if is_namespace(namespace) else "NAMESPACE"
    which = name if is_subdomain(name) else "NAME"
    return " ".join([f"{kubectl} {verb} {object_kind.lower()} -n {where} {which}", *map(shell_word, words)])


def remove_label(kubectl: str, namespace: str, name: str, label: str) -> str:
    """Return a command that removes a label of a Secret."""
    return on_secret(kubectl, "label", namespace, name, f"{label}-")


def delete_secret(kubectl: str, namespace: str, name: str) -> str:
    """Return a command that deletes a Secret."""
    return on_secret(kubectl, "delete", namespace, name)


def create_namespace(kubectl: str, namespace: str) -> str:
    """Return a command that creates a namespace."""
    return f"{kubectl} create namespace {shell_word(namespace)}"


def describe(kubectl: str, object_kind: str, namespace: str, name: str) -> str:
    """Return a command that shows an object without the values of a Secret.

    Args:
        object_kind: ``Secret`` or ``ConfigMap``.
    """
    return on_object(kubectl, "describe", object_kind, namespace, name)


def secrets_in(kubectl: str, namespace: str) -> str:
    """Return a command that lists the Secrets of a namespace with their labels, without values."""
    where = namespace if is_namespace(namespace) else "NAMESPACE"
    return f"{kubectl} get secrets -n {where} --show-labels"
