"""Ids cannot forge a command of the script that deletes exported entries."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from support.commands import PATIENCE
from support.hostile import NAMES, assert_harmless
from support.hostile_commands import NUMBERED


@pytest.mark.parametrize("name", NUMBERED, ids=NAMES)
def test_each_command_of_the_deletion_script_deletes_one_entry(name: str, tmp_path: Path) -> None:
    """Each line of the script is readable, and names exactly one entry."""
    from airflow_kubernetes_secrets.lookup.kinds import Kind
    from airflow_kubernetes_secrets.lookup.selection import Lookup
    from airflow_kubernetes_secrets.migration.deletion_script import command

    for identifier in (name, f"{name}\n", f"-{name}", f"\\{name}\\", f"{name}\n\n"):
        line = command(Lookup(Kind.VARIABLE, identifier))
        assert_harmless(line)
        airflow = f"airflow() {{ {shlex.quote(sys.executable)} -c 'import sys; print(ascii(sys.argv[1:]))' \"$@\"; }}"
        done = subprocess.run(
            ["sh", "-c", f"{airflow}\n{line}"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
            cwd=tmp_path,
        )
        end = ["--"] if identifier.startswith("-") else []
        assert done.stdout == f"{['variables', 'delete', *end, identifier]!a}\n"
        assert list(tmp_path.iterdir()) == []
