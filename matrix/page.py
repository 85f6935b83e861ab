"""docs/matrix.md, out of what a run has seen."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from matrix.proofs import VERSIONS, Proof

PAGE = Path(__file__).parents[1] / "docs" / "matrix.md"

TEXT = """\
# Versions that are tested

<!-- Written by `make matrix`. -->

`make matrix` installs the wheel as users do, beside the newest release of each minor version of Airflow that is
supported, each in an environment of its own with pinned dependencies. It runs Airflow's scheduler, DAG
processor, triggerer and API server with PostgreSQL and a Kubernetes API server, on which each has a service account
with the rights of [permissions.md](permissions.md). The table is what one run has seen: yes, **FAILED**, not run; and
"none" where this Airflow has no such thing.

"""


@dataclass
class Results:
    """What a run has seen so far.

    Attributes:
        outcomes: of each phase of the test of a proof, by version.
        releases: of Airflow, by version.
        beside: what it ran with: name and release.
    """

    outcomes: defaultdict[tuple[Proof, str], list[bool]] = field(default_factory=lambda: defaultdict(list))
    releases: dict[str, str] = field(default_factory=dict)
    beside: dict[str, str] = field(default_factory=dict)

    def cell(self, proof: Proof, version: str) -> str:
        """The word for it."""
        if version not in proof.versions:
            return "none"
        outcomes = self.outcomes.get((proof, version))
        if outcomes is None:
            return "not run"
        return "yes" if all(outcomes) else "**FAILED**"

    def write(self) -> None:
        """Replace the page."""
        rows = [
            ["Airflow", *(self.releases.get(version, version) for version in VERSIONS)],
            ["---"] * (len(VERSIONS) + 1),
            *([proof.text, *(self.cell(proof, version) for version in VERSIONS)] for proof in Proof),
        ]
        table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        beside = ", ".join(f"{name} {release}" for name, release in self.beside.items())
        PAGE.write_text(f"{TEXT}{table}\n\nWith {beside or 'nothing: no test began'}.\n")


RESULTS = pytest.StashKey[Results]()
