"""Run targets one after the other, each in its own process, and print a table of the findings.

``python -m fuzz [--seconds SECONDS] [TARGET …]``
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree

from fuzz.findings import reports
from fuzz.targets import NAMES

# The folder of a run, with its findings and the inputs that reached new lines.
RUNS = Path(__file__).resolve().parents[1] / "build" / "fuzz"

_COUNT = re.compile(r"^stat::number_of_executed_units:\s*(\d+)", re.MULTILINE)
_COVERAGE = re.compile(r"\bcov: (\d+)")


def main() -> int:
    """Run the targets. The exit status is 1 if one of them has a finding."""
    parser = argparse.ArgumentParser(prog="fuzz", description="Fuzz the readers of untrusted input.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"default: all of {', '.join(NAMES)}")
    parser.add_argument("--seconds", type=int, default=600, help="how long each target runs (default: %(default)s)")
    given = parser.parse_args()
    if unknown := [name for name in given.targets if name not in NAMES]:
        parser.error(f"there is no target {', '.join(unknown)}; the targets are {', '.join(NAMES)}")
    is_guided = find_spec("atheris") is not None
    if not is_guided:
        _print("atheris is not installed, so inputs are changed at random, without regard to the lines that they reach")
    _print("| target | seconds | inputs | coverage | findings |")
    _print("| --- | --- | --- | --- | --- |")
    with_findings = [name for name in given.targets or NAMES if _run(name, given.seconds, is_guided)]
    return int(bool(with_findings))


def _run(name: str, seconds: int, is_guided: bool) -> bool:
    """Run one target, print its line of the table, and return whether there is a finding."""
    folder = RUNS / name
    rmtree(folder / "findings", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    engine = "fuzz.guided" if is_guided else "fuzz.unguided"
    log = folder / "log.txt"
    with log.open("wb") as output:
        done = subprocess.run(
            [sys.executable, "-m", engine, name, str(folder), str(seconds)], stdout=output, stderr=output, check=False
        )
    text = log.read_text(encoding="utf-8", errors="replace")
    count, coverage = _COUNT.findall(text), _COVERAGE.findall(text)
    found = reports(folder / "findings")
    is_broken = done.returncode != 0 or not count
    problem = f"{len(found)}" if not is_broken else f"{len(found)}, and the run ended with {done.returncode}: {log}"
    _print(f"| {name} | {seconds} | {(count or ['?'])[-1]} | {(coverage or ['?'])[-1]} | {problem} |")
    for report in found:
        _print(f"  {report.with_suffix('')}.*")
        _print(f"    {report.read_text(encoding='utf-8').splitlines()[0][:300]}")
    return bool(found) or is_broken


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
