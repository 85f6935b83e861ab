"""Manifests before they are applied: what Airflow will find of what they make, by the very rules of a lookup.

No cluster is asked. What only an API server could say is not found: what is there already, and what may be read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.documents import (
    TooLargeError,
    UnreadableError,
    read_file,
    read_json,
    read_yaml,
    unpacked,
)
from airflow_kubernetes_secrets.errors import MalformedSecretError, OneLineError
from airflow_kubernetes_secrets.identifiers import identifier_of, is_uri, label_value
from airflow_kubernetes_secrets.inventory.content import UNREADABLE, content_of
from airflow_kubernetes_secrets.inventory.manifest import decide_alone
from airflow_kubernetes_secrets.inventory.marks import (
    NOT_LOOKED_UP,
    invalid_labels,
    of_a_team,
    problems_of_id,
    unknown_marks,
)
from airflow_kubernetes_secrets.inventory.problem import Problem, Severity
from airflow_kubernetes_secrets.inventory.templates import Planned, kinds_by_label, planned
from airflow_kubernetes_secrets.lookup import Kind, Lookup, Outcome
from airflow_kubernetes_secrets.options import Options
from airflow_kubernetes_secrets.printable import printable
from airflow_kubernetes_secrets.sources.folder import RefusedError, look_into, secret_of

UNREADABLE_MANIFEST = "unreadable-manifest"
INVALID_MANIFEST = "invalid-manifest"
DUPLICATE_ID = "duplicate-id"
DUPLICATE_SECRET = "duplicate-secret"  # noqa: S105 - the code of a problem


class PathError(OneLineError):
    """A file or folder with manifests does not exist, or cannot be read."""


@dataclass(frozen=True)
class Place:
    """Where a manifest is.

    Attributes:
        line: the first of its document; 1 for JSON.
    """

    path: str
    line: int

    def __str__(self) -> str:
        return printable(f"{self.path}:{self.line}")


@dataclass(frozen=True)
class Finding:
    """A problem, and the manifest that it is with."""

    place: Place
    problem: Problem


class Check:
    """Looks through manifests; what it has seen counts as one set, in which nothing may be there twice.

    Attributes:
        findings: in the order of the files and the documents in them.
        manifests: how many there were with a label that Airflow finds Secrets by.
    """

    def __init__(self, options: Options, home: str) -> None:
        """
        Args:
            options: those that Airflow will look things up with.
            home: the namespace of manifests that name none.
        """
        self._options = options
        self._home = home
        self._files: set[tuple[int, int]] = set()
        self._secrets: dict[str, tuple[Place, bool]] = {}
        self._ids: dict[tuple[str, ...], tuple[Place, Secret]] = {}
        self.findings: list[Finding] = []
        self.manifests = 0

    def look(self, path: Path) -> bool:
        """Look through a file, or a folder and all folders in it. A file that was looked through before counts once.

        Returns:
            Whether there was anything for Airflow, or a problem.

        Raises:
            PathError: it, or something in it, cannot be read.
        """
        before = self.manifests, len(self.findings)
        try:
            found = path.stat()
            if stat.S_ISDIR(found.st_mode):
                for each, status in look_into(str(path), set()):
                    self._look_at(each, status)
            else:
                self._read(str(path), found)
        except OSError as error:
            raise _unreadable(str(path), error) from None
        return before != (self.manifests, len(self.findings))

    def _look_at(self, path: str, found: os.stat_result | OSError) -> None:
        if isinstance(found, OSError):
            raise _unreadable(path, found)
        # A pipe would have to be waited for, unless somebody names it.
        if stat.S_ISREG(found.st_mode):
            self._read(path, found)

    def _read(self, path: str, found: os.stat_result) -> None:
        identity = found.st_dev, found.st_ino
        if identity in self._files:
            return
        self._files.add(identity)
        shown = _shown(path)
        try:
            content = read_file(path)
        except OSError as error:
            raise _unreadable(path, error) from None
        except TooLargeError as error:
            self._report(Place(shown, 1), Problem(UNREADABLE_MANIFEST, str(error)))
            return
        try:
            for line, document in [(1, read_json(content))] if path.endswith(".json") else read_yaml(content):
                for each in unpacked(document):
                    self._check(Place(shown, line), each)
        except UnreadableError as error:
            text = (
                f"{error.problem}. Correct it; kubectl would refuse the file too. A template has to be rendered before "
                "it is checked"
            )
            self._report(Place(shown, error.line), Problem(UNREADABLE_MANIFEST, text))

    def _report(self, place: Place, *problems: Problem) -> None:
        self.findings += (Finding(place, problem) for problem in problems)

    def _check(self, place: Place, document: Any) -> None:
        plan = planned(document, self._options)
        if plan is None:
            return
        self.manifests += plan.is_labelled
        self._report(place, *plan.problems)
        if plan.manifest is None:
            return
        invalid = tuple(invalid_labels(plan.manifest, self._options))
        if invalid:
            self._report(place, *invalid)
            return
        try:
            secret = secret_of(plan.manifest, self._home)
        except RefusedError as error:
            text = f"{error}. The API would refuse it"
            self._report(place, Problem(INVALID_MANIFEST, text))
            return
        # One Secret can be for several ids, with one problem in it.
        problems = [*unknown_marks(secret, self._options), *self._problems_of(place, plan, secret)]
        self._report(place, *dict.fromkeys(problems))

    def _problems_of(self, place: Place, plan: Planned, secret: Secret) -> Iterator[Problem]:
        if plan.is_alone and plan.place_is_known:
            yield from self._same_secret(place, plan, secret)
        for label, kind in kinds_by_label(self._options).items():
            if label not in secret.labels:
                continue
            yield from problems_of_id(secret, label, plan.lost)
            identifier = identifier_of(secret, label)
            if is_uri(identifier) or label_value(identifier) != secret.labels[label]:
                continue  # No lookup is for it.
            team_label = self._options.team_label
            team = None if team_label is None else secret.labels.get(team_label)
            if kind is Kind.CONFIG and team is not None:
                yield of_a_team(secret)
                continue
            lookup = Lookup(kind, identifier, team)
            if plan.place_is_known:
                yield from self._same_id(place, lookup, secret)
            if plan.keys_are_known:
                yield from self._content(plan, lookup, secret)

    def _same_secret(self, place: Place, plan: Planned, secret: Secret) -> Iterator[Problem]:
        before = self._secrets.setdefault(str(secret), (place, plan.is_labelled))
        if before[0] is not place and (before[1] or plan.is_labelled):
            text = f"Secret {secret} comes of {before[0]} too, and one replaces the other. Remove one of them"
            yield Problem(DUPLICATE_SECRET, text, Severity.WARNING)

    def _same_id(self, place: Place, lookup: Lookup, secret: Secret) -> Iterator[Problem]:
        which = (lookup.kind.plural, lookup.id, secret.namespace, *([] if lookup.team is None else [lookup.team]))
        other_place, other = self._ids.setdefault(which, (place, secret))
        if str(other) != str(secret):
            yield Problem(
                DUPLICATE_ID,
                f"Secret {secret}: {lookup} is that of Secret {other} in {other_place} too. Airflow takes the oldest, "
                "and the manifests do not say which that is. Remove one of them, or give it another id",
            )

    def _content(self, plan: Planned, lookup: Lookup, secret: Secret) -> Sequence[Problem]:
        """What Airflow could not read, or not as it is meant."""
        try:
            decision = decide_alone(lookup, secret, self._options)
        except MalformedSecretError as error:
            return [Problem(UNREADABLE, str(error))]
        if decision.outcome is Outcome.FOUND:
            return content_of(lookup.kind, secret, decision.data_key).problems if plan.values_are_known else ()
        if decision.passed_over:
            return [Problem(UNREADABLE, "; ".join(map(str, decision.passed_over)))]
        text = f"Secret {secret}, {lookup}: {decision.outcome.value}. Give it another id, or correct backend_kwargs"
        return [Problem(NOT_LOOKED_UP, text)]


def _unreadable(path: str, error: OSError) -> PathError:
    problem = error.strerror or type(error).__name__
    return PathError(f"{_shown(path)} cannot be read: {problem}. Correct the path, or who may read it")


def _shown(path: str) -> str:
    """A path as it can be printed: names of files can be any bytes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
