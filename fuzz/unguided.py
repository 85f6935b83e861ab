"""The engine without atheris: inputs of the corpus are changed at random.

Runs as ``python -m fuzz.unguided TARGET FOLDER SECONDS``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from random import Random
from time import monotonic

from fuzz import kept
from fuzz.generator import Generator
from fuzz.session import Session
from fuzz.targets import load

_LONGEST = 4096


def main(name: str, folder: Path, seconds: int) -> None:
    """Run a target, and print how many inputs were tried."""
    target = load(name)
    session = Session(target, Generator(import_module(f"fuzz.inputs.{name}").INPUTS), folder / "findings")
    seeds = [path.read_bytes() for path in kept.inputs(name)] or [b""]
    tokens = [token.encode() for token in target.tokens] or [b"a"]
    random, count, ends = Random(0), 0, monotonic() + seconds
    while monotonic() < ends:
        session.try_one(session.next(random, lambda: _mutated(seeds, tokens, random)))
        count += 1
    sys.stderr.write(f"stat::number_of_executed_units: {count}\n")


def _mutated(seeds: Sequence[bytes], tokens: Sequence[bytes], random: Random) -> bytes:
    data = random.choice(seeds)
    for _ in range(random.choice((1, 1, 2, 4, 8))):
        start = random.randrange(len(data) + 1)
        end = min(start + random.choice((0, 1, 1, 4, 16, 64)), len(data))
        other = random.choice(seeds)
        cut = random.randrange(len(other) + 1)
        middle = random.choice((b"", random.randbytes(1), random.choice(tokens), data[start:end] * 2, other[cut:]))
        data = data[:start] + middle + data[end:]
    return data[:_LONGEST]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
