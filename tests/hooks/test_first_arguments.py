"""The table of the first arguments of hooks, compared with the classes of the providers."""

from __future__ import annotations

import json
import subprocess

import pytest

from airflow_kubernetes_secrets.usage.first_arguments import FIRST_ARGUMENTS
from support.airflow import ROOT

ENVIRONMENT = ROOT / ".venv-hooks"

# Prints the first argument of each hook whose module can be imported. A hook that passes all positional arguments on
# has that of its base class, and a SQL hook has the one that an attribute names.
PROGRAM = """
import importlib, inspect, json, sys, warnings

warnings.simplefilter("ignore")

def first_argument(hook):
    for each in hook.__mro__:
        parameters = list(inspect.signature(each.__init__).parameters.values())[1:] if "__init__" in vars(each) else []
        if parameters and parameters[0].kind is parameters[0].POSITIONAL_OR_KEYWORD:
            return parameters[0].name
        if each.__name__ == "DbApiHook":
            return hook.conn_name_attr
    return ""

found = {}
for path in json.load(sys.stdin):
    module, _, name = path.rpartition(".")
    try:
        hook = getattr(importlib.import_module(module), name)
    except Exception:
        continue
    found[path] = first_argument(hook)
print(json.dumps(found))
"""


@pytest.mark.skipif(not ENVIRONMENT.exists(), reason="the environment of requirements/hooks.txt is not installed")
def test_each_hook_takes_its_argument_first() -> None:
    done = subprocess.run(
        [str(ENVIRONMENT / "bin" / "python"), "-c", PROGRAM],
        input=json.dumps(list(FIRST_ARGUMENTS)),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) > 100
    assert found == {path: FIRST_ARGUMENTS[path] for path in found}
