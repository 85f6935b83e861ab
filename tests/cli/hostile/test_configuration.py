"""The configuration of Airflow and kubeconfigs cannot forge the output of commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from airflow_kubernetes_secrets.inventory import cluster
from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from airflow_kubernetes_secrets.messages.printable import printable
from support.fake_api import FakeApi, refusal
from support.hostile_commands import Program, each_file_name, each_name
from support.secrets import CONNECTION


class TestConfiguration:
    """Hostile values in Airflow's configuration and in a kubeconfig."""

    @each_name
    def test_options(self, run: Program, tmp_path: Path, name: str) -> None:
        every: tuple[dict[str, Any], ...] = (
            {name: 1},
            {"namespace": name},
            {"namespace": [name]},
            {"team_namespaces": {name: name}},
            {"references": {name: {}}},
            {"references": {"connections": {name: name}}},
            {"connections_label": name},
            {"connections_lookup_pattern": f"({name}"},
            {"path": str(tmp_path / name)},
            {"service_account_path": str(tmp_path / name)},
            {"kubeconfig": str(tmp_path / name)},
            {"timeout": name},
            {"context": name},
        )
        for kwargs in every:
            run.configure(**kwargs)
            assert run("list").err.count("\n") == 1
            assert run("doctor").status == 1
            run("doctor", "-o", "yaml")

    @each_name
    def test_class_names_of_backends(self, run: Program, tmp_path: Path, name: str) -> None:
        run.configure(path=str(tmp_path))
        for backend in (name, f"airflow.{name}", f"airflow.models.{name}"):
            run.patch.setenv("AIRFLOW__SECRETS__BACKEND", backend)
            run.patch.setenv("AIRFLOW__WORKERS__SECRETS_BACKEND", backend)
            for arguments in (["doctor"], ["list"], ["explain", "variable", "x"], ["check", str(tmp_path)]):
                run(*arguments)
            assert run("rbac", "-s", "a/b", "-n", "a").err.count("\n") == 1

    @each_file_name
    def test_path_of_airflow_cfg(self, run: Program, tmp_path: Path, name: str) -> None:
        """The path of airflow.cfg can be anything."""
        manifests = tmp_path / "manifests"
        manifests.mkdir()
        file = tmp_path / f"{name}.cfg"
        file.write_text("[database]\nsql_alchemy_conn_secret = x\n[core]\nfernet_key = x\nfernet_key_secret = y\n")
        run.configure(path=str(manifests))
        run.patch.setenv("AIRFLOW_CONFIG", str(file))
        before = run("doctor").out
        assert printable(file) in before
        assert all(line.startswith("  ") for line in before.split("\n") if "cfg" in line)
        assert printable(file) in run("explain", "config", "x").out

    @each_name
    def test_variables_of_the_environment(self, run: Program, tmp_path: Path, name: str) -> None:
        # The name of a variable contains no "=".
        name = name.replace("=", "-")
        manifest = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "x",
                "labels": {CONNECTION: label_value(name)},
                "annotations": {CONNECTION: name},
            },
            "stringData": {"value": "http://h"},
        }
        (tmp_path / "x.json").write_text(json.dumps(manifest))
        run.configure(path=str(tmp_path))
        run.patch.setenv(f"AIRFLOW_CONN_{name.upper()}", "http://h")
        done = run("explain", "connection", name)
        assert done.status == 0
        assert len([line for line in done.out.split("\n") if "of this process" in line]) == 1

    @each_name
    def test_a_kubeconfig(self, run: Program, tmp_path: Path, name: str) -> None:
        with FakeApi(lambda _method, _target: refusal(404, ""), tmp_path / "account") as api:
            server = "https://{KUBERNETES_SERVICE_HOST}:{KUBERNETES_SERVICE_PORT}".format(**api.pod_environment())
            working = {"server": server, "certificate-authority": str(api.folder / "ca.crt")}
            # A name that cannot be resolved is tried again until the timeout.
            run.patch.setattr(cluster, "_SHORTEST_TIMEOUT", 0.0)
            for changed, context, timeout in (
                ({"tls-server-name": name}, {}, 3),
                ({"server": f"https://{name}"}, {}, 0.3),
                ({"certificate-authority": str(tmp_path / name)}, {}, 3),
                ({"proxy-url": name}, {}, 3),
                ({}, {"namespace": name}, 3),
                ({}, {"user": name}, 3),
            ):
                config = {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "c", "cluster": {**working, **changed}}],
                    "users": [{"name": "u", "user": {"token": "a-token"}}],
                    "contexts": [{"name": name, "context": {"cluster": "c", "user": "u", **context}}],
                    "current-context": name,
                }
                file = tmp_path / "config"
                file.write_text(yaml.safe_dump(config))
                run.configure(timeout=timeout)
                for more in ([], ["--context", name], ["--context", f"{name}x"]):
                    done = run("list", "--kubeconfig", str(file), *more)
                    assert (done.status, done.err.count("\n")) == (2, 1)
