"""``airflow-kubernetes-secrets put``, by its command line, and what Airflow's backend then reads."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.cli.main import main
from airflow_kubernetes_secrets.process import start_anew
from support import kubectl
from support.airflow import BACKEND
from support.cluster import Cluster, checked
from support.commands import PATIENCE, PROGRAM
from support.secrets import CONNECTION, TEAM, VARIABLE
from support.shapes import parts_of, whole

SECRET = "hunter2"
UGLY = f"{SECRET} /?#@:%25&=+\"'\\$`<>\t{{}} ü漢\U0001f511 "

on_a_real_server = pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


class Put:
    """Runs the command against one API server. Nothing that it prints has the password in it."""

    def __init__(
        self, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.kubeconfig = str(cluster.kubeconfig(cluster.admin_token, namespace))
        self.kwargs: dict[str, Any] = {}
        self.configure()

    def configure(self, **kwargs: object) -> None:
        """Set ``backend_kwargs``, beside the kubeconfig."""
        self.kwargs = {"kubeconfig": self.kubeconfig, **kwargs}
        self._monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", BACKEND)
        self._monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(self.kwargs))

    def __call__(self, *arguments: str, stdin: str | bytes = b"") -> Done:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        self._capsys.readouterr()
        status = main(["put", *arguments])
        shown = self._capsys.readouterr()
        assert SECRET not in shown.out + shown.err
        return Done(status, shown.out, shown.err)

    @property
    def backend(self) -> KubernetesSecretsBackend:
        start_anew()
        return KubernetesSecretsBackend(**self.kwargs)

    def stored(self, name: str, namespace: str | None = None) -> dict[str, Any]:
        path = f"/api/v1/namespaces/{namespace or self.namespace}/secrets/{name}"
        return checked(self.cluster.admin.get(path))

    def data(self, name: str) -> dict[str, bytes]:
        return {key: b64decode(value) for key, value in self.stored(name)["data"].items()}

    def names(self, namespace: str | None = None) -> list[str]:
        items = checked(self.cluster.admin.get(f"/api/v1/namespaces/{namespace or self.namespace}/secrets"))["items"]
        return sorted(item["metadata"]["name"] for item in items)

    def secret(self, name: str, data: Mapping[str, str], namespace: str | None = None, **metadata: object) -> None:
        """Create a Secret by other means."""
        self.cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": namespace or self.namespace, **metadata},
                "data": {key: b64encode(value.encode()).decode() for key, value in data.items()},
            }
        )


@pytest.fixture
def put(cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Put:
    return Put(cluster, namespace, monkeypatch, capsys)


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Runs the command where no API server is; gives the status, and what it printed."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "AIRFLOW__SECRETS__BACKEND_KWARGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", BACKEND)

    def run(*arguments: str, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        status = main(["put", *arguments])
        shown = capsys.readouterr()
        assert SECRET not in shown.out + shown.err
        return Done(status, shown.out, shown.err)

    return run


def test_a_connection_of_fields_is_created_updated_and_left_unchanged(put: Put) -> None:
    fields = ("--field", "engine=postgresql", "--field", "hostname=db", "--field", "port=5432", "--field", "user=me")
    arguments = ("connection", "my_db", *fields, "--field", "password=-")

    first = put(*arguments, stdin=f"{UGLY}\n")
    again = put(*arguments, stdin=f"{UGLY}\n")
    other = put(*arguments, stdin=f"{UGLY}x")

    where = f"connection 'my_db' is in Secret {put.namespace}/airflow-connection-my-db-"
    assert [each.status for each in (first, again, other)] == [0, 0, 0]
    assert first.out.startswith(where)
    assert first.out.endswith(" (created)\n")
    assert "one newline at the end of standard input was left out" in first.err
    assert again.out.endswith(" (unchanged)\n")
    assert other.out.endswith(" (updated)\n")
    assert other.err == ""
    (name,) = put.names()
    assert sorted(put.data(name)) == ["conn_type", "host", "login", "password", "port"]
    expected = whole(conn_type="postgres", host="db", port=5432, login="me", password=f"{UGLY}x")
    assert parts_of(put.backend.get_connection("my_db")) == expected


@pytest.mark.parametrize("password", [UGLY, f" {SECRET}", f"{SECRET}\n", f"{SECRET}\r\n\n", f"a{SECRET}\x01é"])
def test_every_shape_reads_back_what_was_meant(put: Put, password: str, tmp_path: Path) -> None:
    from airflow.models.connection import Connection

    meant = Connection(conn_id="db", conn_type="postgres", host="h", login="l", password=password, schema="s")
    document = tmp_path / "connection"
    document.write_text(meant.get_uri())

    for arguments, stdin in (
        (("--uri", "-"), meant.get_uri() + "\n"),
        (("--json", "-"), json.dumps({"conn_type": "postgres", "host": "h", "login": "l", "password": password})),
        (("--from-file", str(document)), ""),
        (("--field", "host=h", "--field", "login=l", "--field", "password=-"), password + "\n"),
    ):
        assert put("connection", "db", *arguments, stdin=stdin).status == 0
        assert len(put.names()) == 1
        connection = put.backend.get_connection("db")
        assert (connection.host, connection.login, connection.password) == ("h", "l", password)


def test_keys_of_an_earlier_put_are_gone_with_another_shape(put: Put) -> None:
    put("connection", "db", "--name", "db", "--uri", "-", stdin=f"postgres://l:{SECRET}@h")
    put("connection", "db", "--field", "host=other", "--field", "password=-", stdin="x")

    assert sorted(put.data("db")) == ["host", "password"]
    assert put.backend.get_connection("db").host == "other"


@pytest.mark.parametrize(
    ("stdin", "stored"),
    [(b"a\n", b"a"), (b"a\n\n", b"a\n"), (b"a", b"a"), (b" a \r\n", b" a \r"), ("ü".encode(), None)],
)
def test_a_variable_loses_one_newline_of_standard_input(put: Put, stdin: bytes, stored: bytes | None) -> None:
    assert put("variable", "key", "--name", "v", "--value", "-", stdin=stdin).status == 0
    assert put.data("v") == {"value": stdin if stored is None else stored}
    assert put.backend.get_variable("key") == (stdin if stored is None else stored).decode()


def test_a_file_is_taken_exactly(put: Put, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"-----\nx\n\n")

    done = put("variable", "key", "--name", "v", "--from-file", str(path))

    assert done.status == 0
    assert put.data("v") == {"value": b"-----\nx\n\n"}
    assert "ends with a newline" in done.err
    assert put.backend.get_variable("key") == "-----\nx\n\n"


def test_an_empty_value_comes_from_a_file_only(put: Put) -> None:
    for arguments in (
        ("connection", "a", "--field", "host=h", "--field", "password=-"),
        ("variable", "a", "--value", "-"),
    ):
        done = put(*arguments, stdin="\n")
        assert done.status == 1
        assert "nothing was read, so nothing is written" in done.err
    assert put.names() == []
    assert put("variable", "a", "--from-file", "/dev/null").status == 0
    assert put.backend.get_variable("a") == ""


def test_an_option_of_the_configuration(put: Put) -> None:
    assert put("config", "sql_alchemy_conn", "--value", "-", stdin=f"postgresql://u:{SECRET}@h/db\n").status == 0
    assert put.backend.get_config("sql_alchemy_conn") == f"postgresql://u:{SECRET}@h/db"


@pytest.mark.parametrize("identifier", ["team/orders@eu", "größe", "x" * 64, "my db ", "__", "a.7db9\n"])
def test_an_id_that_no_label_can_hold(put: Put, identifier: str) -> None:
    for value in ("a", "b"):
        assert put("variable", identifier, "--value", "-", stdin=value).status == 0
    assert len(put.names()) == 1
    assert put.backend.get_variable(identifier) == "b"


def test_a_team_with_a_label_and_one_with_a_namespace(put: Put) -> None:
    blue = f"{put.namespace}-blue"
    put.cluster.create_namespace(blue)
    put.configure(team_namespaces={"blue": blue, "no label, this": blue})

    assert put("variable", "key", "--value", "-", stdin="of all").status == 0
    assert put("variable", "key", "--team", "red", "--value", "-", stdin="of red").status == 0
    done = put("variable", "key", "--team", "blue", "--value", "-", stdin="of blue")

    assert done.status == 0
    assert f"variable 'key' of team 'blue' is in Secret {blue}/airflow-variable-blue-key-" in done.out
    assert len(put.names()) == 2
    for team, value in ((None, "of all"), ("red", "of red"), ("blue", "of blue")):
        assert put.backend.get_variable("key", team) == value
    assert put("variable", "else", "--team", "no label, this", "--value", "-", stdin="v").status == 0
    assert put.backend.get_variable("else", "no label, this") == "v"


def test_a_namespace_that_is_given_comes_before_the_teams_own(put: Put) -> None:
    blue = f"{put.namespace}-blue"
    put.cluster.create_namespace(blue)
    put.configure(team_namespaces={"blue": blue})

    assert put("variable", "key", "--team", "blue", "-n", put.namespace, "--value", "-", stdin="v").status == 0

    assert (len(put.names()), put.names(blue)) == (1, [])
    assert put.backend.get_variable("key", "blue") == "v"


def test_a_team_updates_what_names_no_team_in_its_own_namespace(put: Put) -> None:
    blue = f"{put.namespace}-blue"
    put.cluster.create_namespace(blue)
    put.configure(team_namespaces={"blue": blue})
    put.secret("theirs", {}, blue, labels={VARIABLE: "key"})

    assert put("variable", "key", "--team", "blue", "--value", "-", stdin="of blue").status == 0

    assert put.names(blue) == ["theirs"]
    assert put.backend.get_variable("key", "blue") == "of blue"


def test_a_team_without_labels(put: Put) -> None:
    blue = f"{put.namespace}-blue"
    put.cluster.create_namespace(blue)
    put.configure(team_namespaces={"blue": blue}, team_label=None)

    assert put("variable", "key", "--team", "blue", "--value", "-", stdin="of blue").status == 0
    done = put("variable", "key", "--team", "red", "--value", "-", stdin="of red")

    assert put.backend.get_variable("key", "blue") == "of blue"
    assert done.status == 1
    assert "team_label is null" in done.err


@kubectl.needs_kubectl
def test_what_kubectl_made_is_updated_and_keeps_its_name_and_labels(put: Put, tmp_path: Path) -> None:
    create = f"""
        kubectl create secret generic theirs -n {put.namespace} --type=kubernetes.io/basic-auth \\
            --from-literal=username=me --from-literal=password=old
        kubectl label secret theirs -n {put.namespace} {CONNECTION}=db app=shop
    """
    kubectl.run(create, put.cluster, tmp_path)

    done = put("connection", "db", "--force", "--field", "login=you", "--field", "password=-", stdin=SECRET)

    assert (done.status, done.out) == (0, f"connection 'db' is in Secret {put.namespace}/theirs (updated)\n")
    assert put.stored("theirs")["metadata"]["labels"]["app"] == "shop"
    assert put.names() == ["theirs"]
    connection = put.backend.get_connection("db")
    assert (connection.login, connection.password) == ("you", SECRET)


@on_a_real_server
@kubectl.needs_kubectl
def test_a_conflict_is_refused_and_forced(put: Put, tmp_path: Path) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "theirs", "namespace": put.namespace, "labels": {VARIABLE: "key"}},
        "data": {"value": b64encode(b"old").decode()},
    }
    (tmp_path / "secret.json").write_text(json.dumps(secret))
    kubectl.run(f"kubectl apply --server-side -f {tmp_path / 'secret.json'}", put.cluster, tmp_path)

    refused = put("variable", "key", "--value", "-", stdin=SECRET)
    checked_only = put("variable", "key", "--value", "-", "--dry-run=server", "--force", stdin=SECRET)

    assert refused.status == 1
    assert 'conflict with "kubectl"' in refused.err
    assert ".data.value" in refused.err
    assert "--force" in refused.err
    assert checked_only.status == 0
    assert put.data("theirs") == {"value": b"old"}
    assert put("variable", "key", "--value", "-", "--force", stdin=SECRET).status == 0
    assert put.backend.get_variable("key") == SECRET


def test_keys_of_others_that_would_be_read_instead(put: Put) -> None:
    put.secret("theirs", {"value": "postgres://old"}, labels={CONNECTION: "db"})
    arguments = ("connection", "db", "--field", "host=new", "--field", "password=-")

    done = put(*arguments, stdin=SECRET)

    assert done.status == 1
    assert "has 'value' from elsewhere" in done.err
    assert put.data("theirs") == {"value": b"postgres://old"}
    patch = [{"op": "remove", "path": "/data/value"}]
    assert f"kubectl patch secret -n {put.namespace} theirs --type=json -p '{json.dumps(patch)}'" in done.err
    path = f"/api/v1/namespaces/{put.namespace}/secrets/theirs"
    headers = {"Content-Type": "application/json-patch+json"}
    checked(put.cluster.admin.patch(path, content=json.dumps(patch), headers=headers))
    assert put(*arguments, stdin=SECRET).status == 0
    assert put.backend.get_connection("db").host == "new"


def test_annotations_that_complete_what_is_written(put: Put) -> None:
    """They may say what is written too, and nothing else."""
    annotations = {
        "airflow.apache.org/connection-type": "postgres",
        "airflow.apache.org/connection-extra": '{"sslmode": "verify-full"}',
    }
    put.secret("theirs", {"value": "postgres://u:old@h/d"}, labels={CONNECTION: "db"}, annotations=annotations)

    refused = put("connection", "db", "--force", "--uri", "-", stdin=f"postgres://u:{SECRET}@h/d")
    done = put("connection", "db", "--force", "--uri", "-", stdin=f"postgres://u:{SECRET}@h/d?sslmode=verify-full")

    assert refused.status == 1
    assert "Include what they add" in refused.err
    assert done.status == 0
    connection = put.backend.get_connection("db")
    assert (connection.password, connection.extra_dejson) == (SECRET, {"sslmode": "verify-full"})


def test_annotations_of_others_that_would_change_what_is_read(put: Put) -> None:
    annotations = {"airflow.apache.org/connection-host": "theirs", "example.com/x": "y"}
    put.secret("theirs", {"password": "old"}, labels={CONNECTION: "db"}, annotations=annotations)

    done = put("connection", "db", "--force", "--field", "host=new", "--field", "password=-", stdin=SECRET)

    assert done.status == 1
    assert f"kubectl annotate secret -n {put.namespace} theirs airflow.apache.org/connection-host-\n" in done.err
    assert put.data("theirs") == {"password": b"old"}


def test_what_an_operator_keeps_is_left_alone(put: Put) -> None:
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "es", "uid": "1"}
    references = [{**owner, "controller": True}]
    put.secret("theirs", {"value": "old"}, labels={VARIABLE: "key"}, ownerReferences=references)

    done = put("variable", "key", "--value", "-", "--force", stdin=SECRET)

    assert done.status == 1
    assert "is kept by External Secrets Operator (ExternalSecret es)" in done.err
    assert "Change it there" in done.err
    assert put.data("theirs") == {"value": b"old"}


def test_an_owner_that_does_not_control_it_does_not_matter(put: Put) -> None:
    owner = {"apiVersion": "example.com/v1", "kind": "App", "name": "shop", "uid": "1"}
    put.secret("theirs", {"value": "old"}, labels={VARIABLE: "key"}, ownerReferences=[owner])

    assert put("variable", "key", "--value", "-", "--force", stdin="new").status == 0
    assert put.data("theirs") == {"value": b"new"}


def test_another_name_and_a_name_that_is_taken(put: Put) -> None:
    put.secret("theirs", {"value": "old"}, labels={VARIABLE: "key"})
    put.secret("airflow-variable-free", {"x": "y"})

    other_name = put("variable", "key", "--name", "mine", "--value", "-", stdin=SECRET)
    taken = put("variable", "free", "--value", "-", stdin=SECRET)
    of_another_id = put("variable", "other", "--name", "theirs", "--value", "-", stdin=SECRET)

    assert [each.status for each in (other_name, taken, of_another_id)] == [1, 1, 1]
    assert f"Secret {put.namespace}/theirs is for it already" in other_name.err
    for done, name in ((taken, "airflow-variable-free"), (of_another_id, "theirs")):
        assert f"Secret {put.namespace}/{name} exists and is for something else" in done.err
    assert put.data("theirs") == {"value": b"old"}
    assert put.data("airflow-variable-free") == {"x": b"y"}


def test_a_hash_without_its_annotation_is_for_another_id(put: Put) -> None:
    """Its label is that of 'my db', and it says that it is for the text of that label."""
    put.secret("theirs", {"value": "old"}, labels={VARIABLE: "my-db.7db90c8c3216df2b8e01021c99b1f2a5f94a9122"})

    assert put("variable", "my db", "--value", "-", stdin="new").status == 0

    assert put.data("theirs") == {"value": b"old"}
    assert put.backend.get_variable("my db") == "new"


def test_of_two_neither_is_changed(put: Put) -> None:
    for name in ("one", "two"):
        put.secret(name, {"value": "old"}, labels={VARIABLE: "key"})
    put.secret("of-a-team", {"value": "old"}, labels={VARIABLE: "key", TEAM: "red"})

    done = put("variable", "key", "--value", "-", stdin=SECRET)

    assert done.status == 1
    assert f"several Secrets are for it: {put.namespace}/one, {put.namespace}/two." in done.err
    assert [put.data(name) for name in put.names()] == [{"value": b"old"}] * 3

    for number in range(20):
        put.secret(f"s-{number}", {"value": "old"}, labels={VARIABLE: "key"})
    assert "and 12 more. Delete all but one" in put("variable", "key", "--value", "-", stdin=SECRET).err


def test_a_reference_is_refused_but_not_a_teams_own(put: Put) -> None:
    put.configure(references={"variables": {"key": "other/vars"}})

    done = put("variable", "key", "--value", "-", stdin=SECRET)

    assert done.status == 1
    assert "'references' in backend_kwargs names Secret other/vars" in done.err
    assert put.names() == []
    assert put("variable", "key", "--team", "red", "--value", "-", stdin="v").status == 0
    assert put.backend.get_variable("key", "red") == "v"


def test_a_secret_that_comes_first_hides_it(put: Put) -> None:
    first = f"{put.namespace}-first"
    put.cluster.create_namespace(first)
    put.secret("older", {"value": "old"}, first, labels={VARIABLE: "key"})
    put.configure(namespace=[first, put.namespace])

    planned = put("variable", "key", "-n", put.namespace, "--dry-run=server", "--value", "-", stdin=SECRET)
    assert put.names() == []
    done = put("variable", "key", "-n", put.namespace, "--value", "-", stdin=SECRET)

    remedy = f"kubectl label secret -n {first} older {VARIABLE}-"
    assert [planned.status, done.status] == [1, 1]
    assert f"would be written, and Airflow does not get it: Secret {first}/older comes first" in planned.err
    assert f"variable 'key' was written, and Airflow does not get it: Secret {first}/older comes first" in done.err
    assert remedy in done.err
    assert len(put.names()) == 1
    assert put("variable", "key", "--force", "--value", "-", stdin="new").status == 0, "without -n it is the first"
    assert put.backend.get_variable("key") == "new"


def test_it_is_written_but_an_earlier_namespace_cannot_be_read(put: Put) -> None:
    hidden = f"{put.namespace}-first"
    account = put.cluster.service_account(
        put.namespace, "writer", {put.namespace: ["list", "get", "create", "patch"], hidden: []}
    )
    put.kubeconfig = str(put.cluster.kubeconfig(account.token, put.namespace))
    put.configure(namespace=[hidden, put.namespace])

    done = put("variable", "key", "-n", put.namespace, "--value", "-", stdin=SECRET)

    assert done.status == 2
    assert "was written, and could not be read back as Airflow does" in done.err
    assert "may not list secrets" in done.err
    assert len(put.names()) == 1


def test_the_least_rights_and_one_less(put: Put) -> None:
    verbs = ["list", "get", "create", "patch"]
    for missing in (None, "patch", "create", "get", "list"):
        granted = [verb for verb in verbs if verb != missing]
        account = put.cluster.service_account(
            put.namespace, f"writer-without-{missing or 'none'}", {put.namespace: granted}
        )
        put.kubeconfig = str(put.cluster.kubeconfig(account.token, put.namespace))
        put.configure()

        done = put("variable", f"key-{missing}", "--value", "-", stdin=SECRET)

        assert done.status == (0 if missing is None else 2), done.err
        # A kube-apiserver does not say that `create` is what lacks; the remedy grants all that is needed.
        refused = "patch" if missing == "create" else missing
        if missing is not None:
            assert f"may not {refused} secrets in namespace '{put.namespace}'. Grant it:" in done.err
        if refused == "patch":
            assert "--verb=list,get,create,patch" in done.err
    assert len(put.names()) == 1


def test_an_immutable_secret(put: Put) -> None:
    path = f"/api/v1/namespaces/{put.namespace}/secrets"
    metadata = {"name": "fixed", "labels": {VARIABLE: "key"}}
    checked(put.cluster.admin.post(path, json={"metadata": metadata, "data": {"value": "b2xk"}, "immutable": True}))

    done = put("variable", "key", "--value", "-", "--force", stdin=SECRET)

    assert done.status == 1
    assert f"delete it first: kubectl delete secret -n {put.namespace} fixed" in done.err


def test_a_namespace_that_does_not_exist(put: Put) -> None:
    done = put("variable", "key", "-n", f"{put.namespace}-none", "--value", "-", stdin=SECRET)

    assert done.status == 2
    assert f"kubectl create namespace {put.namespace}-none" in done.err


def test_a_dry_run_at_the_server_stores_nothing(put: Put) -> None:
    done = put("variable", "key", "--value", "-", "--dry-run", "server", "-o", "yaml", stdin=SECRET)

    assert done.status == 0
    assert f"variable 'key' would be in Secret {put.namespace}/airflow-variable-key (created, dry run)" in done.err
    assert yaml.safe_load(done.out)["metadata"]["namespace"] == put.namespace
    assert put.names() == []


def test_the_manifest_after_a_real_write(put: Put) -> None:
    done = put("variable", "key", "--value", "-", "-o", "json", stdin=SECRET)

    manifest = json.loads(done.out)
    assert manifest["data"] == {"value": b64encode(SECRET.encode()).decode()}
    assert put.stored("airflow-variable-key")["data"] == manifest["data"]
    assert f"is in Secret {put.namespace}/airflow-variable-key (created)" in done.err


def test_other_keys_and_labels_of_the_options(put: Put) -> None:
    put.configure(variables_label="example.com/variable", variables_data_key="text")

    assert put("variable", "key", "--name", "v", "--value", "-", stdin="x").status == 0

    assert put.data("v") == {"text": b"x"}
    assert put.backend.get_variable("key") == "x"


def test_impersonation(put: Put) -> None:
    account = put.cluster.service_account(put.namespace, "nobody", {})
    who = f"system:serviceaccount:{put.namespace}:{account.name}"

    done = put("variable", "key", "--as", who, "--value", "-", stdin=SECRET)

    assert done.status == 2
    assert "the service account 'nobody'" in done.err


def test_credentials_that_are_not_accepted(put: Put) -> None:
    wrong = str(put.cluster.kubeconfig("wrong", put.namespace))

    done = put("variable", "key", "--kubeconfig", wrong, "--value", "-", stdin=SECRET)

    assert done.status == 2
    assert "does not accept" in done.err


def test_the_manifest_without_any_cluster_serves_a_folder(local: Callable[..., Done], tmp_path: Path) -> None:
    done = local("connection", "my db", "--field", "password=-", "--dry-run=client", "-o", "yaml", stdin=UGLY.encode())

    assert done.status == 0
    assert "namespace" not in yaml.safe_load(done.out)["metadata"]
    assert "connection 'my db' would be in Secret airflow-connection-my-db-" in done.err
    (tmp_path / "db.yaml").write_text(done.out)
    assert KubernetesSecretsBackend(path=str(tmp_path)).get_connection("my db").password == UGLY
    given = local("variable", "key", "-n", "there", "--value", "-", "--dry-run=client", stdin=b"x")
    assert given.out == "variable 'key' would be in Secret there/airflow-variable-key (dry run)\n"


def test_a_folder_in_the_options(local: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({"path": str(tmp_path)}))

    refused = local("variable", "key", "--value", "-", stdin=SECRET.encode())

    assert refused.status == 1
    assert f"reads the folder {tmp_path}" in refused.err
    assert "--dry-run=client -o yaml" in refused.err
    assert local("variable", "key", "--value", "-", "--dry-run=client", stdin=SECRET.encode()).status == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("connection", "c", "--uri", f"postgres://u:{SECRET}@h"), "Use --uri - or --from-file"),
        (("connection", "c", "--json", f'{{"password": "{SECRET}"}}'), "Use --json - or --from-file"),
        (("variable", "v", "--value", SECRET), "Use --value - or --from-file"),
        (("config", "v", "--value", SECRET), "Use --value - or --from-file"),
        (("connection", "c", "--field", f"password={SECRET}"), "Use --field password=-,"),
        (("connection", "c", "--field", f"pass={SECRET}"), "Use --field password=-,"),
        (("connection", "c", "--field", f"extra={SECRET}"), "Use --field extra=-,"),
        (("connection", "c", "--field", f"url=a://{SECRET}@h"), "Use --field uri=-,"),
        (("connection", "c", "--field", f"host=http://u:{SECRET}@h"), "Use --field host=-,"),
        (("connection", "c", "--field", SECRET), "--field takes NAME=VALUE"),
        (("connection", "c", "--field", f"{SECRET}=x"), "what is before the '=' is no field"),
        (("connection", "c", "--field", "pasword=-"), "'pasword' is no field; did you mean 'password'?"),
        (("connection", "c", "--field", "host=a", "--field", "server=b"), "host is given twice"),
        (("connection", "c", "--value", "-"), "a connection is given by --uri, --json, --from-file or --field"),
        (("variable", "v", "--uri", "-"), "a variable is given by --value or --from-file"),
        (("variable", "v", "--json", "-"), "a variable is given by --value or --from-file"),
        (("config", "v", "--field", "host=h"), "a configuration option is given by --value or --from-file"),
        (("connection", "c"), "nothing says what to write"),
        (("connection", "c", "--uri", "-", "--json", "-"), "it is given in two ways"),
        (("connection", "c", "--uri", "-", "--field", "host=h"), "it is given in two ways"),
        (("connection", "c", "--field", "password=-", "--field", "extra=-"), "cannot both be read"),
        (("connection", "c", "--uri", "-"), "what --uri was given is JSON"),
        (("connection", "", "--json", "-"), "the id is empty"),
        (("config", "v", "--team", "red", "--value", "-"), "leave --team out"),
        (("connection", "c\udcff", "--json", "-"), "no text in Unicode"),
        (("connection", "c", "--team", "a b", "--json", "-"), "the team cannot be the value of a label"),
        (("connection", "c", "--name", "A_b", "--json", "-"), "'A_b' cannot be the name of a Secret"),
        (("connection", "c", "--field", "host=h", "--field", "port=-"), "the port is not a number"),
        (("connection", "c", "--field", "conn_type=x"), "Airflow would not find it"),
    ],
)
def test_refused(local: Callable[..., Done], arguments: tuple[str, ...], text: str) -> None:
    done = local(*arguments, "--dry-run=client", "-o", "yaml", stdin=f'{{"conn_type": "{SECRET}"}}'.encode())

    assert done.status == 1
    assert text in done.err
    assert done.out == ""
    assert done.err.startswith("airflow-kubernetes-secrets put: ")


def test_a_uri_that_is_none(local: Callable[..., Done]) -> None:
    done = local("connection", "c", "--json", "-", "--dry-run=client", stdin=f"postgres://{SECRET}@h".encode())
    assert done.status == 1
    assert "no JSON ({…}); for a URI use --uri" in done.err
    done = local("connection", "c", "--uri", "-", "--dry-run=client", stdin=f"x:{SECRET}".encode())
    assert done.status == 1
    assert "neither a URI" in done.err
    done = local("variable", "v", "--value", "-", "--dry-run=client", stdin=b"\xff")
    assert done.status == 1
    assert "not text in UTF-8" in done.err
    done = local("variable", "v", "--value", "-", "--dry-run=client", stdin=b"x" * (1024 * 1024 + 1))
    assert done.status == 1
    assert "more than 1048576 bytes, the most that a Secret can hold" in done.err


@pytest.mark.parametrize("arguments", [("--from-file", "/dev/zero"), ("--from-file", "-"), ("--value", "-")])
def test_a_file_or_a_pipe_without_an_end(arguments: tuple[str, str]) -> None:
    command = [*PROGRAM, "put", "variable", "v", *arguments, "--dry-run=client"]
    with Path("/dev/zero").open("rb") as endless:
        done = subprocess.run(command, stdin=endless, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert "more than 1048576 bytes, the most that a Secret can hold" in done.stderr


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"conn_type": "x", "password": 12345}, "'password' is not a text"),
        ({"conn_type": "x", "host": [SECRET]}, "'host' is not a text"),
        ({"conn_type": "x", "extra": [1]}, "'extra' is not a JSON object"),
        ({"conn_type": "x", "extra": SECRET}, "It is lost for the scheduler"),
        ({"conn_type": "x", "team_name": SECRET}, "It is lost for Airflow 2; tasks"),
        ({"uri": f"x://{SECRET}@h", "login": "me"}, "'uri' and beside it 'login'"),
    ],
)
def test_json_that_airflow_loses(local: Callable[..., Done], fields: dict[str, object], said: str) -> None:
    done = local("connection", "c", "--json", "-", "--dry-run=client", "-o", "yaml", stdin=json.dumps(fields).encode())

    assert done.status == 1
    assert done.out == ""
    assert said in done.err


@pytest.mark.parametrize(
    ("fields", "port", "said"),
    [
        ({"conn_type": "x", "port": 5432.0, "password": SECRET}, 5432, ""),
        ({"uri": f"x://me:{SECRET}@h:5432/db"}, 5432, ""),
        ({"conn_type": "x", "port": -5}, -5, ""),
        ({"host": "h", "port": "5432"}, 5432, "warning: Secret "),
    ],
)
def test_json_that_airflow_can_use(put: Put, fields: dict[str, object], port: int, said: str) -> None:
    done = put("connection", "c", "--json", "-", stdin=json.dumps(fields))

    assert done.status == 0
    assert done.err.startswith(said)
    assert bool(said) == ("It is lost for tasks of Airflow 3 that get it from the API server" in done.err)
    connection = put.backend.get_connection("c")
    assert connection.port == port
    assert connection.get_uri()


def test_a_field_that_has_the_name_of_the_data_key(local: Callable[..., Done], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({"connections_data_key": "uri"}))
    done = local("connection", "c", "--field", "uri=-", "--dry-run=client", stdin=f"a://{SECRET}@h".encode())
    assert done.status == 1
    assert "connections_data_key in backend_kwargs is 'uri'" in done.err


def test_secret_arguments_that_are_allowed(local: Callable[..., Done]) -> None:
    allowed = ("--allow-secret-arguments", "--dry-run=client", "-o", "json")
    done = local("connection", "c", "--field", f"password={SECRET}", *allowed)
    assert json.loads(done.out)["data"] == {"password": b64encode(SECRET.encode()).decode()}
    done = local("variable", "v", "--value", "", *allowed)
    assert json.loads(done.out)["data"] == {"value": ""}


@pytest.mark.parametrize(
    ("variables", "status", "text"),
    [
        ({"AIRFLOW__SECRETS__BACKEND": ""}, 0, "[secrets] backend is not set"),
        (
            {"AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend"},
            0,
            "goes on as if it were",
        ),
        ({"AIRFLOW__SECRETS__BACKEND": "no.such.Backend"}, 2, "cannot be imported here"),
        ({"AIRFLOW__SECRETS__BACKEND_KWARGS": "{namespace: a}"}, 2, "it is not JSON"),
        ({"AIRFLOW__SECRETS__BACKEND_KWARGS": '{"namespce": "a"}'}, 2, "did you mean 'namespace'"),
        ({"AIRFLOW__SECRETS__BACKEND_KWARGS": '{"variables_label": null}'}, 1, "variables_label is null"),
        ({"AIRFLOW__SECRETS__BACKEND_KWARGS": '{"variables_lookup_pattern": "x"}'}, 1, "does not match the lookup"),
    ],
)
def test_what_is_configured(
    local: Callable[..., Done], monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str], status: int, text: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    done = local("variable", "v", "--value", "-", "--dry-run=client", stdin=SECRET.encode())

    assert done.status == status
    assert text in done.err


def test_the_options_of_another_backend_are_not_taken(
    local: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "airflow.secrets.local_filesystem.LocalFilesystemBackend")
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", '{"variables_file_path": "/x", "variables_label": "x.io/y"}')

    done = local("variable", "v", "--value", "-", "--dry-run=client", "-o", "json", stdin=SECRET.encode())

    assert json.loads(done.out)["metadata"]["labels"] == {VARIABLE: "v"}


@pytest.mark.parametrize("stdin", [b"x\n", b"a\r\n\n", b" ", b""])
def test_every_byte_of_standard_input(local: Callable[..., Done], stdin: bytes) -> None:
    """Where --value leaves out the newline that echo adds."""
    done = local("config", "v", "--from-file", "-", "--dry-run=client", "-o", "json", stdin=b"a" + stdin)
    assert b64decode(json.loads(done.out)["data"]["value"]) == b"a" + stdin


def test_no_cluster_and_no_file(local: Callable[..., Done], tmp_path: Path) -> None:
    done = local("variable", "v", "--value", "-", stdin=SECRET.encode())
    assert done.status == 2
    assert "no Kubernetes API is configured" in done.err
    done = local("variable", "v", "--from-file", str(tmp_path / "none"), "--dry-run=client")
    assert done.status == 2
    assert f"{tmp_path / 'none'} cannot be read" in done.err


def environment(put: Put) -> dict[str, str]:
    return {
        **os.environ,
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(put.kwargs),
    }


def test_as_a_process_of_its_own(put: Put) -> None:
    program = [sys.executable, "-m", "airflow_kubernetes_secrets.cli.main", "put", "variable", "key", "--value", "-"]
    done = subprocess.run(
        [*program, "--debug"],
        env=environment(put),
        input=f"{UGLY}\n".encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )

    assert done.stdout.decode() == f"variable 'key' is in Secret {put.namespace}/airflow-variable-key (created)\n"
    assert SECRET not in done.stderr.decode()
    assert put.backend.get_variable("key") == UGLY
    refused = subprocess.run(
        [*program[:-1], SECRET],
        env=environment(put),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    assert SECRET not in refused.stderr.decode()


_ON_A_TERMINAL = """
import os, pty, sys
program = [sys.executable, "-m", "airflow_kubernetes_secrets.cli.main", *sys.argv[1:]]
sys.exit(os.waitstatus_to_exitcode(pty.spawn(program)))
"""


class Terminal:
    """The command on a terminal of its own."""

    def __init__(self, put: Put, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ON_A_TERMINAL, "put", *arguments],
            env=environment(put),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.shown = b""

    def answer(self, question: str, typed: bytes) -> None:
        """Wait for the question: by then there is no echo."""
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        before = len(self.shown)
        while question.encode() not in self.shown[before:]:
            more = os.read(self._process.stdout.fileno(), 4096)
            assert more, self.shown
            self.shown += more
        self._process.stdin.write(typed)
        self._process.stdin.flush()

    def end(self) -> int:
        assert self._process.stdout is not None
        self.shown += self._process.stdout.read()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.stdout.close()
        return self._process.wait(60)


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
def test_a_terminal_asks_for_one_after_the_other_without_an_echo(put: Put) -> None:
    terminal = Terminal(put, "connection", "db", "--field", "host=h", "--field", "password=-", "--field", "extra=-")

    terminal.answer("password: ", f"{UGLY}\n".encode().replace(b"\t", b""))
    terminal.answer("extra: ", f'{{"x": "{SECRET}"}}\n'.encode())

    assert terminal.end() == 0
    assert SECRET.encode() not in terminal.shown
    assert "漢".encode() not in terminal.shown
    connection = put.backend.get_connection("db")
    assert connection.password == UGLY.replace("\t", "")
    assert connection.extra_dejson == {"x": SECRET}


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (b"\n", b"nothing was read, so nothing is written"),
        (b"\x04", b"nothing was read, so nothing is written"),
        (SECRET.encode() * 700 + b"\n", b"a terminal cuts lines off at 4095 bytes"),
    ],
)
def test_what_a_terminal_cannot_give(put: Put, typed: bytes, text: bytes) -> None:
    terminal = Terminal(put, "variable", "key", "--value", "-")

    terminal.answer("value: ", typed)

    assert terminal.end() == 1
    assert text in terminal.shown
    assert SECRET.encode() not in terminal.shown
    assert put.names() == []


def test_a_configuration_that_cannot_be_used_is_said_before_the_value_is_read(put: Put) -> None:
    put.configure(namespce="a")

    assert put("variable", "key", "--value", "-", stdin=SECRET).status == 2
    assert sys.stdin.buffer.read() == SECRET.encode()


def test_a_secret_that_is_a_variable_too_is_left_alone(put: Put) -> None:
    put.secret("both", {"value": f"http://{SECRET}@host"}, labels={CONNECTION: "x", VARIABLE: "y"})
    done = put("connection", "x", "--uri", "-", stdin=f"http://other{SECRET}@host")
    assert done.status == 1
    assert f"Secret {put.namespace}/both is a variable too, and that would change with it" in done.err
    assert put.data("both") == {"value": f"http://{SECRET}@host".encode()}


def test_a_namespace_in_which_airflow_does_not_look(put: Put) -> None:
    put.configure(namespace=put.namespace)
    other = f"{put.namespace}-other"
    put.cluster.create_namespace(other)
    done = put("variable", "x", "--value", "-", "--namespace", other, stdin=SECRET)
    assert done.status == 1
    assert f"Airflow does not look in namespace {other}" in done.err
    assert put.names(other) == ["airflow-variable-x"]
