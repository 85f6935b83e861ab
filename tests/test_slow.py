"""The list of what `make quick` leaves out."""

from __future__ import annotations

from fnmatch import fnmatch

import pytest

from support.slow import SLOW, TESTS


@pytest.mark.parametrize("pattern", SLOW)
def test_each_pattern_is_of_a_module(pattern: str) -> None:
    """A module that is renamed would be run again without notice."""
    assert any(fnmatch(str(path.relative_to(TESTS)), pattern) for path in TESTS.rglob("test_*.py"))
