"""Ids that DAGs use and that have no manifest: ``check --dags``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Set

from airflow_kubernetes_secrets.deployment.airflow_entries import STORED_KINDS
from airflow_kubernetes_secrets.lookup.bundles import keys_of
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.manifests.check import ManifestProblem
from airflow_kubernetes_secrets.manifests.duplicates import ManifestPosition
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.messages.suggestions import most_similar
from airflow_kubernetes_secrets.usage.uses import FoundUses, Use

# How similar a suggested id must be.
_CUTOFF = 0.8

# Comparing two ids takes about ten microseconds. Thousands of ids without a manifest, and as many with one, would take
# many minutes.
_MOST_COMPARISONS = 300_000


def problems_of_dags(found: FoundUses, ids: Set[tuple[Kind, str]]) -> Iterator[ManifestProblem]:
    """Yield a warning for each id that DAGs use and that no manifest makes a Secret for, at its first use.

    The environment and the metadata database of the deployment may provide it, so it is no error.

    Args:
        ids: the ids of the checked manifests, and the keys of their bundles.
    """
    for path, problem in found.unread.items():
        yield _problem_at(path, 1, Problem("unreadable-dag", f"this file with DAG code: {problem}", Severity.WARNING))
    suggestions = _Suggestions(ids)
    uses: dict[tuple[Kind, str], list[Use]] = defaultdict(list)
    for use in found.uses:
        uses[use.kind, use.id].append(use)
    for key, each in uses.items():
        needed = [use for use in each if not use.is_optional]
        if needed and key[0] in STORED_KINDS and not _has_manifest(*key, ids):
            yield _problem_at(needed[0].position.path, needed[0].position.line, _problem(needed, suggestions))
    computed: dict[str, list[int]] = defaultdict(list)
    for unknown in found.computed:
        computed[unknown.position.path].append(unknown.position.line)
    for path, lines in computed.items():
        text = f"the code computes {len(lines)} of the ids that it uses, and they are not checked"
        yield _problem_at(path, lines[0], Problem("not-checked", text, Severity.NOTICE))


def _has_manifest(kind: Kind, identifier: str, ids: Set[tuple[Kind, str]]) -> bool:
    """Return whether a manifest makes a Secret for an id, or a bundle with a key for the id."""
    return any((kind, each) in ids for each in keys_of(kind, identifier))


class _Suggestions:
    """Suggests similar ids that have a manifest, until the limit of comparisons is reached."""

    def __init__(self, ids: Set[tuple[Kind, str]]) -> None:
        self._known = {kind: sorted(each for kind_of, each in ids if kind_of is kind) for kind in STORED_KINDS}
        self._left = _MOST_COMPARISONS

    def similar(self, kind: Kind, identifier: str) -> list[str]:
        """Return the most similar id with a manifest; nothing if none is similar enough, or the limit is reached."""
        known = self._known[kind]
        if len(known) > self._left:
            return []
        self._left -= len(known)
        return most_similar(identifier, known, 1, _CUTOFF)


def _problem(uses: list[Use], suggestions: _Suggestions) -> Problem:
    kind, identifier = uses[0].kind, uses[0].id
    more = f" ({len(uses)} times)" if len(uses) > 1 else ""
    text = (
        f"{Lookup(kind, identifier)} is used here{more}, and none of the checked manifests makes a Secret for it. Add "
        "one, unless the environment or the metadata database has it"
    )
    if similar := suggestions.similar(kind, identifier):
        text += f". Is {printable(repr(similar[0]))} meant?"
    return Problem("no-manifest", text, Severity.WARNING)


def _problem_at(path: str, line: int, problem: Problem) -> ManifestProblem:
    return ManifestProblem(ManifestPosition(path, line), problem)
