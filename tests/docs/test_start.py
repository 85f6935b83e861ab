"""``docs/start``: the page for a laptop, executed unchanged on the devserver, with the installed Airflow."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from support.pages import PATIENCE, Block, blocks, page_file, shell

BLOCKS = blocks("laptop")
INSTALL, DEVSERVER = "Install", "The devserver"


def block(heading: str, number: int = 0) -> Block:
    [found] = [each for each in BLOCKS if (each.heading, each.number) == (heading, number)]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder of the reader, with the Secret, and run the devserver as in another terminal."""
    home = tmp_path_factory.mktemp("start")
    assert shell(f"set -e\n{block('A Secret').text}", home, {}).returncode == 0
    words = shlex.split(block(DEVSERVER).text.replace("\\\n", ""))
    program = Path(sys.executable).parent / words[0]
    server = subprocess.Popen([program, *words[1:]], cwd=home, stdout=subprocess.DEVNULL)
    try:
        ready, deadline = home / "devserver.env", time.monotonic() + PATIENCE
        while not (ready.exists() and ready.read_text().endswith("\n")):
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield home
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(PATIENCE)


def pairs() -> Iterator[tuple[Block, str]]:
    """Yield each block that follows the start of the devserver, and the output that the page shows for it."""
    rest = BLOCKS[BLOCKS.index(block(DEVSERVER)) + 1 :]
    for each, following in zip(rest, [*rest[1:], None], strict=True):
        if each.language == "bash":
            yield each, following.text if following is not None and following.language == "text" else ""


# Airflow reports a missing entry by its exit status too.
FAILS = {("Find a mistake", 0), ("Find a mistake", 2)}


def test_the_page(folder: Path) -> None:
    """Run all blocks, one after the other."""
    begin = ""
    for each, shown in pairs():
        done = shell(begin + each.text, folder, {})
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == ((each.heading, each.number) in FAILS), f"{each.text}\n{said}"
        for line in shown.splitlines():
            assert says(said, line), f"{line!r} is not in\n{said}"
        # Exported variables stay set in the rest of the terminal.
        begin = begin or "".join(line for line in each.text.splitlines(True) if line.startswith(("export ", ". ")))
    assert begin


def says(text: str, line: str) -> bool:
    """Return whether output contains a line of the page. ``…`` matches anything, as does the space between columns."""
    pattern = r"\s+".join(re.escape(word).replace("…", r".*") for word in line.split())
    return re.search(pattern, text) is not None


def test_what_is_installed() -> None:
    """No test installs Airflow from an index, but this one checks the requested versions."""
    made, activated, installed = block(INSTALL).text.splitlines()
    assert (made, activated) == ("python3 -m venv venv", ". venv/bin/activate")
    newest, *ours = installed.removeprefix("pip install ").split()
    airflow = Requirement(newest.strip("'"))
    assert airflow.name == "apache-airflow"
    assert "3.3.2" in airflow.specifier
    # tests/packaging/test_devserver.py installs them.
    assert ours == ["/path/to/clone", "/path/to/clone/devserver"]


def test_the_extras_of_the_page() -> None:
    """``docs/start/install.md`` lists every extra."""
    extras = re.findall(r"^\| `([\w-]+)` \| ", page_file("install").read_text(), re.MULTILINE)
    assert sorted(extras) == sorted(metadata("airflow-kubernetes-secrets").get_all("Provides-Extra") or ())
