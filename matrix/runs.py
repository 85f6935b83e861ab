"""The tested combinations of Python, Airflow and Kubernetes: the record, and the table that is made from it.

``make matrix`` and ``make pythons`` add their runs to ``runs.json``, so the table shows more than one run can test.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import Enum
from itertools import dropwhile, takewhile
from pathlib import Path

from packaging.specifiers import SpecifierSet

from matrix.proofs import VERSIONS

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
RECORD = Path(__file__).with_name("runs.json")

HEADING = "## Python, Airflow and Kubernetes"
TEXT = """\
Each cell lists what was run with this Python and this Airflow, and the release of the Kubernetes API server. A
*deployment* is a column of the table above (`make matrix`). *Tests* are the tests that use Airflow as a library, with
the newest Airflow that supports the Python (`make pythons`). "Unsupported" means that this Airflow does not support
this Python.

"""


class Kind(str, Enum):
    """What was run."""

    DEPLOYMENT = "deployment"
    TESTS = "tests"


# Prints the releases of an environment.
_RELEASES = """\
import json, platform
from importlib.metadata import metadata

airflow = metadata("apache-airflow")
print(json.dumps([platform.python_version(), airflow["Version"], airflow["Requires-Python"]]))
"""


@dataclass(frozen=True)
class Releases:
    """The releases in an environment.

    Attributes:
        python: the release of Python.
        airflow: the release of Airflow.
        requires_python: the Pythons that this Airflow declares, as a version specifier.
    """

    python: str
    airflow: str
    requires_python: str

    @classmethod
    def of(cls, python: Path) -> Releases:
        """Return the releases in the environment of this interpreter."""
        return cls(*json.loads(subprocess.check_output([python, "-c", _RELEASES], timeout=60)))


@dataclass(frozen=True)
class Run:
    """All that one command runs with one combination.

    Attributes:
        kind: what was run.
        releases: those of its environment.
        kubernetes: the API server, as :func:`server` names it.
        passed: whether all of it passed.
    """

    kind: Kind
    releases: Releases
    kubernetes: str
    passed: bool

    @property
    def python(self) -> str:
        """The minor release of Python."""
        return _minor(self.releases.python)

    @property
    def airflow(self) -> str:
        """The minor release of Airflow."""
        return _minor(self.releases.airflow)

    @property
    def combination(self) -> tuple[str, str, str, str]:
        """The key by which a later run replaces this one. It ignores patch releases of Python and Airflow."""
        return self.airflow, self.python, self.kind.value, self.kubernetes


def server(assets: Path | None) -> str:
    """Return the release of the kube-apiserver in this folder; without a folder, the devserver replaces it."""
    if assets is None:
        return "the devserver"
    printed = subprocess.check_output([assets / "kube-apiserver", "--version"], text=True, timeout=60)
    return printed.split()[-1].removeprefix("v")


def recorded() -> list[Run]:
    """Return the runs in the record."""
    return [
        Run(Kind(each["kind"]), Releases(**each["releases"]), each["kubernetes"], each["passed"])
        for each in json.loads(RECORD.read_text())
    ]


def record(runs: Iterable[Run]) -> None:
    """Add these runs to the record. Each replaces the earlier run of its combination."""
    latest = {run.combination: run for run in [*recorded(), *runs]}
    lines = [json.dumps(asdict(latest[each])) for each in sorted(latest, key=_in_order)]
    RECORD.write_text("[\n  " + ",\n  ".join(lines) + "\n]\n")


def section(runs: list[Run]) -> str:
    """Return the section of docs/reference/matrix.md, from its heading to its end."""
    rows = [
        ["Python", *(f"Airflow {airflow}" for airflow in VERSIONS)],
        ["---"] * (len(VERSIONS) + 1),
        *([python, *(_cell(runs, python, airflow) for airflow in VERSIONS)] for python in PYTHONS),
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{HEADING}\n\n{TEXT}{table}\n"


def _cell(runs: list[Run], python: str, airflow: str) -> str:
    of_airflow = [run for run in runs if run.airflow == airflow]
    here = [run for run in of_airflow if run.python == python]
    if here:
        return "; ".join(f"{kind.value} on {_servers(here, kind)}" for kind in Kind if _servers(here, kind))
    if any(not _supported(python, run.releases.requires_python) for run in of_airflow):
        return "unsupported"
    return "not run"


def _servers(runs: list[Run], kind: Kind) -> str:
    return ", ".join(
        run.kubernetes if run.passed else f"{run.kubernetes} (**FAILED**)" for run in runs if run.kind is kind
    )


def _supported(python: str, requires_python: str) -> bool:
    """Return whether a specifier allows this Python.

    A specifier that excludes 3.13 was written before 3.14, so it excludes both.
    """
    allows = SpecifierSet(requires_python).contains
    return python in takewhile(allows, dropwhile(lambda each: not allows(each), PYTHONS))


def _in_order(combination: tuple[str, str, str, str]) -> tuple[list[int], list[int], str, str]:
    airflow, python, kind, kubernetes = combination
    return _numbers(airflow), _numbers(python), kind, kubernetes


def _minor(release: str) -> str:
    return ".".join(release.split(".")[:2])


def _numbers(release: str) -> list[int]:
    return [int(each) for each in release.split(".")]
