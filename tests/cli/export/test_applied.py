"""The command that ``export`` shows is run, and its Secrets are read back."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.cli.main import main
from airflow_kubernetes_secrets.process import restart
from support import kubectl
from support.airflow import BACKEND
from support.cluster import Cluster


@kubectl.needs_kubectl
@pytest.mark.parametrize("bundle", [(), ("--bundle",)], ids=["one for each id", "bundle"])
@pytest.mark.parametrize(("size", "server_side"), [(100_000, False), (180_000, False), (190_000, True), (10**6, True)])
def test_values_of_any_size(
    cluster: Cluster,
    namespace: str,
    bundle: tuple[str, ...],
    size: int,
    server_side: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = str(cluster.kubeconfig(cluster.admin_token, namespace))
    kwargs = {"kubeconfig": config, "bundles": True, "timeout": 60}
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", BACKEND)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(kwargs))
    given = {"large": "x" * size, "small": "y"}
    (tmp_path / "v.json").write_text(json.dumps(given))
    command = ["export", "--from", str(tmp_path / "v.json"), "--kind", "variables", "-o", str(tmp_path / "out")]
    assert main([*command, *bundle, "--report", "json"]) == 0
    report = json.loads(capsys.readouterr().out)

    kubectl.run(report["apply"], cluster, tmp_path)

    restart()
    backend = KubernetesSecretsBackend(**kwargs)
    assert {key: backend.get_variable(key) for key in given} == given
    assert ("--server-side" in shlex.split(report["apply"])) is server_side
    assert any("kubectl needs --server-side" in note for note in report["notes"]) is server_side
