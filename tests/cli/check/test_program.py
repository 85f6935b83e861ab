"""The program itself: its environment, a terminal, and many files."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from airflow_kubernetes_secrets.deployment.configuration import BACKEND
from manifests.build import CONFIG, CONNECTION, TEAM, labelled, secret
from manifests.case import Case, write
from support.commands import forked_program


def program(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    return subprocess.run(
        [forked_program(), "check", *map(str, arguments)],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_the_program_needs_no_database(tmp_path: Path) -> None:
    home = tmp_path / "home"
    manifests = [secret("a", annotations=labelled(connection_typ="x")), secret("b")]
    path = write(tmp_path, Case(manifests))

    done = program(
        path, AIRFLOW_HOME=str(home), AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home}/nowhere/airflow.db"
    )

    assert done.returncode == 1
    assert done.stderr == ""
    assert [line[-21:] for line in done.stdout.splitlines()[:2]] == [" [unknown-annotation]", "her id [duplicate-id]"]
    assert "\x1b" not in done.stdout
    assert not list(tmp_path.rglob("*.db"))


def test_the_program_starts_with_invalid_options(tmp_path: Path) -> None:
    path = write(tmp_path, Case(secret(data={})))
    kwargs = {"AIRFLOW__SECRETS__BACKEND": BACKEND, "AIRFLOW__SECRETS__BACKEND_KWARGS": '{"nonsense": 1}'}

    done = program(path, "-o", "github", **kwargs)

    assert done.returncode == 1
    assert "nonsense" in done.stderr
    assert done.stdout.startswith(f"::error file={path},line=1,title=unreadable::Secret airflow/db, key 'value': ")


def test_the_program_without_arguments() -> None:
    done = program()

    assert (done.returncode, "PATH" in done.stderr) == (2, True)


def on_a_terminal(path: Path, **variables: str) -> str:
    """Return the output on a terminal of 40 columns."""
    main_end, end = pty.openpty()
    environment = {
        name: text for name, text in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
    }
    environment |= {"TERM": "xterm-256color", "COLUMNS": "40", **variables}
    command = [forked_program(), "check", str(path)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=end, env=environment) as process:
        os.close(end)
        received = b""
        while True:
            try:
                some = os.read(main_end, 65536)
            except OSError:
                break  # the other end is closed
            if not some:
                break
            received += some
    os.close(main_end)
    assert process.returncode == 1
    return received.decode().replace("\r\n", "\n")


def test_colour_on_a_terminal(tmp_path: Path) -> None:
    path = write(tmp_path, Case([secret(data={}), secret(annotations=labelled(connection_typ="x"))]))

    coloured, plain = on_a_terminal(path), on_a_terminal(path, NO_COLOR="1")

    assert "\x1b[1;31merror" in coloured
    assert "\x1b[33mwarning" in coloured
    # NO_COLOR removes colours but keeps bold type.
    assert not re.search("\x1b\\[[0-9;]*3[0-7]", plain)
    without = re.sub("\x1b\\[[0-9;]*m", "", coloured)
    assert without == re.sub("\x1b\\[[0-9;]*m", "", plain)
    # Each message is one line, which the terminal wraps.
    assert [line[:12] for line in without.splitlines()] == [str(path)[:12]] * 3 + ["2 manifests,"]


def test_a_thousand_manifests(tmp_path: Path, run: Any) -> None:
    """benchmarks/commands.py measures how long this takes."""
    for number in range(1000):
        one = secret(f"s{number}", labels={CONNECTION: f"c{number}"})
        (tmp_path / f"{number}.yaml").write_text(yaml.safe_dump(one))
    status, out, _err = run(tmp_path)
    assert (status, out) == (0, "1000 manifests, 0 errors, 0 warnings\n")


def test_an_option_of_a_team(tmp_path: Path, run: Any) -> None:
    option = secret("x", labels={CONFIG: "x", TEAM: "data"})
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(option))
    status, out, _err = run(tmp_path)
    assert status == 0
    assert "[not-looked-up]" in out
