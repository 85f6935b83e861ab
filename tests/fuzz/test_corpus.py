"""The stored inputs of fuzzing break no rule. ``fuzz/README.md`` explains where they come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz import kept
from fuzz.replay import replay
from fuzz.targets import NAMES, load

INPUTS = [(name, path) for name in NAMES for path in kept.inputs(name)]
REPETITIONS = [(name, path) for name in NAMES for path in kept.repetitions(name)]


def shown(value: object) -> str:
    return value.name if isinstance(value, Path) else str(value)


@pytest.mark.parametrize(("name", "path"), INPUTS, ids=shown)
def test_an_input_breaks_no_rule(name: str, path: Path) -> None:
    replay(load(name), path, is_repetition=False)


@pytest.mark.parametrize(("name", "path"), REPETITIONS, ids=shown)
def test_time_per_byte_does_not_grow_with_the_input(name: str, path: Path) -> None:
    replay(load(name), path, is_repetition=True)


@pytest.mark.parametrize("name", NAMES)
def test_every_target_has_a_corpus(name: str) -> None:
    assert len(kept.inputs(name)) >= 5


def test_every_file_belongs_to_a_target() -> None:
    kept_files = {path for path in (*kept.CORPUS.rglob("*"), *kept.REPETITIONS.rglob("*")) if path.is_file()}

    assert kept_files == {path for _name, path in (*INPUTS, *REPETITIONS)}
