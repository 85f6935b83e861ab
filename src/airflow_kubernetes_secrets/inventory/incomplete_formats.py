"""Formats whose keys look like a whole connection, although a part is missing, by the label that identifies them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from airflow_kubernetes_secrets.formats.annotations import Description
from airflow_kubernetes_secrets.formats.fields import fields_of
from airflow_kubernetes_secrets.formats.near_misses import remedies_of_near_formats
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS
from airflow_kubernetes_secrets.formats.remedies import set_field
from airflow_kubernetes_secrets.inventory.incompleteness import HALF_CONNECTION, warning
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.problem import Problem


@dataclass(frozen=True)
class IncompleteFormat:
    """A format that lacks a field of the connection.

    Attributes:
        field: the field, which an annotation can contain.
        problem: what the Secret contains instead.
    """

    field: str
    problem: str


# By the key and value of a label. Each has a file in tests/formats/corpus.
_INCOMPLETE: Mapping[tuple[str, str], IncompleteFormat] = {
    # https://argo-cd.readthedocs.io/en/stable/operator-manual/declarative-setup/#repository-credentials
    ("argocd.argoproj.io/secret-type", "repo-creds"): IncompleteFormat(
        "host", "the URL in credential templates of Argo CD is only the beginning of the URL of each repository"
    ),
}


def problems_of_format(secret: Secret, key: str, unused: Sequence[str]) -> Iterator[Problem]:
    """Yield a warning if a field is missing in the format of a connection's Secret, and no annotation sets it.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        unused: the keys that are not used.
    """
    if key == IN_FIELDS:
        for remedy in remedies_of_near_formats(secret, unused):
            yield warning(HALF_CONNECTION, secret, f"the connection may be incomplete. {remedy}")
    for label in secret.labels.items():
        found = _INCOMPLETE.get(label)
        if found is not None and not _sets(fields_of(secret).description, found.field):
            yield warning(HALF_CONNECTION, secret, f"{found.problem}. {set_field(secret, key, found.field)}")


def _sets(description: Description, field: str) -> bool:
    """Return whether annotations name the key of a field, or contain it."""
    return field in description.fields or field in description.literals
