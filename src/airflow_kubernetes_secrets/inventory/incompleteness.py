"""The two warnings for a connection that lacks something, and their remedies, which several modules here share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.listing import first_names
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.messages.problem_codes import ProblemCode

HALF: Final = "half-connection"
SETTINGS: Final = "unused-settings"


def warning(code: ProblemCode, secret: Secret, text: str) -> Problem:
    """Return a warning about the connection in a Secret."""
    return Problem(code, f"{secret.full_name}: {text}", Severity.WARNING)


def named(keys: Sequence[str]) -> str:
    """Return keys as a message names them."""
    return f"{'the key' if len(keys) == 1 else 'the keys'} {first_names(map(repr, keys), len(keys))}"


def set_field(secret: Secret, *names: str) -> str:
    """Return the remedy for fields that no key contains."""
    if not secret.can_be_annotated:
        return " and ".join(f"Add a file {name!r}" if not number else f"{name!r}" for number, name in enumerate(names))
    annotations = " and ".join(f"airflow.apache.org/connection-{name}" for name in names)
    return f"Set {annotations}{secret.annotation_place}"


def name_key(secret: Secret, annotations: str, names: str, *, is_for_extra: bool = True) -> str:
    """Return the remedy for a key that contains a field and that nothing reads.

    Args:
        annotations: the annotations that can name the key, without the prefix of the first one.
        names: the names by which a mounted file is found.
        is_for_extra: whether some hooks read the field in ``extra``.
    """
    if not secret.can_be_annotated:
        return f"If it does, name that file {names}"
    more = "; or extra-<name>, if the hook reads it in extra" if is_for_extra else ""
    return f"Name the key{secret.annotation_place}: airflow.apache.org/{annotations}{more}"


def in_extra(secret: Secret) -> str:
    """Return where a user writes a part of ``extra``."""
    if not secret.can_be_annotated:
        return " in a file 'extra'"
    return f" in airflow.apache.org/connection-extra{secret.annotation_place}"
