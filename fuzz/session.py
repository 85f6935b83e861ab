"""One run of one target: it chooses the next input, and records faults."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random

from fuzz.findings import Findings
from fuzz.generator import Generator
from fuzz.growth import check_growth, some_repetition
from fuzz.judge import judge
from fuzz.rules import BrokenRuleError
from fuzz.share import Share
from fuzz.target import Target

_GENERATED = 0.2
_REPEATED = 0.2


class Session:
    """A run of one target. It continues after a fault, because one fault would hide the others."""

    def __init__(self, target: Target, generator: Generator, findings: Path) -> None:
        self._target = target
        self._generator = generator
        self._findings = Findings(findings)
        self._generating = Share(_GENERATED)
        self._repeating = Share(_REPEATED)

    def next(self, random: Random, mutated: Callable[[], bytes]) -> bytes:
        """Return the next input: a generated one while its share of the time lasts, otherwise a mutated one."""
        made = None
        if self._generating.is_left and random.random() < 0.5:
            with self._generating.taken():
                made = self._generator.make(random)
        return mutated() if made is None else made

    def try_one(self, data: bytes) -> None:
        """Try an input, and sometimes a repetition of a part of it."""
        try:
            judge(self._target, data)
        except BrokenRuleError as fault:
            self._findings.add(fault, data)
            return
        if self._repeating.is_left:
            # The same input leads to the same repetition, so that a run can be repeated.
            repetition = some_repetition(data, Random(sha256(data).digest()))
            with self._repeating.taken():
                try:
                    check_growth(self._target, repetition)
                except BrokenRuleError as fault:
                    self._findings.add(fault, repetition.dumps().encode("ascii"), ".json")
