"""Manifests of Secrets: what the API rejects, labels, ids and duplicates."""

from __future__ import annotations

from base64 import b64encode

import yaml

from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from manifests.build import (
    CIPHERTEXT,
    CONFIG,
    CONNECTION,
    FIELDS,
    HASHED,
    LONG,
    PASSWORD,
    SOPS,
    TEAM,
    URI,
    VARIABLE,
    external,
    labelled,
    sealed,
    secret,
)
from manifests.case import Case

OF_SECRETS: dict[str, Case] = {
    # Whether the file can be read.
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
    "a valid document before an invalid one": Case(
        f"{yaml.safe_dump(secret(data={'x': PASSWORD}))}---\na: [", ["unreadable", "unreadable-manifest"]
    ),
    # Manifests that the API would reject.
    "base64 with too much padding": Case(
        {**secret(), "data": {"password": "YWJj="}}, ["invalid-manifest"], "'password' is not base64"
    ),
    "no base64": Case({**secret(), "data": {"password": PASSWORD}}, ["invalid-manifest"], "'password' is not base64"),
    "base64 in lines": Case(
        {
            **secret(data={}),
            "data": {"value": b64encode(URI.encode()).decode()[:40] + "\n" + b64encode(URI.encode()).decode()[40:]},
        }
    ),
    "a number": Case(secret(data={"host": "db", "port": 5432}), ["invalid-manifest"], "quotation marks"),
    "a key": Case(secret(data={**FIELDS, "a key": "x"}), ["invalid-manifest"], "the name of a key is not valid"),
    "a generated name": Case(
        {**secret(), "metadata": {"generateName": "db-", "labels": {CONNECTION: "my_db"}}},
        ["invalid-manifest"],
        "a Secret has generateName instead of a name. kubectl apply and Kustomize refuse it",
    ),
    "no name": Case(secret(name=""), ["invalid-manifest"], "no name"),
    "the id as the name": Case(
        secret(name="my_db"), ["invalid-manifest"], "has an invalid name. Use 1 to 253 of a-z, 0-9, '-' and '.'"
    ),
    "an invalid name and an invalid label": Case(
        secret(name="my_db", labels={CONNECTION: "my db"}), ["invalid-label"], "a Secret with an invalid name, label"
    ),
    "a namespace": Case(secret(namespace="Air_Flow"), ["invalid-manifest"], "namespace"),
    "no apiVersion": Case({**secret(), "apiVersion": None}, ["invalid-manifest"], "'apiVersion'"),
    "labels as a list": Case(secret(labels=["x"]), ["invalid-manifest"]),
    "metadata as a list": Case({**secret(), "metadata": ["x"]}, ["invalid-manifest"]),
    "an annotation's key": Case(
        secret(annotations={"a b": "x"}), ["invalid-manifest"], "is not a valid annotation key"
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
        "'Kind' does not replace it",
    ),
    "a misspelt kind": Case({**secret(), "kind": "Secrets"}, ["invalid-manifest"], "Write Secret"),
    "a kind that is a placeholder": Case({**secret(), "kind": "${KIND}"}, ["not-checked"]),
    "a misspelt label and a misspelt kind": Case(
        {**secret(labels=labelled(conection_id="x")), "kind": "secret"}, ["invalid-manifest"]
    ),
    "a list": Case(yaml.safe_dump([secret()]), ["unreadable-manifest"], "Write a document for each item"),
    "a list of others": Case(yaml.safe_dump([secret(labels={})])),
    "a misspelt field": Case({**secret(), "stringdata": {"a": "b"}}, ["invalid-manifest"], "Write 'stringData'"),
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
    "SOPS next to an unknown field": Case(
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
    "null for an id": Case(secret(labels={CONNECTION: None}), ["invalid-label"]),
    "another label's value": Case(secret(labels={CONNECTION: "a", "app": "a b"}), ["invalid-label"], "'app'"),
    "another label's empty value": Case(secret(labels={CONNECTION: "a", "app": ""})),
    "another label's key": Case(secret(labels={CONNECTION: "a", "a b": "x"}), ["invalid-label"], "(name not shown)"),
    "two wrong labels": Case(secret(labels={CONNECTION: "a b", VARIABLE: "a b"}), ["invalid-label"] * 2),
    "no team": Case(secret(labels={CONNECTION: "a", TEAM: ""}), ["invalid-label"], f"its label {TEAM} is empty, so no"),
    "no team of a Secret of others": Case(secret(labels={"app": "a", TEAM: ""})),
    "a team that is no valid label": Case(secret(labels={CONNECTION: "a", TEAM: "a b"}), ["invalid-label"]),
    # Ids.
    "a hash without the id": Case(secret(labels={CONNECTION: HASHED}), ["missing-id-annotation"], "with the exact id"),
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
    "an annotation that equals the label": Case(secret(annotations={CONNECTION: "my_db"})),
    # Duplicates.
    "one id": Case([secret("a"), secret("b")], ["duplicate-id"], "manifests.yaml:1 is connection"),
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
    "a List without a version": Case(
        {"kind": "List", "items": [secret("a")]}, ["invalid-manifest"], "write 'apiVersion: v1'"
    ),
    "a SecretList without a version": Case({"kind": "SecretList", "items": [secret("a")]}, ["invalid-manifest"]),
    "a List of another version": Case(
        {"apiVersion": "v2", "kind": "List", "items": [secret("a")]}, ["invalid-manifest"], "no 'List' in 'v2'"
    ),
    "a list of a kind that does not exist": Case(
        {"apiVersion": "v1", "kind": "SecertList", "items": [secret("a")]}, ["invalid-manifest"]
    ),
    "a list with a number as its version": Case(
        {"apiVersion": 1, "kind": "List", "items": [secret("a")]}, ["invalid-manifest"]
    ),
    "a list of custom resources": Case({"apiVersion": "example.com/v1", "kind": "FooList", "items": [secret("a")]}),
    "a SecretList": Case(
        {
            "apiVersion": "v1",
            "kind": "SecretList",
            "items": [{key: secret()[key] for key in ("metadata", "stringData")}],
        }
    ),
    "one Secret twice": Case([secret(), secret()], ["duplicate-secret"], "Remove one"),
    "one Secret twice, once for Airflow": Case([secret(labels={}), secret()], ["duplicate-secret"]),
    "one Secret twice, both not for Airflow": Case([secret(labels={}), secret(labels={})]),
    "a SealedSecret next to the Secret": Case([secret(), sealed()], ["duplicate-secret"]),
    "one id from a store and from a Secret": Case([secret("a"), external()], ["duplicate-id"]),
}
