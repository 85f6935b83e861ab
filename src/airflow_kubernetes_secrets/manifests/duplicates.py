"""Secrets and ids that occur more than once in a set of manifests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from airflow_kubernetes_secrets.kubernetes.objects import SECRETS, Secret
from airflow_kubernetes_secrets.lookup.bundles import are_of_one_bundle, name_with_key
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.manifests.planned_secret import PlannedSecret
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.messages.problem import Problem, Severity

DUPLICATE_ID: Final = "duplicate-id"
HIDDEN: Final = "hidden"
DUPLICATE_SECRET: Final = "duplicate-secret"  # noqa: S105  # the code of a problem


@dataclass(frozen=True)
class ManifestPosition:
    """The position of a manifest.

    Attributes:
        path: the path of its file, or ``-`` for standard input.
        line: the first line of its document; 1 for JSON.
    """

    path: str
    line: int

    def __str__(self) -> str:
        return printable(f"{self.path}:{self.line}")


class Duplicates:
    """The Secrets and ids of all manifests so far.

    Attributes:
        ids: the ids, also those of Secrets that are not compared with others.
    """

    def __init__(self) -> None:
        self.ids: set[tuple[Kind, str]] = set()
        self._secrets: dict[str, tuple[ManifestPosition, bool]] = {}
        self._ids: dict[tuple[str, ...], tuple[ManifestPosition, Secret]] = {}

    def add_secret(self, position: ManifestPosition, plan: PlannedSecret, secret: Secret) -> Iterator[Problem]:
        """Add a Secret, and yield a problem if another manifest makes this Secret too."""
        before = self._secrets.setdefault(secret.full_name, (position, plan.is_labelled))
        if before[0] is not position and (before[1] or plan.is_labelled):
            text = f"{secret.full_name} is created by {before[0]} too, and one replaces the other. Remove one of them"
            yield Problem(DUPLICATE_SECRET, text, Severity.WARNING)

    def add_id(self, position: ManifestPosition, lookup: Lookup, secret: Secret, among: str) -> Iterator[Problem]:
        """Add an id, and yield a problem if another Secret, or another key of a bundle, has the same id.

        Args:
            secret: the Secret, or the entry of a bundle.
            among: the document to which the comparison is limited; an empty string compares with all documents.
        """
        team = [] if lookup.team is None else [lookup.team]
        which = (among, lookup.kind.plural, lookup.id, secret.namespace, *team)
        other_position, other = self._ids.setdefault(which, (position, secret))
        if _name(other) == _name(secret):
            return
        if are_of_one_bundle(other, secret):
            used, unused = (other, secret) if other.bundle_key == lookup.id else (secret, other)
            why = "the key that equals the id"
            yield Problem(DUPLICATE_ID, _unused_text(lookup, used, unused, why), Severity.WARNING)
            self._ids[which] = (other_position, used)
            return
        if _rank(other) != _rank(secret):
            used, unused = (other, secret) if _rank(other) < _rank(secret) else (secret, other)
            why = (
                f"a {used.object_kind} of its own before a bundle"
                if used.object_kind == unused.object_kind
                else "a Secret before a ConfigMap"
            )
            yield Problem(HIDDEN, _unused_text(lookup, used, unused, why), Severity.WARNING)
            return
        yield Problem(
            DUPLICATE_ID,
            f"{_name(secret)}: {_name(other)} in {other_position} is {lookup} too. Airflow uses "
            "the oldest, and manifests do not contain the age. Remove one of them, or give it another id",
        )


def _name(secret: Secret) -> str:
    return f"{secret.object_kind} {name_with_key(secret)}"


def _unused_text(lookup: Lookup, used: Secret, unused: Secret, why: str) -> str:
    """Return that Airflow does not use one of two Secrets with the same id, and why."""
    return f"{_name(unused)}: {_name(used)} is {lookup} too, and Airflow uses {why}. Remove one of them"


def _rank(secret: Secret) -> tuple[bool, bool]:
    """Return the sort key of Secrets and ConfigMaps with the same id: the one that Airflow uses comes first."""
    return secret.resource is not SECRETS, secret.bundle_key != ""
