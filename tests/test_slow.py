"""The list of modules that `make quick` skips."""

from __future__ import annotations

from fnmatch import fnmatch

import pytest

from support.slow import SLOW, TESTS, is_slow


@pytest.mark.parametrize("pattern", SLOW)
def test_each_pattern_matches_a_module(pattern: str) -> None:
    """A renamed module would otherwise be run again without notice."""
    assert any(fnmatch(str(path.relative_to(TESTS)), pattern) for path in TESTS.rglob("test_*.py"))


def test_a_module_outside_of_the_tests_is_not_slow() -> None:
    """The modules of the matrix, for example, may be collected together with the tests."""
    assert not is_slow(TESTS.parent / "matrix" / "test_ui.py")
    assert is_slow(TESTS / "airflow" / "test_commands.py")
