"""Fixtures of the tests of the devserver's own files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import own_files
from support.own_files import THINGS, Command, Make, Start, snapshot


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts devservers with the same options. They end with the test."""
    started: list[Command] = []

    def start() -> Command:
        started.append(Command(tmp_path / "directory", tmp_path / "ready"))
        return started[-1]

    yield start
    for command in started:
        command.kill()


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create the folder to which links lead."""
    folder = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setattr(own_files, "ELSEWHERE", folder)
    return folder


@pytest.fixture(params=THINGS, ids=lambda make: make.__name__)
def make_thing(request: pytest.FixtureRequest, elsewhere: Path) -> Iterator[Make]:
    """Return a function that creates a file, folder, link or pipe. The targets of links must stay unchanged."""
    make: Make = request.param
    made: dict[str, tuple[int, str]] = {}

    def made_there(path: Path) -> None:
        make(path)
        made.update(snapshot(elsewhere))

    yield made_there
    assert snapshot(elsewhere) == made
