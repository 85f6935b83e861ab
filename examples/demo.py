"""Airflow reads its secrets from Kubernetes Secrets, without a cluster: `make demo` runs this.

It starts the embedded Kubernetes API with the manifests in `examples/manifests`, and then runs the commands in the
documentation. All files are in a temporary folder, which is removed at the end.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

EXAMPLES = Path(__file__).parent
BIN = Path(sys.executable).parent
PATIENCE = 120.0

# Hide the messages that Airflow logs at every start: none of them is about secrets.
QUIET = {"AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore"}


def main() -> int:
    # Python would end at once and leave the devserver running. SIGTERM is 15.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(128 + 15))
    with tempfile.TemporaryDirectory(prefix="airflow-kubernetes-secrets-demo-") as directory:
        folder = Path(directory)
        command = ["airflow-kubernetes-secrets", "devserver", "--manifests", "examples/manifests"]
        say(command, "Three connections, a variable and a configuration option are in examples/manifests.")
        server = subprocess.Popen(
            [BIN / command[0], *command[1:], "--directory", folder / "devserver", "--ready-file", folder / "ready"],
            cwd=EXAMPLES.parent,
            stdout=subprocess.DEVNULL,
        )
        try:
            return airflow_session(wait_until_ready(server, folder / "ready"), folder)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(PATIENCE)


def wait_until_ready(server: subprocess.Popen[bytes], ready: Path) -> dict[str, str]:
    """Return the variables that the devserver prints for the user to export."""
    deadline = time.monotonic() + PATIENCE
    while not (ready.exists() and ready.read_text().endswith("\n")):
        if server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the devserver did not start; its message is above")
        time.sleep(0.05)
    exports = (shlex.split(line)[1].split("=", 1) for line in ready.read_text().splitlines())
    return dict(exports)


def airflow_session(exported: Mapping[str, str], folder: Path) -> int:
    for name in ("AIRFLOW__SECRETS__BACKEND", "AIRFLOW__SECRETS__BACKEND_KWARGS"):
        print(f"export {name}={shlex.quote(exported[name])}")
    print("export AIRFLOW__CORE__FERNET_KEY_SECRET=fernet-key")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "KUBE"))}
    environment = {
        **clean,
        **QUIET,
        **exported,
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLES / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY_SECRET": "fernet-key",
    }
    commands = (
        ("config get-value secrets backend", "The backend is set."),
        ("connections get smtp_default -o yaml", "A connection stored as a URI, found by its label."),
        ("connections get my_postgres_db -o yaml", "A connection stored as JSON."),
        ("connections get app_db -o yaml", "A connection in separate keys, as CloudNativePG writes them."),
        ("variables get my_var", "A variable."),
        ("config get-value core fernet_key", "A configuration option from a Secret."),
    )
    failed = [text for text, comment in commands if run(text, comment, environment).returncode]
    failed += dag_run(environment) + commands_about_secrets(environment) + without_an_api(environment)
    print(f"\nFailed: {'; '.join(failed)}" if failed else "\nAll values came from labelled Secrets.")
    return 1 if failed else 0


def dag_run(environment: Mapping[str, str]) -> list[str]:
    """Run the example DAG, and show only the output of its tasks."""
    command = "dags test secrets_demo"
    airflow("db migrate", environment)
    verbose = {**environment, "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO"}
    done = run(command, "A DAG that uses them, in Python and in a template.", verbose, show=False)
    printed = re.findall(r"in (?:Python|a template): [\w.: ]+", done.stdout + done.stderr)
    lines = dict.fromkeys(line.strip() for line in printed)
    print("\n".join(lines))
    return [] if done.returncode == 0 and len(lines) == 3 else [command]


def commands_about_secrets(environment: Mapping[str, str]) -> list[str]:
    """Show the entries, and how Airflow finds one."""
    commands = (
        ("kubernetes-secrets list", "All entries in Secrets. No value is shown."),
        ("kubernetes-secrets explain connection app_db", "How Airflow finds a connection."),
    )
    return [text for text, comment in commands if run(text, comment, environment).returncode]


def without_an_api(environment: Mapping[str, str]) -> list[str]:
    """Show that Airflow can read the manifests itself."""
    kwargs = json.dumps({"path": str(EXAMPLES / "manifests")})
    print(f"\nexport AIRFLOW__SECRETS__BACKEND_KWARGS={shlex.quote(kwargs)}")
    command = "variables get my_var"
    done = run(
        command,
        "The same variable, read from the folder without any API.",
        {**environment, "AIRFLOW__SECRETS__BACKEND_KWARGS": kwargs},
    )
    return [command] if done.returncode else []


def run(
    text: str, comment: str, environment: Mapping[str, str], *, show: bool = True
) -> subprocess.CompletedProcess[str]:
    say(["airflow", *text.split()], comment)
    done = airflow(text, environment)
    if done.returncode:
        print(done.stdout, done.stderr)
    elif show:
        print(done.stdout.strip())
    return done


def airflow(text: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "airflow"), *text.split()]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)


def say(command: list[str], comment: str) -> None:
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    print(f"\n# {comment}\n{bold}$ {shlex.join(command)}{plain}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
