"""``put`` does not overwrite Secrets that other tools manage, and reports a Secret that hides the new one."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

from support import kubectl
from support.cluster import checked
from support.commands import SECRET
from support.put_command import PutCommand
from support.secrets import CONNECTION, TEAM, VARIABLE
from support.servers import on_a_real_server


@kubectl.needs_kubectl
def test_secret_of_kubectl_is_updated_and_keeps_its_name_and_labels(put: PutCommand, tmp_path: Path) -> None:
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
def test_field_conflict_is_refused_without_force(put: PutCommand, tmp_path: Path) -> None:
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


def test_keys_of_other_owners_that_take_precedence(put: PutCommand) -> None:
    put.secret("theirs", {"value": "postgres://old"}, labels={CONNECTION: "db"})
    arguments = ("connection", "db", "--field", "host=new", "--field", "password=-")

    done = put(*arguments, stdin=SECRET)

    assert done.status == 1
    assert "has 'value' from other sources" in done.err
    assert put.data("theirs") == {"value": b"postgres://old"}
    patch = [{"op": "remove", "path": "/data/value"}]
    assert f"{put.kubectl} patch secret -n {put.namespace} theirs --type=json -p '{json.dumps(patch)}'" in done.err
    path = f"/api/v1/namespaces/{put.namespace}/secrets/theirs"
    headers = {"Content-Type": "application/json-patch+json"}
    checked(put.cluster.admin.patch(path, content=json.dumps(patch), headers=headers))
    assert put(*arguments, stdin=SECRET).status == 0
    assert put.backend.get_connection("db").host == "new"


def test_annotations_that_add_to_the_written_connection(put: PutCommand) -> None:
    """``put`` accepts annotations only if the written connection contains the same values."""
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


def test_annotations_that_would_change_the_written_connection(put: PutCommand) -> None:
    annotations = {"airflow.apache.org/connection-host": "theirs", "example.com/x": "y"}
    put.secret("theirs", {"password": "old"}, labels={CONNECTION: "db"}, annotations=annotations)

    done = put("connection", "db", "--force", "--field", "host=new", "--field", "password=-", stdin=SECRET)

    assert done.status == 1
    assert f"{put.kubectl} annotate secret -n {put.namespace} theirs airflow.apache.org/connection-host-\n" in done.err
    assert put.data("theirs") == {"password": b"old"}


def test_secret_managed_by_an_operator_is_not_changed(put: PutCommand) -> None:
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "es", "uid": "1"}
    references = [{**owner, "controller": True}]
    put.secret("theirs", {"value": "old"}, labels={VARIABLE: "key"}, ownerReferences=references)

    done = put("variable", "key", "--value", "-", "--force", stdin=SECRET)

    assert done.status == 1
    assert "is managed by External Secrets Operator (ExternalSecret es)" in done.err
    assert "Change it there" in done.err
    assert put.data("theirs") == {"value": b"old"}


def test_owner_that_is_not_the_controller_is_ignored(put: PutCommand) -> None:
    owner = {"apiVersion": "example.com/v1", "kind": "App", "name": "shop", "uid": "1"}
    put.secret("theirs", {"value": "old"}, labels={VARIABLE: "key"}, ownerReferences=[owner])

    assert put("variable", "key", "--value", "-", "--force", stdin="new").status == 0
    assert put.data("theirs") == {"value": b"new"}


def test_names_that_conflict_with_existing_secrets(put: PutCommand) -> None:
    put.secret("theirs", {"value": "old"}, labels={VARIABLE: "key"})
    put.secret("airflow-variable-free", {"x": "y"})

    other_name = put("variable", "key", "--name", "mine", "--value", "-", stdin=SECRET)
    taken = put("variable", "free", "--value", "-", stdin=SECRET)
    of_another_id = put("variable", "other", "--name", "theirs", "--value", "-", stdin=SECRET)

    assert [each.status for each in (other_name, taken, of_another_id)] == [1, 1, 1]
    assert f"Secret {put.namespace}/theirs has this id already" in other_name.err
    for done, name in ((taken, "airflow-variable-free"), (of_another_id, "theirs")):
        assert f"Secret {put.namespace}/{name} exists and is used for something else" in done.err
    assert put.data("theirs") == {"value": b"old"}
    assert put.data("airflow-variable-free") == {"x": b"y"}


def test_hashed_label_without_its_annotation_is_another_id(put: PutCommand) -> None:
    """The label has the hash of 'my db', but without the annotation the id is the label value itself."""
    put.secret("theirs", {"value": "old"}, labels={VARIABLE: "my-db.7db90c8c3216df2b8e01021c99b1f2a5f94a9122"})

    assert put("variable", "my db", "--value", "-", stdin="new").status == 0

    assert put.data("theirs") == {"value": b"old"}
    assert put.backend.get_variable("my db") == "new"


def test_several_secrets_with_the_id_are_not_changed(put: PutCommand) -> None:
    for name in ("one", "two"):
        put.secret(name, {"value": "old"}, labels={VARIABLE: "key"})
    put.secret("of-a-team", {"value": "old"}, labels={VARIABLE: "key", TEAM: "red"})

    done = put("variable", "key", "--value", "-", stdin=SECRET)

    assert done.status == 1
    assert f"several Secrets have this id: {put.namespace}/one, {put.namespace}/two." in done.err
    assert [put.data(name) for name in put.names()] == [{"value": b"old"}] * 3

    for number in range(20):
        put.secret(f"s-{number}", {"value": "old"}, labels={VARIABLE: "key"})
    assert "and 12 more. Delete all but one" in put("variable", "key", "--value", "-", stdin=SECRET).err


def test_id_with_a_reference_is_refused_except_for_a_team(put: PutCommand) -> None:
    put.configure(references={"variables": {"key": "other/vars"}})

    done = put("variable", "key", "--value", "-", stdin=SECRET)

    assert done.status == 1
    assert "'references' in backend_kwargs names Secret other/vars" in done.err
    assert put.names() == []
    assert put("variable", "key", "--team", "red", "--value", "-", stdin="v").status == 0
    assert put.backend.get_variable("key", "red") == "v"


def test_secret_in_an_earlier_namespace_hides_the_new_one(put: PutCommand) -> None:
    first = f"{put.namespace}-first"
    put.cluster.create_namespace(first)
    put.secret("older", {"value": "old"}, first, labels={VARIABLE: "key"})
    put.configure(namespace=[first, put.namespace])

    planned = put("variable", "key", "-n", put.namespace, "--dry-run=server", "--value", "-", stdin=SECRET)
    assert put.names() == []
    done = put("variable", "key", "-n", put.namespace, "--value", "-", stdin=SECRET)

    remedy = f"{put.kubectl} label secret -n {first} older {VARIABLE}-"
    assert [planned.status, done.status] == [1, 1]
    assert f"would be written, but Airflow does not read it: Secret {first}/older comes first" in planned.err
    assert f"variable 'key' was written, but Airflow does not read it: Secret {first}/older comes first" in done.err
    assert f"remove its label:\n  {remedy}" in done.err
    assert len(put.names()) == 1
    assert put("variable", "key", "--force", "--value", "-", stdin="new").status == 0, "without -n it is the first"
    assert put.backend.get_variable("key") == "new"


def test_earlier_namespace_cannot_be_read_after_the_write(put: PutCommand) -> None:
    hidden = f"{put.namespace}-first"
    account = put.cluster.service_account(
        put.namespace, "writer", {put.namespace: ["list", "get", "create", "patch"], hidden: []}
    )
    put.kubeconfig = str(put.cluster.kubeconfig(account.token, put.namespace))
    put.configure(namespace=[hidden, put.namespace])

    done = put("variable", "key", "-n", put.namespace, "--value", "-", stdin=SECRET)

    assert done.status == 2
    assert "was written, but could not be read back as Airflow reads it" in done.err
    assert "may not list secrets" in done.err
    assert "--verb=list --resource=secrets --dry-run" in done.err, "nothing is written to that namespace"
    assert len(put.names()) == 1


def test_secret_that_is_also_a_variable_is_not_changed(put: PutCommand) -> None:
    put.secret("both", {"value": f"http://{SECRET}@host"}, labels={CONNECTION: "x", VARIABLE: "y"})
    done = put("connection", "x", "--uri", "-", stdin=f"http://other{SECRET}@host")
    assert done.status == 1
    assert f"Secret {put.namespace}/both is a variable too, which would change with it" in done.err
    assert put.data("both") == {"value": f"http://{SECRET}@host".encode()}


def test_namespace_that_airflow_does_not_search(put: PutCommand) -> None:
    put.configure(namespace=put.namespace)
    other = f"{put.namespace}-other"
    put.cluster.create_namespace(other)
    done = put("variable", "x", "--value", "-", "--namespace", other, stdin=SECRET)
    assert done.status == 1
    assert f"Airflow does not search namespace {other}" in done.err
    assert put.names(other) == ["airflow-variable-x"]
