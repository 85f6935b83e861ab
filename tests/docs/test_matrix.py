"""The table of Python, Airflow and Kubernetes shows exactly the recorded runs."""

from __future__ import annotations

import pytest

from matrix.page import PAGE
from matrix.runs import PYTHONS, Kind, Releases, Run, recorded, section


def run(
    python: str, airflow: str, requires_python: str = ">=3.10", *, kind: Kind = Kind.TESTS, passed: bool = True
) -> Run:
    return Run(kind, Releases(python, airflow, requires_python), "1.36.2", passed)


def cells(runs: list[Run], airflow: str) -> dict[str, str]:
    """Return the column of an Airflow, by Python."""
    header, _line, *rows = [row.strip("| ").split(" | ") for row in section(runs).splitlines() if row.startswith("|")]
    return {row[0]: row[header.index(f"Airflow {airflow}")] for row in rows}


def test_the_page_shows_the_record() -> None:
    assert PAGE.read_text().endswith(section(recorded())), "run: make pythons"


def test_every_python_has_a_row() -> None:
    assert cells([], "3.3") == dict.fromkeys(PYTHONS, "not run")


def test_recorded_runs() -> None:
    runs = [run("3.12.1", "3.3.2"), run("3.12.9", "3.3.2", kind=Kind.DEPLOYMENT), run("3.10.13", "3.3.2", passed=False)]

    found = cells(runs, "3.3")

    assert found["3.12"] == "deployment on 1.36.2; tests on 1.36.2"
    assert found["3.10"] == "tests on 1.36.2 (**FAILED**)"
    assert found["3.11"] == "not run"
    assert set(cells(runs, "2.11").values()) == {"not run"}


@pytest.mark.parametrize(
    ("requires_python", "unsupported"),
    [
        ("!=3.13,!=3.14,>=3.10", {"3.13", "3.14"}),
        ("!=3.13,>=3.9", {"3.13", "3.14"}),
        ("<3.14,>=3.10", {"3.14"}),
        ("!=3.15,>=3.10", set()),
        (">=3.11", {"3.10"}),
    ],
)
def test_unsupported_pythons(requires_python: str, unsupported: set[str]) -> None:
    found = cells([run("3.11.7", "3.0.6", requires_python)], "3.0")

    assert {python for python, cell in found.items() if cell == "unsupported"} == unsupported
