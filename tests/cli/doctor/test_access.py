"""``doctor`` on credentials and permissions: a test produces each finding."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta, timezone

import pytest
import trustme
import yaml

from support.cluster import Cluster, DevserverCluster
from support.commands import SECRET, URI, Commands
from support.findings import doctor, error, warning
from support.secrets import Put
from support.servers import on_the_devserver


def jwt(**claims: object) -> str:
    parts = [urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in ({"alg": "none"}, claims)]
    return f"{parts[0]}.{parts[1]}.{SECRET}"


@on_the_devserver
class TestCredentials:
    def take(self, cluster: Cluster, commands: Commands, token: str) -> None:
        """Give the account another token."""
        assert isinstance(cluster, DevserverCluster)
        users = cluster.server._access.users
        users[token] = users[commands.account.token]
        (commands.account.folder / "token").write_text(token)

    def test_a_token_that_expires(self, cluster: Cluster, commands: Commands) -> None:
        self.take(cluster, commands, jwt(sub="x", exp=time.time() + 3600 + 55))
        texts = [each["text"] for each in doctor(commands, status=0)]
        assert "the token expires in 60 minutes; it is read again every minute" in texts

    def test_an_expired_token(self, cluster: Cluster, commands: Commands) -> None:
        self.take(cluster, commands, jwt(sub="x", exp=time.time() - 7200 - 5))
        assert f"{commands.account.folder}/token: the token expired 2 hours ago. " in error(commands, "token-expired")

    def test_a_token_without_expiry(self, cluster: Cluster, commands: Commands) -> None:
        self.take(cluster, commands, jwt(sub="x"))
        text = warning(commands, "token-without-end")
        assert text == (
            f"the service account's token in {commands.account.folder}/token: the token does not expire. Use the "
            "projected token that Kubernetes mounts, which expires"
        )

    def test_a_token_of_a_kubeconfig_without_expiry(self, cluster: Cluster, commands: Commands) -> None:
        token = jwt(sub="x")
        self.take(cluster, commands, token)
        kubeconfig = str(cluster.kubeconfig(token, commands.namespace))
        commands.set("KUBERNETES_SERVICE_HOST", None)
        text = warning(commands, "token-without-end", "--kubeconfig", kubeconfig)
        assert text == (
            f"the kubeconfig {kubeconfig}: the token does not expire. Use a token that expires, such as one from "
            "'kubectl create token', or an exec plugin"
        )

    def test_no_token(self, commands: Commands) -> None:
        (commands.account.folder / "token").unlink()
        assert "token cannot be read" in error(commands, "not-configured")
        last = doctor(commands, status=1)[-1]
        assert (last["status"], last["text"]) == ("skipped", "not checked, because of the error under Credentials")

    def test_a_ca_certificate_that_expires_soon(self, commands: Commands) -> None:
        ca_file = commands.account.folder / "ca.crt"
        ends = datetime.now(timezone.utc) + timedelta(days=20)
        soon = trustme.CA()
        issued = soon.issue_cert("x", not_after=ends).cert_chain_pems[0].bytes()
        ca_file.write_bytes(ca_file.read_bytes() + issued)
        assert f"is valid until {ends:%Y-%m-%d}" in warning(commands, "ca-ends")

    def test_an_invalid_ca_certificate(self, commands: Commands) -> None:
        (commands.account.folder / "ca.crt").write_text("no certificate")
        codes = [each["code"] for each in doctor(commands, status=1) if each["status"] == "error"]
        assert codes == ["ca-unreadable", "unreachable"]

    def test_certificate_verification_is_switched_off(self, cluster: Cluster, commands: Commands) -> None:
        path = cluster.kubeconfig(commands.account.token, commands.namespace)
        arguments = ("--kubeconfig", str(path))
        assert {each["code"] for each in doctor(commands, *arguments, status=0)} == {"ok"}
        config = yaml.safe_load(path.read_text())
        config["clusters"][0]["cluster"] = {"server": cluster.url, "insecure-skip-tls-verify": True}
        path.write_text(yaml.safe_dump(config))
        text = warning(commands, "certificate-unchecked", *arguments)
        assert text.startswith(f"the kubeconfig {path} sets insecure-skip-tls-verify: ")
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


class TestPermissions:
    def use_account_with_permissions(self, cluster: Cluster, commands: Commands, **grants: list[str]) -> None:
        account = cluster.service_account(commands.namespace, "other", {commands.namespace: [], **grants})
        commands.configure(service_account_path=str(account.folder))

    def test_missing_list_permission(self, cluster: Cluster, commands: Commands) -> None:
        self.use_account_with_permissions(cluster, commands)
        findings = doctor(commands, status=1)
        missing = next(each for each in findings if each["code"] == "may-not-list")
        assert f"kubectl create role airflow-kubernetes-secrets --namespace={commands.namespace}" in missing["text"]
        assert "unlisted" in [each["code"] for each in findings]

    def test_missing_watch_permission(self, commands: Commands) -> None:
        commands.configure(cache_ttl=60)
        text = warning(commands, "may-not-watch")
        assert "--verb=list,watch" in text
        assert "listed every 60 s" in text

    def test_missing_get_permission_for_a_reference(self, commands: Commands) -> None:
        commands.configure(references={"connections": {"x": "by-name"}})
        findings = doctor(commands, status=1)
        missing = next(each for each in findings if each["code"] == "may-not-get")
        assert "--resource-name=by-name" in missing["text"]

    def test_a_remedy_is_not_repeated_for_each_reference(self, commands: Commands) -> None:
        names = [f"name-{number}" for number in range(3)]
        commands.configure(references={"connections": {name: name for name in names}})

        findings = doctor(commands, status=1)
        listed = commands.run("list", status=1)

        unreadable = [each["text"] for each in findings if each["code"] == "unreadable"]
        assert unreadable == [
            f"connection {name!r}: Secret {commands.namespace}/{name} cannot be read" for name in names
        ]
        assert len([each for each in findings if "Grant it:" in each["text"]]) == 2, "the permission, and the failure"
        assert listed.err.count("Grant it:") == 1
        for text in unreadable:
            assert f"- {text}\n" in listed.err

    def test_get_permission_for_a_reference(self, cluster: Cluster, commands: Commands, put: Put) -> None:
        commands.configure(references={"connections": {"x": "by-name"}})
        put({"app": "x"}, URI, name="by-name")
        named = {commands.namespace: ["by-name"]}
        account = cluster.service_account(commands.namespace, "getter", {commands.namespace: ["list"]}, named)
        commands.configure(service_account_path=str(account.folder))
        texts = [each["text"] for each in doctor(commands, status=0)]
        assert f"may get the Secrets in {commands.namespace} that 'references' names: by-name" in texts

    def test_write_permissions(self, cluster: Cluster, commands: Commands) -> None:
        self.use_account_with_permissions(cluster, commands, **{commands.namespace: ["list", "patch", "delete"]})
        assert warning(commands, "may-write").startswith(f"may patch, delete Secrets in {commands.namespace}")

    def test_list_permission_for_every_namespace(self, cluster: Cluster, commands: Commands) -> None:
        self.use_account_with_permissions(cluster, commands, **{"*": ["list"]})
        assert "may list the Secrets of every namespace" in warning(commands, "may-list-everywhere")

    def test_administrator_checks_a_service_account(self, cluster: Cluster, commands: Commands) -> None:
        kubeconfig = str(cluster.kubeconfig(cluster.admin_token))
        there = ("--kubeconfig", kubeconfig, "--namespace", commands.namespace)
        findings = doctor(commands, *there, status=0)
        assert any(each["status"] == "skipped" and "--as" in each["text"] for each in findings)
        me = f"system:serviceaccount:{commands.namespace}:{commands.account.name}"
        texts = [each["text"] for each in doctor(commands, *there, "--as", me, status=0)]
        assert "may not change Secrets in the namespaces that it searches" in texts
