"""The pages of the documentation: their blocks of code, and a shell that runs them as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from support.airflow import ENVIRONMENTS, ROOT
from support.warm import warm_python

DOCS = ROOT / "docs"
PATIENCE = 270

_HEADING_OR_BLOCK = re.compile(
    r"^#+ (?P<heading>[^\n]+)$|^ *```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        heading: the heading above it.
        number: its position below that heading, from 0.
    """

    heading: str
    number: int
    language: str
    text: str


def page_files() -> dict[str, Path]:
    """Return the file of each page by the page's name. A name is used in one folder only."""
    files = [path for path in sorted(DOCS.rglob("*.md")) if not path.stem.endswith("-prose")]
    found = {path.stem: path for path in files}
    if len(found) != len(files):
        raise ValueError("two pages have the same name")
    return found


def page_file(name: str) -> Path:
    """Return the file of the page with this name."""
    return page_files()[name]


def page_names() -> list[str]:
    """Return the names of all pages."""
    return sorted(page_files())


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page, in order."""
    found: list[Block] = []
    heading, number = "", 0
    for match in _HEADING_OR_BLOCK.finditer(page_file(page).read_text()):
        if match["heading"]:
            heading, number = match["heading"], 0
        else:
            found.append(Block(heading, number, match["language"], match["text"]))
            number += 1
    return found


def moved(text: str, namespaces: Mapping[str, str]) -> str:
    """Return ``text`` with these namespaces renamed."""
    names = "|".join(sorted(namespaces, key=len, reverse=True))
    # Parts of a longer name are not replaced, such as airflow-worker or airflow.apache.org.
    return re.sub(rf"(?<![\w./-])({names})(?![\w.-])", lambda found: namespaces[found[0]], text)


def shell(
    script: str, home: Path, variables: Mapping[str, str], version: str = "3.3"
) -> subprocess.CompletedProcess[str]:
    """Run a script in bash, with this Airflow and kubectl. It continues after an error unless it contains ``set -e``.

    Args:
        home: the working directory, in which Airflow's files are stored as well.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "KUBE"))}
    programs = warm_python(ENVIRONMENTS[version]).commands("airflow", "airflow-kubernetes-secrets")
    path = os.pathsep.join(
        [
            str(programs),
            str(ENVIRONMENTS[version] / "bin"),
            str(Path(which("kubectl") or "").parent),
            "/usr/bin",
            "/bin",
        ]
    )
    environment = {**clean, "HOME": str(home), "AIRFLOW_HOME": str(home / "airflow"), "PATH": path, **variables}
    return subprocess.run(
        ["bash", "-uc", script],
        env=environment,
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
