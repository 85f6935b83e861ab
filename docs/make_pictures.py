"""Draws the terminal output of explain, list and doctor with the devserver: ``python docs/make_pictures.py``."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, DIMMED_MONOKAI, TerminalTheme
from rich.text import Text

from airflow_kubernetes_secrets_devserver import DevServer

IMAGES = Path(__file__).parent / "images"
# As narrow as the output allows: a page shows all pictures at the same width.
COLUMNS = {"explain": 88, "list": 130, "doctor": 88}
PROGRAM = [sys.executable, "-m", "airflow_kubernetes_secrets.cli.main"]
COMMANDS = {
    "explain": ["explain", "connection", "app_db"],
    "list": ["list"],
    "doctor": ["doctor"],
}
# Values that differ in each run, and their replacements, so that a picture changes only with its content.
STEADY = {
    r"(?<=127\.0\.0\.1:)\d{5}": "40443",
    r"(?<=kubernetes-devserver-)\w{8}": "xxxxxxxx",
    r"(?<=in )\d+(?= ms)": "3",
    r"(?<= )\d(?=s )": "2",
    r"(?<= )\d\ds(?= )": "2s ",
}
THEMES: dict[str, TerminalTheme] = {"light": DEFAULT_TERMINAL_THEME, "dark": DIMMED_MONOKAI}

PREFIX = "airflow.apache.org"


def secret(name: str, labels: dict[str, str], data: dict[str, str], **metadata: object) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "airflow", "labels": labels, **metadata},
        "stringData": data,
    }


def secrets() -> list[dict[str, object]]:
    """Return the Secrets of a typical namespace, two of them with a mistake."""
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "uid": "1", "controller": True}
    uri = "postgresql://app:word@app-db-rw.airflow:5432/app"
    database = {"uri": uri, "host": "app-db-rw", "username": "app", "password": "word", "port": "5432", "dbname": "app"}
    return [
        secret("app-db-app", {f"{PREFIX}/connection-id": "app_db", "cnpg.io/cluster": "app-db"}, database),
        secret("app-db-copy", {f"{PREFIX}/connection-id": "app_db"}, {"value": uri}),
        secret(
            "warehouse",
            {f"{PREFIX}/connection-id": "warehouse", f"{PREFIX}/team": "data"},
            {"value": "postgresql://loader:word@dw.example.com/sales"},
            ownerReferences=[{**owner, "name": "warehouse"}],
        ),
        secret("greeting", {f"{PREFIX}/variable-key": "greeting"}, {"value": "hello\n"}),
        secret("fernet-key", {f"{PREFIX}/config-key": "fernet-key"}, {"value": "a-key"}),
    ]


def on_a_terminal(command: list[str], variables: dict[str, str], columns: int) -> str:
    """Return the output of a command on a terminal of this width, with its colours."""
    ours, theirs = pty.openpty()
    # The width is set here instead of being read from a terminal, and every terminal has these colours.
    terminal = {"COLUMNS": str(columns), "LINES": "60", "TERM": "xterm"}
    environment = {"PATH": os.environ["PATH"], **variables, **terminal}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    printed = b""
    try:
        while part := os.read(ours, 65536):
            printed += part
    except OSError:
        pass  # Linux reports that the other side is closed as an error
    os.close(ours)
    process.wait()
    return printed.decode()


def picture(name: str, printed: str, theme: TerminalTheme) -> str:
    """Return the output as an SVG that loads nothing from elsewhere."""
    # A progress indicator draws itself and removes itself again.
    visible = re.sub(r"\x1b\[\?25[lh]|\x1b\[2K|\x1b\[1A|\r(?!\n)", "", printed).replace("\r\n", "\n")
    for changing, steady in STEADY.items():
        visible = re.sub(changing, steady, visible)
    lines = [line for line in visible.split("\n") if " … " not in line and not line.rstrip().endswith(" …")]
    console = Console(record=True, width=COLUMNS[name], file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi("\n".join(lines).strip("\n")))
    svg = console.export_svg(
        title=f"airflow-kubernetes-secrets {' '.join(COMMANDS[name])}", theme=theme, unique_id=name
    )
    return re.sub(r"@font-face \{.*?\}\n?", "", svg, flags=re.DOTALL)


def drawn() -> Iterator[tuple[str, str]]:
    """Yield the name of each picture, and the SVG."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "secrets.yaml").write_text(yaml.safe_dump_all(secrets()))
        with DevServer(Path(folder)) as server:
            variables = {
                **server.environment(),
                "AIRFLOW_HOME": folder,
                "AIRFLOW_CONN_APP_DB": "postgres://old",
                "AIRFLOW__CORE__FERNET_KEY_SECRET": "fernet-key",
            }
            for name, arguments in COMMANDS.items():
                printed = on_a_terminal([*PROGRAM, *arguments], variables, COLUMNS[name])
                for theme, colours in THEMES.items():
                    yield f"{name}-{theme}.svg", picture(name, printed, colours)


def main() -> None:
    for name, svg in drawn():
        (IMAGES / name).write_text(svg)


if __name__ == "__main__":
    main()
