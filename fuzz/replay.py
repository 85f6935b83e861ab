"""Try the input in a file on a target: ``python -m fuzz.replay TARGET FILE``.

A JSON file in a folder of findings or repetitions is a repetition. Every other file is an input as it is.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fuzz.growth import Repetition, check_growth
from fuzz.judge import judge
from fuzz.target import Target
from fuzz.targets import load


def replay(target: Target, path: Path, *, is_repetition: bool) -> None:
    """Try an input or a repetition.

    Raises:
        BrokenRuleError: the input breaks a rule.
    """
    if is_repetition:
        check_growth(target, Repetition.loads(path.read_text(encoding="ascii")))
    else:
        judge(target, path.read_bytes())


def main(name: str, path: Path) -> None:
    """Replay a file. A fault ends the process with a traceback."""
    folders = {path.parent.name, path.parent.parent.name}
    is_repetition = path.suffix == ".json" and bool(folders & {"findings", "repetitions"})
    replay(load(name), path, is_repetition=is_repetition)
    sys.stdout.write("no rule is broken\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
