"""Writes docs/reference/matrix.md from the results of a run."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from matrix.proofs import VERSIONS, Proof
from matrix.runs import HEADING, Kind, Releases, Run, record, recorded, section

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "matrix.md"

YES = "yes"

TEXT = """\
# Versions that are tested

<!-- Written by `make matrix` and `make pythons`. -->

This page lists what was tested with which version of Airflow, Python and Kubernetes.

`make matrix` installs the wheel as users do, together with a recent release of each supported minor version of
Airflow. Each has its own environment with pinned dependencies. The test runs Airflow's scheduler, DAG processor,
triggerer and API server with PostgreSQL and a Kubernetes API server. Each component has a service account with the
permissions in [permissions.md](../how-to/permissions.md). The table shows the results of one run: yes, **FAILED** or
not run. "None" means that this Airflow does not have the feature.

"""


@dataclass
class Results:
    """The results of a run so far.

    Attributes:
        outcomes: whether each phase of a proof's test passed, by proof and version of Airflow.
        releases: the releases in each environment, by version of Airflow.
        components: the releases of the other components, by name.
        kubernetes: the API server, as the record of runs names it.
    """

    outcomes: defaultdict[tuple[Proof, str], list[bool]] = field(default_factory=lambda: defaultdict(list))
    releases: dict[str, Releases] = field(default_factory=dict)
    components: dict[str, str] = field(default_factory=dict)
    kubernetes: str = ""

    def cell(self, proof: Proof, version: str) -> str:
        """Return the text of a cell."""
        if version not in proof.versions:
            return "none"
        outcomes = self.outcomes.get((proof, version))
        if outcomes is None:
            return "not run"
        return YES if all(outcomes) else "**FAILED**"

    def runs(self) -> list[Run]:
        """Return a run for each version of which all proofs were run."""
        return [
            Run(
                Kind.DEPLOYMENT,
                self.releases[version],
                self.kubernetes,
                passed=all(self.cell(proof, version) == YES for proof in _proofs(version)),
            )
            for version in VERSIONS
            if all(self.outcomes.get((proof, version)) for proof in _proofs(version))
        ]

    def write(self) -> None:
        """Replace the page, and add the runs to the record."""
        rows = [
            ["Airflow", *(self._release(version) for version in VERSIONS)],
            ["---"] * (len(VERSIONS) + 1),
            *([proof.text, *(self.cell(proof, version) for version in VERSIONS)] for proof in Proof),
        ]
        table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        components = ", ".join(f"{name} {release}" for name, release in self.components.items())
        PAGE.write_text(f"{TEXT}{table}\n\nWith {components or 'nothing: no test began'}.\n\n{HEADING}")
        record(self.runs())
        show_runs()

    def _release(self, version: str) -> str:
        releases = self.releases.get(version)
        return releases.airflow if releases else version


def show_runs() -> None:
    """Replace the section of the page that shows the record of runs."""
    before, _heading, _section = PAGE.read_text().partition(HEADING)
    PAGE.write_text(before + section(recorded()))


def _proofs(version: str) -> list[Proof]:
    return [proof for proof in Proof if version in proof.versions]


RESULTS = pytest.StashKey[Results]()
