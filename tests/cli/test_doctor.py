"""``doctor``: each thing that it can find, produced for real."""

from __future__ import annotations

import json
import re
import socket
import time
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from support.airflow import BACKEND, ENVIRONMENTS, installed
from support.cluster import Cluster, DevserverCluster
from support.commands import SECRET, Commands
from support.exchange import Exchange
from support.faults import answer_with, forward, late
from support.proxy import Proxy
from support.secrets import CONNECTION, Put

URI = f"postgres://u:{SECRET}@db.example.com:5432/app"

devserver_alone = pytest.mark.parametrize("cluster", ["devserver"], indirect=True)


def doctor(commands: Commands, *arguments: str, status: int) -> list[dict[str, str]]:
    found: list[dict[str, str]] = commands.run("doctor", *arguments, "-o", "json", status=status).document["findings"]
    return found


def only(findings: list[dict[str, str]]) -> dict[str, str]:
    """The one finding that is not fine."""
    found = [each for each in findings if each["status"] in ("warning", "error")]
    assert len(found) == 1, found
    return found[0]


def warning(commands: Commands, code: str, *arguments: str) -> str:
    """The text of the only thing that is not fine, which is a warning."""
    found = only(doctor(commands, *arguments, status=0))
    assert (found["code"], found["status"]) == (code, "warning")
    return found["text"]


def error(commands: Commands, code: str, *arguments: str) -> str:
    """The text of the only thing that is not fine, which is an error."""
    found = only(doctor(commands, *arguments, status=1))
    assert (found["code"], found["status"]) == (code, "error")
    return found["text"]


def test_all_is_well(commands: Commands, put: Put) -> None:
    put.connection("a", URI)
    put.connection("b", URI)
    put.variable("c", SECRET)
    findings = doctor(commands, status=0)
    assert {each["status"] for each in findings} == {"ok"}
    texts = [each["text"] for each in findings]
    me = f"system:serviceaccount:{commands.namespace}:{commands.account.name}"
    assert f"the API server takes this for {me}" in texts
    assert f"may list Secrets in {commands.namespace}" in texts
    assert "may change no Secret where it looks" in texts
    assert "2 connections, 1 variable, 0 configuration options can be read" in texts


def test_the_text(commands: Commands, put: Put) -> None:
    put.connection("a", SECRET, name="bad")
    put.variable("b", f"{SECRET}\n", name="newline")
    lines = commands.run("doctor", status=1).out.splitlines()
    titles = [line for line in lines if not line.startswith(" ")]
    assert titles[:-1] == ["Airflow", "Options", "Credentials", "API server", "Permissions", "Secrets"]
    assert titles[-1] == "1 thing is wrong; 1 warning"
    assert sum(line.startswith("  ERROR ") for line in lines) == 1
    assert sum(line.startswith("  WARNING ") for line in lines) == 1


class TestConfiguration:
    def test_json_that_airflow_drops(self, commands: Commands) -> None:
        commands.set("AIRFLOW__SECRETS__BACKEND_KWARGS", '{"namespace": "x"')
        findings = doctor(commands, "--namespace", commands.namespace, status=1)
        dropped = next(each for each in findings if each["code"] == "kwargs-dropped")
        assert "it is not JSON: Expecting ',' delimiter at line 1, column 18" in dropped["text"]

    @pytest.mark.parametrize("text", ["[1]", '"namespace"', "7"])
    def test_json_that_is_no_object(self, commands: Commands, text: str) -> None:
        commands.set("AIRFLOW__SECRETS__BACKEND_KWARGS", text)
        findings = doctor(commands, "--namespace", commands.namespace, status=1)
        assert "kwargs-dropped" in [each["code"] for each in findings]

    def test_no_backend(self, commands: Commands) -> None:
        commands.set("AIRFLOW__SECRETS__BACKEND", None)
        assert "[secrets] backend is not set" in error(commands, "no-backend")

    def test_a_backend_that_is_not_there(self, commands: Commands) -> None:
        commands.set("AIRFLOW__SECRETS__BACKEND", "airflow_kubernetes_secrets.Backend")
        assert "cannot be imported here" in error(commands, "backend-missing")

    def test_another_backend(self, cluster: Cluster, commands: Commands) -> None:
        other = "airflow.secrets.environment_variables.EnvironmentVariablesBackend"
        commands.set("AIRFLOW__SECRETS__BACKEND", other)
        # What it is configured with means something else, so a way to the API has to be given.
        kubeconfig = str(cluster.kubeconfig(commands.account.token, commands.namespace))
        findings = doctor(commands, "--kubeconfig", kubeconfig, status=1)
        assert f"is {other}, and not this one" in only(findings)["text"]
        assert only(findings)["code"] == "another-backend"

    def test_an_option_with_which_airflow_does_not_start(self, commands: Commands) -> None:
        commands.configure(cache_tll=60)
        text = error(commands, "option-unusable")
        assert "did you mean 'cache_ttl'?" in text
        assert text.endswith("Airflow does not start with that")
        # Also where Airflow has not been imported before.
        done = commands.run_program("doctor", "-o", "json", status=1)
        assert only(done.document["findings"])["code"] == "option-unusable"

    def test_a_cache_of_airflows_own(self, commands: Commands) -> None:
        commands.set("AIRFLOW__SECRETS__USE_CACHE", "True")
        assert "keeps variables for 900 s" in warning(commands, "airflow-cache")
        commands.set("AIRFLOW__SECRETS__CACHE_TTL_SECONDS", "0")
        assert {each["status"] for each in doctor(commands, status=0)} == {"ok"}

    def test_workers_that_give_up_first(self, commands: Commands) -> None:
        commands.configure(timeout=5)
        assert "workers wait 5 s" in warning(commands, "workers-give-up")
        # By default neither Airflow nor this leaves anything to warn of.
        del commands.kwargs["timeout"]
        commands.configure()
        assert {each["status"] for each in doctor(commands, status=0)} == {"ok"}

    def test_workers_with_a_backend_of_their_own(self, commands: Commands) -> None:
        commands.set("AIRFLOW__WORKERS__SECRETS_BACKEND", "airflow_kubernetes_secrets.NoSecretsBackend")
        texts = [each["text"] for each in doctor(commands, status=0)]
        assert any("[workers] secrets_backend is airflow_kubernetes_secrets.NoSecretsBackend" in text for text in texts)

    @devserver_alone
    @pytest.mark.skipif(not installed("2.11"), reason="Airflow 2.11 is not installed")
    def test_a_denial_that_airflow_does_not_know(self, commands: Commands) -> None:
        commands.configure(on_error="deny")
        assert {each["status"] for each in doctor(commands, status=0)} == {"ok"}
        python = str(ENVIRONMENTS["2.11"] / "bin" / "python")
        program = [python, "-m", "airflow_kubernetes_secrets.cli.main"]
        done = commands.run_program("doctor", "-o", "json", program=program)
        assert only(done.document["findings"])["code"] == "deny-unknown"

    @devserver_alone
    def test_a_configuration_that_airflow_cannot_read(self, commands: Commands, tmp_path: Path) -> None:
        commands.set("AIRFLOW_HOME", str(tmp_path))
        (tmp_path / "airflow.cfg").write_text("no section\n")
        done = commands.run_program("doctor", "-o", "json", status=1)
        assert only(done.document["findings"])["code"] == "airflow-unreadable"


def jwt(**claims: object) -> str:
    parts = [urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in ({"alg": "none"}, claims)]
    return f"{parts[0]}.{parts[1]}.{SECRET}"


@devserver_alone
class TestCredentials:
    def take(self, cluster: Cluster, commands: Commands, token: str) -> None:
        """Give the account another token."""
        assert isinstance(cluster, DevserverCluster)
        users = cluster.server._access.users
        users[token] = users[commands.account.token]
        (commands.account.folder / "token").write_text(token)

    def test_a_token_that_expires(self, cluster: Cluster, commands: Commands) -> None:
        self.take(cluster, commands, jwt(sub="x", exp=time.time() + 3600 + 5))
        texts = [each["text"] for each in doctor(commands, status=0)]
        assert "the token expires in 60 minutes; it is read again every minute" in texts

    def test_one_that_has_expired(self, cluster: Cluster, commands: Commands) -> None:
        self.take(cluster, commands, jwt(sub="x", exp=time.time() - 7200 - 5))
        assert error(commands, "token-expired").startswith("the token has expired 2 hours ago")

    def test_one_without_an_end(self, cluster: Cluster, commands: Commands) -> None:
        self.take(cluster, commands, jwt(sub="x"))
        assert "does not expire" in warning(commands, "token-without-end")

    def test_no_token(self, commands: Commands) -> None:
        (commands.account.folder / "token").unlink()
        assert "token cannot be read" in error(commands, "not-configured")

    def test_a_ca_that_ends(self, commands: Commands) -> None:
        ca_file = commands.account.folder / "ca.crt"
        ends = datetime.now(timezone.utc) + timedelta(days=20)
        soon = trustme.CA()
        issued = soon.issue_cert("x", not_after=ends).cert_chain_pems[0].bytes()
        ca_file.write_bytes(ca_file.read_bytes() + issued)
        assert f"is valid until {ends:%Y-%m-%d}" in warning(commands, "ca-ends")

    def test_a_ca_that_is_none(self, commands: Commands) -> None:
        (commands.account.folder / "ca.crt").write_text("no certificate")
        codes = [each["code"] for each in doctor(commands, status=1) if each["status"] == "error"]
        assert codes == ["ca-unreadable", "unreachable"]

    def test_a_certificate_that_is_not_checked(self, cluster: Cluster, commands: Commands) -> None:
        path = cluster.kubeconfig(commands.account.token, commands.namespace)
        arguments = ("--kubeconfig", str(path))
        assert {each["code"] for each in doctor(commands, *arguments, status=0)} == {"ok"}
        config = yaml.safe_load(path.read_text())
        config["clusters"][0]["cluster"] = {"server": cluster.url, "insecure-skip-tls-verify": True}
        path.write_text(yaml.safe_dump(config))
        text = warning(commands, "certificate-unchecked", *arguments)
        assert text.startswith(f"the kubeconfig {path} says insecure-skip-tls-verify: ")
        assert "certificate-authority-data" in text

    @pytest.mark.parametrize(
        ("host", "code"), [("127.0.0.1", []), ("localhost", []), ("[::1]", []), ("192.0.2.1", ["no-tls"])]
    )
    def test_plain_http(self, cluster: Cluster, commands: Commands, host: str, code: list[str]) -> None:
        path = cluster.kubeconfig(commands.account.token, commands.namespace)
        config = yaml.safe_load(path.read_text())
        config["clusters"][0]["cluster"] = {"server": f"http://{host}:1"}
        config["users"][0]["user"] = {}
        path.write_text(yaml.safe_dump(config))
        commands.configure(timeout=1)
        findings = doctor(commands, "--kubeconfig", str(path), status=1)
        assert [each["code"] for each in findings if each["status"] == "warning"] == code
        assert findings[-2]["code"] == "unreachable"

    def test_no_api(self, commands: Commands) -> None:
        commands.set("KUBERNETES_SERVICE_HOST", None)
        commands.set("KUBECONFIG", None)
        assert "no Kubernetes API is configured" in error(commands, "not-configured")


@devserver_alone
class TestApiServer:
    def test_one_that_does_not_answer(self, commands: Commands) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            commands.set("KUBERNETES_SERVICE_PORT", str(taken.getsockname()[1]))
            findings = doctor(commands, status=1)
        assert only(findings)["code"] == "unreachable"
        assert findings[-1]["status"] == "skipped"

    def test_one_that_tells_little(self, cluster: Cluster, commands: Commands) -> None:
        """Where it is hardened not everybody may ask for its version, or review what they may do."""
        forbidden = '{"kind": "Status", "code": 403, "message": "forbidden: User \\"x\\" cannot get path \\"/\\""}'

        def refuse(exchange: Exchange) -> bool:
            if "/secrets" in exchange.request.target:
                return forward(exchange)
            answer_with(403, forbidden.encode())(exchange)
            return False  # a body that nobody has read may follow

        with Proxy(cluster) as proxy:
            proxy.always = refuse
            for name, value in proxy.pod_environment().items():
                commands.set(name, value)
            commands.configure(service_account_path=str(proxy.folder(commands.account)))
            findings = doctor(commands, status=0)
        assert any("of a version that it does not tell" in each["text"] for each in findings)
        skipped = next(each for each in findings if each["status"] == "skipped")
        assert "may not ask the Kubernetes API for /apis/authorization.k8s.io" in skipped["text"]
        assert findings[-1]["text"] == "0 connections, 0 variables, 0 configuration options can be read"

    def test_a_slow_one(self, cluster: Cluster, commands: Commands) -> None:
        with Proxy(cluster) as proxy:
            proxy.always = late(0.2)
            for name, value in proxy.pod_environment().items():
                commands.set(name, value)
            commands.configure(timeout=0.6, service_account_path=str(proxy.folder(commands.account)))
            findings = commands.run("doctor", "-o", "json", status=(0, 1)).document["findings"]
        slow = next(each for each in findings if each["code"] == "slow")
        assert "timeout is 0.6 s, in which a lookup has to succeed" in slow["text"]

    def test_a_token_that_it_does_not_know(self, commands: Commands) -> None:
        (commands.account.folder / "token").write_text(f"{SECRET}-unknown")
        assert "does not accept the service account's token" in error(commands, "unreachable")


class TestPermissions:
    def as_one_who_may(self, cluster: Cluster, commands: Commands, **grants: list[str]) -> None:
        account = cluster.service_account(commands.namespace, "other", {commands.namespace: [], **grants})
        commands.configure(service_account_path=str(account.folder))

    def test_too_little(self, cluster: Cluster, commands: Commands) -> None:
        self.as_one_who_may(cluster, commands)
        findings = doctor(commands, status=1)
        missing = next(each for each in findings if each["code"] == "may-not-list")
        assert f"kubectl create role airflow-kubernetes-secrets --namespace={commands.namespace}" in missing["text"]
        assert "unlisted" in [each["code"] for each in findings]

    def test_no_watch(self, commands: Commands) -> None:
        commands.configure(cache_ttl=60)
        text = warning(commands, "may-not-watch")
        assert "--verb=list,watch" in text
        assert "listed every 60 s" in text

    def test_no_get_for_a_reference(self, commands: Commands) -> None:
        commands.configure(references={"connections": {"x": "by-name"}})
        findings = doctor(commands, status=1)
        missing = next(each for each in findings if each["code"] == "may-not-get")
        assert "--resource-name=by-name" in missing["text"]

    def test_a_get_for_a_reference(self, cluster: Cluster, commands: Commands, put: Put) -> None:
        commands.configure(references={"connections": {"x": "by-name"}})
        put({"app": "x"}, URI, name="by-name")
        named = {commands.namespace: ["by-name"]}
        account = cluster.service_account(commands.namespace, "getter", {commands.namespace: ["list"]}, named)
        commands.configure(service_account_path=str(account.folder))
        texts = [each["text"] for each in doctor(commands, status=0)]
        assert f"may get the Secrets in {commands.namespace} that 'references' names: by-name" in texts

    def test_writes(self, cluster: Cluster, commands: Commands) -> None:
        self.as_one_who_may(cluster, commands, **{commands.namespace: ["list", "patch", "delete"]})
        assert warning(commands, "may-write").startswith(f"may patch, delete Secrets in {commands.namespace}")

    def test_every_namespace(self, cluster: Cluster, commands: Commands) -> None:
        self.as_one_who_may(cluster, commands, **{"*": ["list"]})
        assert "may list the Secrets of every namespace" in warning(commands, "may-list-everywhere")

    def test_an_administrator_asks_for_a_service_account(self, cluster: Cluster, commands: Commands) -> None:
        kubeconfig = str(cluster.kubeconfig(cluster.admin_token))
        there = ("--kubeconfig", kubeconfig, "--namespace", commands.namespace)
        findings = doctor(commands, *there, status=0)
        assert any(each["status"] == "skipped" and "--as" in each["text"] for each in findings)
        me = f"system:serviceaccount:{commands.namespace}:{commands.account.name}"
        texts = [each["text"] for each in doctor(commands, *there, "--as", me, status=0)]
        assert "may change no Secret where it looks" in texts


class TestSecrets:
    def test_what_list_says_too(self, commands: Commands, put: Put) -> None:
        put.connection("x", SECRET, name="bad")
        assert f"Secret {commands.namespace}/bad" in error(commands, "unreadable")

    def test_duplicates(self, commands: Commands, put: Put) -> None:
        put.connection("x", URI, name="a")
        put.connection("x", URI, name="b")
        assert "has the same id" in warning(commands, "duplicate-id")

    def test_teams_where_airflow_has_none(self, commands: Commands, put: Put) -> None:
        put.connection("x", URI, team="data")
        assert "only with [core] multi_team" in warning(commands, "teams-off")
        commands.set("AIRFLOW__CORE__MULTI_TEAM", "True")
        assert {each["status"] for each in doctor(commands, status=0)} == {"ok"}

    @devserver_alone
    def test_many(self, cluster: Cluster, commands: Commands) -> None:
        for number in range(5001):
            cluster.apply({"metadata": {"name": f"s{number}", "namespace": commands.namespace}})
        assert "has 5001 Secrets" in warning(commands, "many")
        commands.configure(cache_ttl=1)
        assert {each["status"] for each in doctor(commands, status=0)} == {"ok"}

    @devserver_alone
    def test_a_folder(self, commands: Commands, tmp_path: Path) -> None:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "x", "labels": {CONNECTION: "x"}},
            "stringData": {"value": URI},
        }
        (tmp_path / "good.yaml").write_text(yaml.safe_dump(secret))
        (tmp_path / "bad.yaml").write_text(f"a: [{SECRET}\n")
        commands.kwargs.clear()
        commands.configure(path=str(tmp_path))
        assert "bad.yaml: line 2:" in error(commands, "manifest")
        commands.configure(path=str(tmp_path / "nowhere"))
        assert "names no folder that can be read" in error(commands, "unreachable")


class TestOptionsFromSecrets:
    NAME = "AIRFLOW__CORE__FERNET_KEY_SECRET"

    def test_one_that_is_there(self, commands: Commands, put: Put) -> None:
        put.config("fernet", SECRET, name="it")
        commands.set(self.NAME, "fernet")
        texts = [each["text"] for each in doctor(commands, status=0)]
        assert f"[core] fernet_key is in Secret {commands.namespace}/it ({self.NAME})" in texts

    def test_one_that_is_not(self, commands: Commands) -> None:
        commands.set(self.NAME, "fernet")
        text = error(commands, "option-missing")
        assert "Airflow goes on with the default of [core] fernet_key and says nothing" in text

    def test_one_that_names_a_uri(self, commands: Commands) -> None:
        commands.set("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET", URI)
        assert "its id is a URI" in error(commands, "option-missing")

    DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET"

    def test_the_database_through_the_environment_alone(self, commands: Commands, put: Put, cluster: Cluster) -> None:
        """As in the pods of the chart with ``env``; its jobs have none with ``applyCustomEnv: false``."""
        put.config("db", URI, name="it")
        commands.set(self.DATABASE, "db")
        text = warning(commands, "only-in-environment")
        assert text.startswith(
            "[database] sql_alchemy_conn comes from a Secret through environment variables alone "
            f"({self.DATABASE}, AIRFLOW__SECRETS__BACKEND, AIRFLOW__SECRETS__BACKEND_KWARGS). "
        )
        assert text.endswith("/airflow.cfg too: that is 'config' in the chart's values")
        # Where there are no other pods.
        kubeconfig = str(cluster.kubeconfig(commands.account.token, commands.namespace))
        commands.set("KUBERNETES_SERVICE_HOST", None)
        findings = doctor(commands, "--kubeconfig", kubeconfig, status=0)
        assert "only-in-environment" not in [each["code"] for each in findings]

    @devserver_alone
    @pytest.mark.parametrize(
        ("in_file", "alone"),
        [
            (("database", "backend", "kwargs"), []),
            (("database", "backend"), ["AIRFLOW__SECRETS__BACKEND_KWARGS"]),
            (("database",), ["AIRFLOW__SECRETS__BACKEND", "AIRFLOW__SECRETS__BACKEND_KWARGS"]),
            (("backend", "kwargs"), [DATABASE]),
            # Without the variables a process has that one.
            (("another database",), []),
        ],
        ids=" ".join,
    )
    def test_the_database_with_a_part_in_airflow_cfg(
        self, commands: Commands, put: Put, tmp_path: Path, in_file: tuple[str, ...], alone: list[str]
    ) -> None:
        put.config("db", URI)
        commands.set(self.DATABASE, "db")
        lines = {
            "database": "[database]\nsql_alchemy_conn_secret = db\n",
            "another database": "[database]\nsql_alchemy_conn = postgresql://h/d\n",
            "backend": f"[secrets]\nbackend = {BACKEND}\n",
            "kwargs": f"backend_kwargs = {json.dumps(commands.kwargs)}\n",
        }
        (tmp_path / "airflow.cfg").write_text("".join(lines[each] for each in in_file))
        commands.set("AIRFLOW_HOME", str(tmp_path))

        findings = commands.run_program("doctor", "-o", "json").document["findings"]

        texts = [each["text"] for each in findings if each["code"] == "only-in-environment"]
        assert [re.findall(r"AIRFLOW__\w+", text) for text in texts] == ([alone] if alone else [])

    def test_one_that_another_comes_before(self, commands: Commands, put: Put) -> None:
        put.config("fernet", SECRET)
        commands.set(self.NAME, "fernet")
        commands.set("AIRFLOW__CORE__FERNET_KEY", SECRET)
        assert "AIRFLOW__CORE__FERNET_KEY comes first" in warning(commands, "not-taken")

    def test_one_that_airflow_does_not_read_so(self, commands: Commands) -> None:
        commands.set("AIRFLOW__CORE__PARALLELISM_SECRET", "x")
        assert "is not one of the options that Airflow reads from a Secret" in warning(commands, "not-taken")

    def test_one_that_cannot_be_read(self, commands: Commands, cluster: Cluster, put: Put) -> None:
        commands.configure(references={"config": {"fernet": "gone"}})
        named = {commands.namespace: ["gone"]}
        account = cluster.service_account(commands.namespace, "getter", {commands.namespace: ["list"]}, named)
        commands.configure(service_account_path=str(account.folder))
        commands.set(self.NAME, "fernet")
        codes = [each["code"] for each in doctor(commands, status=1) if each["status"] == "error"]
        assert codes == ["missing-secret", "option-fails"]

    @devserver_alone
    def test_in_airflow_cfg(self, commands: Commands, put: Put, tmp_path: Path) -> None:
        (tmp_path / "airflow.cfg").write_text(
            "[core]\nfernet_key_secret = fernet\n[database]\nsql_alchemy_conn_secret = db\n"
        )
        commands.set("AIRFLOW_HOME", str(tmp_path))
        put.config("fernet", SECRET)
        findings: list[dict[str, Any]] = commands.run_program("doctor", "-o", "json", status=1).document["findings"]
        missing = only(findings)
        assert missing["code"] == "option-missing"
        assert f"{tmp_path}/airflow.cfg, [database] sql_alchemy_conn_secret" in missing["text"]
        assert any("[core] fernet_key is in Secret" in each["text"] for each in findings)
