"""The command: what it prints, what it leaves, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from airflow_kubernetes_secrets.cli.main import main
from support.kube_apiserver import trust

PASSWORD = "geheim-4711"


def start(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-m", "airflow_kubernetes_secrets.cli.main", "devserver", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def wait_for(path: Path, process: subprocess.Popen[str]) -> str:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return path.read_text()


def exported(text: str) -> dict[str, str]:
    """Return the variables, as a shell reads the lines."""
    script = f"{text}\nenv -0"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=180, env={}, check=True)
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_it_serves_secrets_and_leaves_no_files_at_its_end(tmp_path: Path, number: signal.Signals) -> None:
    manifests, directory, ready = tmp_path / "manifests", tmp_path / "files", tmp_path / "ready"
    manifests.mkdir()
    manifest = f"kind: Secret\nmetadata: {{name: db}}\nstringData: {{value: {PASSWORD}}}\n"
    (manifests / "db.yaml").write_text(manifest)
    before = sorted(tmp_path.iterdir())
    process = start(tmp_path, "--manifests", str(manifests), "--directory", str(directory), "--ready-file", str(ready))
    try:
        variables = exported(wait_for(ready, process))
        folder = directory / "serviceaccount"
        assert variables["KUBECONFIG"] == str(directory / "kubeconfig")
        assert variables["AIRFLOW__SECRETS__BACKEND"] == "airflow_kubernetes_secrets.KubernetesSecretsBackend"
        assert str(folder) in variables["AIRFLOW__SECRETS__BACKEND_KWARGS"]
        for file in ("kubeconfig", "serviceaccount/token"):
            assert (directory / file).stat().st_mode & 0o777 == 0o600
        url = f"https://{variables['KUBERNETES_SERVICE_HOST']}:{variables['KUBERNETES_SERVICE_PORT']}"
        token = {"Authorization": f"Bearer {(folder / 'token').read_text()}"}
        secrets = f"{url}/api/v1/namespaces/airflow/secrets"
        with httpx.Client(verify=trust(folder / "ca.crt"), headers=token, timeout=180) as client:
            assert [item["metadata"]["name"] for item in client.get(secrets).json()["items"]] == ["db"]
            assert client.delete(f"{secrets}/db").status_code == 403
            with client.stream("GET", secrets, params={"watch": "1"}) as response:
                lines = response.iter_lines()
                assert '"db"' in next(lines)
                (manifests / "db.yaml").write_text(manifest.replace("value:", "other:"))
                assert "MODIFIED" in next(lines)
                process.send_signal(number)
                assert list(lines) == []  # an open watch ends cleanly, without an error for the client
        output, errors = process.communicate(timeout=180)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert errors == ""
    assert "Secret airflow/db: added" in output
    assert "Secret airflow/db: changed" in output
    assert f"export KUBECONFIG={directory}/kubeconfig" in output
    assert PASSWORD not in output
    assert sorted(tmp_path.iterdir()) == before


def test_without_a_directory_it_leaves_no_files(tmp_path: Path) -> None:
    process = start(tmp_path, "--namespace", "apps", "--ready-file", str(tmp_path / "ready"))
    try:
        variables = exported(wait_for(tmp_path / "ready", process))
        assert Path(variables["KUBECONFIG"]).exists()
        assert '"apps"' in variables["AIRFLOW__SECRETS__BACKEND_KWARGS"]
    finally:
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=180)
    assert (process.returncode, errors) == (0, "")
    assert "namespace apps" in output
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["devserver", "--port", str(port), "--directory", str(tmp_path / "files")]) == 1
    message = f"port {port} is in use: choose another with --port, or omit --port for a free one"
    assert capsys.readouterr().err == f"airflow-kubernetes-secrets devserver: {message}\n"
    assert list(tmp_path.iterdir()) == []


def test_missing_manifests_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devserver", "--manifests", str(tmp_path / "nothing")]) == 1
    assert capsys.readouterr().err.endswith("/nothing is not a folder. Correct --manifests\n")


def test_invalid_namespace_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devserver", "--namespace", "A b"]) == 1
    assert "--namespace: that is not a valid name. Use 1 to 63 of a-z, 0-9 and '-'" in capsys.readouterr().err


def test_a_relative_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The printed paths are valid in the shell of another folder too."""
    monkeypatch.chdir(tmp_path)
    process = start(tmp_path, "--directory", "files", "--ready-file", "ready")
    try:
        variables = exported(wait_for(tmp_path / "ready", process))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=180)
    assert variables["KUBECONFIG"] == f"{tmp_path}/files/kubeconfig"
    kwargs = json.loads(variables["AIRFLOW__SECRETS__BACKEND_KWARGS"])
    assert kwargs["service_account_path"] == f"{tmp_path}/files/serviceaccount"


def test_error_names_the_extra_to_install(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from airflow_kubernetes_secrets.cli.main import main; sys.exit(main(['devserver']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 1
    remedy = "pip install 'airflow-kubernetes-secrets[devserver]'"
    assert done.stderr == f"airflow-kubernetes-secrets devserver: uvicorn is missing: {remedy}\n"


def test_put_needs_the_kubeconfig(tmp_path: Path) -> None:
    """The devserver has no roles, so the remedy of a cluster would not work."""
    process = start(tmp_path, "--directory", str(tmp_path / "files"), "--ready-file", str(tmp_path / "ready"))

    def put(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "airflow_kubernetes_secrets.cli.main", "put", "variable", "x", "--value", "-"]
        return subprocess.run(
            [*command, *arguments],
            input=PASSWORD,
            capture_output=True,
            text=True,
            timeout=180,
            env={**os.environ, **variables},
            check=False,
        )

    try:
        variables = exported(wait_for(tmp_path / "ready", process))
        refused = put()
        assert refused.returncode == 2
        assert refused.stderr.strip().endswith(
            "This server is the devserver, which has no roles, so these commands fail. To write with your own account "
            'instead, add --kubeconfig "$KUBECONFIG"'
        )
        assert put("--kubeconfig", variables["KUBECONFIG"]).returncode == 0
    finally:
        process.terminate()
        process.communicate(timeout=60)
