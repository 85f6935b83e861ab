"""The engine with atheris: libFuzzer chooses the inputs by the lines that earlier ones have reached.

Runs as ``python -m fuzz.guided TARGET FOLDER SECONDS``.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from random import Random

import atheris

from fuzz import kept
from fuzz.generator import Generator
from fuzz.session import Session
from fuzz.targets import load

# Longer inputs are made by repetition.
_LONGEST = 4096

# Libraries whose lines count, by target. This makes PyYAML four times as slow, so it is not done for other targets.
_LIBRARIES = {"yaml": ["yaml"], "kubeconfig": ["kubernetes.config"]}

# libFuzzer's limits for one input, including repetitions, and for memory.
_SECONDS_FOR_ONE = 600
_MEGABYTES = 2048


def main(name: str, folder: Path, seconds: int) -> None:
    """Run a target. The process ends with it."""
    with atheris.instrument_imports(include=["airflow_kubernetes_secrets", *_LIBRARIES.get(name, ())]):
        target = load(name)
    session = Session(target, Generator(import_module(f"fuzz.inputs.{name}").INPUTS), folder / "findings")

    def mutate(data: bytes, size: int, seed: int) -> bytes:
        return session.next(Random(seed), lambda: bytes(atheris.Mutate(data, size)))[:size]

    grown = folder / "corpus"
    grown.mkdir(parents=True, exist_ok=True)
    dictionary = folder / "tokens"
    dictionary.write_text("".join(f'"{_escaped(token)}"\n' for token in target.tokens))
    arguments = {
        "max_total_time": seconds,
        "max_len": _LONGEST,
        "len_control": 0,
        "timeout": _SECONDS_FOR_ONE,
        "rss_limit_mb": _MEGABYTES,
        "dict": dictionary,
        "artifact_prefix": f"{folder}/",
        "print_final_stats": 1,
        "verbosity": 1,
    }
    options = [f"-{option}={value}" for option, value in arguments.items()]
    atheris.Setup(
        [sys.argv[0], *options, str(grown), str(kept.CORPUS / name)],
        session.try_one,
        custom_mutator=mutate,
    )
    atheris.Fuzz()


def _escaped(token: str) -> str:
    """Return a token in the format of libFuzzer's dictionaries."""
    return "".join(
        chr(byte) if 0x20 <= byte < 0x7F and chr(byte) not in '"\\' else f"\\x{byte:02x}" for byte in token.encode()
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
