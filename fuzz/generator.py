"""Inputs that are mostly well formed, from a hypothesis strategy."""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

# The number of bytes from which hypothesis makes its choices. An input that needs more is discarded.
_CHOICES = 4096
_ATTEMPTS = 5


class Generator:
    """Makes inputs from random bytes."""

    def __init__(self, strategy: SearchStrategy[bytes]) -> None:
        self._made: list[bytes] = []

        @settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
        @given(strategy)
        def take(data: bytes) -> None:
            self._made.append(data)

        self._fuzz_one_input = take.hypothesis.fuzz_one_input  # type: ignore[attr-defined]  # set by @given

    def make(self, random: Random) -> bytes | None:
        """Return an input; None if no attempt produced one."""
        self._made.clear()
        for _ in range(_ATTEMPTS):
            self._fuzz_one_input(random.randbytes(_CHOICES))
            if self._made:
                return self._made[0]
        return None
