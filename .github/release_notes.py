"""Print the section of CHANGELOG.md for a release, after checking that the versions agree.

    python3 .github/release_notes.py v0.1.0

The tag, all three distributions and the changelog must name the same version, and the changelog must have its date.
Each difference is printed on standard error, with exit status 1. The script needs only Python.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

VERSIONS = {
    "src/airflow_kubernetes_secrets/version.py": r'(?m)^__version__ = "(.+)"$',
    "cncf-path/pyproject.toml": r'(?m)^version = "(.+)"$',
    # Its own version, and the version of the main distribution that it requires.
    "devserver/pyproject.toml": r'(?m)^(?:version = |  "airflow-kubernetes-secrets==)"?(.+?)",?$',
}


def main() -> int:
    """Read the tag from the command line, and return the exit status."""
    if len(sys.argv) != 2:
        sys.stderr.write("name one tag: python3 .github/release_notes.py v0.1.0\n")
        return 2
    version = sys.argv[1].removeprefix("v")
    notes = _notes(version)
    problems = [
        *_wrong_versions(version),
        *(() if notes else (f"CHANGELOG.md has no heading '## {version} (YYYY-MM-DD)' with text below it. Add it",)),
    ]
    if problems or notes is None:
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
        return 1
    sys.stdout.write(f"{notes}\n")
    return 0


def _wrong_versions(version: str) -> list[str]:
    """Return a message for each file that names another version."""
    found = {path: re.findall(pattern, (ROOT / path).read_text()) for path, pattern in VERSIONS.items()}
    return [
        f"{path} has {', '.join(versions) or 'no version'}, the tag {version}. Correct one of them"
        for path, versions in found.items()
        if set(versions) != {version}
    ]


def _notes(version: str) -> str | None:
    """Return the text below the heading of a version with its date; ``None`` if there is no such heading."""
    heading = rf"(?ms)^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)\n(.+?)(?=^## |\Z)"
    found = re.search(heading, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    return found[1].strip() if found else None


if __name__ == "__main__":
    sys.exit(main())
