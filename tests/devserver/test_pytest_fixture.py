"""The fixture as other projects' tests use it: from the installed plug-in, in a separate run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PLUGIN = "airflow_kubernetes_secrets_devserver.pytest_plugin"


def run(tmp_path: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "test_theirs.py").write_text(text)
    script = "import importlib.metadata as m, sys, pytest; " + (
        f"found = {PLUGIN!r} in {{e.value for e in m.entry_points(group='pytest11')}}; "
        f"sys.exit(pytest.main([*sys.argv[1:], *([] if found else ['-p', {PLUGIN!r}])]))"
    )
    return subprocess.run(
        [sys.executable, "-c", script, "-q", "-W", "error", "--rootdir", str(tmp_path), *arguments, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=180,
        cwd=tmp_path,
        check=False,
    )


def test_each_test_starts_without_secrets(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
import json, ssl, urllib.request

def names(server):
    context = ssl.create_default_context(cafile=server.ca_file)
    token = (server.service_account_path / "token").read_text()
    request = urllib.request.Request(
        f"{server.url}/api/v1/namespaces/airflow/secrets", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, context=context, timeout=180) as response:
        return [item["metadata"]["name"] for item in json.load(response)["items"]]

def test_one(kubernetes_devserver, monkeypatch):
    for name, value in kubernetes_devserver.environment().items():
        monkeypatch.setenv(name, value)
    kubernetes_devserver.apply({"metadata": {"name": "mine"}})
    assert names(kubernetes_devserver) == ["mine"]

def test_two(kubernetes_devserver):
    assert names(kubernetes_devserver) == []
""",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_plugin_imports_no_heavy_modules(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
import sys

def test_nothing():
    heavy = {"starlette", "uvicorn", "trustme", "watchfiles", "yaml", "airflow", "cryptography"}
    assert not heavy & set(sys.modules)
""",
        "-p", "no:anyio",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_error_names_the_extra_to_install(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("import sys\nsys.modules['trustme'] = None\n")
    done = run(tmp_path, "def test_x(kubernetes_devserver): pass")
    assert done.returncode == 1
    assert "trustme is missing: pip install 'airflow-kubernetes-secrets[devserver]'" in done.stdout
    assert "Traceback" not in done.stdout
