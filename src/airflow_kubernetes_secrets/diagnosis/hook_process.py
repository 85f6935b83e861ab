"""The process in which a hook tests its connection: ``python -m airflow_kubernetes_secrets.diagnosis.hook_process``.

It reads ``{"stored": …, "seconds": …}`` from standard input, and writes the result as one line of JSON to
standard output.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
from typing import Any

from airflow_kubernetes_secrets.backend.airflow_versions import ensure_masker, known_connection_types

# The id under which the hook finds the connection. The real one may be impossible in the name of a variable.
_ID = "tested_connection"


def main() -> None:
    """Test the connection that standard input contains, and write the result. What the hook prints is discarded."""
    request = json.load(sys.stdin)
    # The command ends this process after the same time, unless the command itself was killed.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(math.ceil(request["seconds"]) + 1)
    with os.fdopen(os.dup(1), "w") as results:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):
            os.dup2(nowhere, descriptor)
        results.write(f"{json.dumps(_tested(request['stored']))}\n")
    # A thread of the hook may still run.
    os._exit(0)


def _tested(stored: str) -> dict[str, Any]:
    os.environ[f"AIRFLOW_CONN_{_ID.upper()}"] = stored
    from airflow.configuration import conf
    from airflow.models import Connection

    ensure_masker()
    text = stored.strip()
    connection: Any = Connection.from_json(text, _ID) if text.startswith("{") else Connection(_ID, uri=text)
    result = {"conn_type": connection.conn_type, "message": ""}
    # This is the condition of Airflow's own command and API.
    if conf.get("core", "test_connection", fallback="Disabled").lower().strip() != "enabled":
        return {**result, "state": "disabled"}
    known = known_connection_types()
    if known is not None and connection.conn_type not in known:
        return {**result, "state": "no hook"}
    try:
        hook = connection.get_hook()
        if not hasattr(hook, "test_connection"):
            return {**result, "state": "no test", "message": type(hook).__name__}
        works, message = hook.test_connection()
    except BaseException as error:  # a hook can raise anything, also SystemExit
        return {**result, "state": "failed", "message": f"{type(error).__name__}: {error}"}
    return {**result, "state": "works" if works else "failed", "message": str(message)}


if __name__ == "__main__":
    main()
