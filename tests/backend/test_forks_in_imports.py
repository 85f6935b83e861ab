"""Forks while another thread imports a module for the first lookup of the process."""

from __future__ import annotations

import pytest

from support.cluster import ServiceAccount
from support.memory import PATIENCE, StartProgram
from support.proxy import Proxy
from support.secrets import Put
from support.servers import on_the_devserver

# A real server responds in the same way; the tested code is on the client's side.
pytestmark = on_the_devserver

PROGRAM = """
import os, sys, threading, time, warnings
from airflow_kubernetes_secrets import KubernetesSecretsBackend
# From Python 3.12 on, a fork warns of other threads.
warnings.simplefilter("ignore", DeprecationWarning)
backend = KubernetesSecretsBackend({options})
importing = threading.Event()

def pause(frame, event, _argument):
    if event == "call" and frame.f_code.co_name == "<module>" and frame.f_code.co_filename.endswith({module!r}):
        sys.setprofile(None)
        importing.set()
        time.sleep(0.3)

def result():
    try:
        return backend.get_variable("x")
    except Exception as error:
        return type(error).__name__

def say(line):
    # With PYTHONUNBUFFERED, print writes a line in pieces, between which the other process can write.
    os.write(1, (line + "\\n").encode())

def look_up():
    sys.setprofile(pause)
    say("parent: " + result())

thread = threading.Thread(target=look_up)
thread.start()
assert importing.wait(60)
child = os.fork()
if child == 0:
    backend = KubernetesSecretsBackend({options})
    say("child: " + result())
    os._exit(0)
thread.join()
say(str(os.waitpid(child, 0)[1]))
"""


@pytest.mark.parametrize("module", ["kubernetes/decode.py", "sources/cache_policy.py", "sources/index_results.py"])
def test_fork_during_an_import_of_the_first_lookup(
    module: str, account: ServiceAccount, put: Put, program: StartProgram
) -> None:
    """A child inherits the lock of an import, and no thread of the child would release it."""
    put.variable("x", "found", name="x")
    options = f"service_account_path={str(account.folder)!r}, cache_ttl=60"

    output, errors = program(PROGRAM.format(options=options, module=module)).communicate(timeout=PATIENCE)

    assert sorted(output.splitlines()) == ["0", "child: found", "parent: found"], errors


def test_fork_during_the_import_for_the_first_denied_lookup(
    account: ServiceAccount, proxy: Proxy, program: StartProgram
) -> None:
    """With ``on_error`` ``deny``, the first failed lookup imports Airflow's exception."""
    proxy.refuse()
    options = f"service_account_path={str(proxy.folder(account))!r}, on_error='deny', timeout=0.3"
    text = PROGRAM.format(options=options, module="backend/airflow_versions.py")

    output, errors = program(text, **proxy.pod_environment()).communicate(timeout=PATIENCE)

    results = [line for line in output.splitlines() if line.startswith(("child: ", "parent: ", "0"))]
    denied = "AirflowSecretsBackendAccessDenied"
    assert sorted(results) == ["0", f"child: {denied}", f"parent: {denied}"], errors
