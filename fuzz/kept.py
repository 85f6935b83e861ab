"""The inputs that are stored with the code: seeds, and inputs that once broke a rule."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_HERE = Path(__file__).parent
CORPUS = _HERE / "corpus"
REPETITIONS = _HERE / "repetitions"


def inputs(target: str) -> Sequence[Path]:
    """Return the files that contain an input of a target."""
    return _files(CORPUS / target)


def repetitions(target: str) -> Sequence[Path]:
    """Return the files that contain a :class:`fuzz.growth.Repetition` for a target."""
    return _files(REPETITIONS / target)


def _files(folder: Path) -> Sequence[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else ()
