"""Manifests of other tools, manifests that another tool has yet to process, and files without Secrets."""

from __future__ import annotations

import json

import yaml

from manifests.build import (
    CIPHERTEXT,
    CONNECTION,
    CONNEKTION_POINTER,
    FIELDS,
    HASHED,
    LONG,
    PASSWORD,
    PREFIX,
    SOPS,
    URI,
    VARIABLE,
    cluster_external,
    kustomization,
    labelled,
    one_password,
    patch,
    sealed,
    secret,
    secrets_store,
    sops_secret,
    vault,
)
from manifests.case import Case

OF_OTHER_TOOLS: dict[str, Case] = {
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
    "sealed, an unknown key": Case(sealed(keys=["x"]), ["depends-on-value"], "'x'"),
    "two tokens": Case(secret(data={"GITHUB_TOKEN": "eHh4", "SLACK_BOT_TOKEN": "eHh4"}), ["unreadable"]),
    "sealed, a key in the template": Case(sealed(keys=["x"], data={"value": "{{ .x }}"})),
    "sealed, a constant in the template": Case(sealed(keys=["x"], data={"value": "postgres//x"}), ["unreadable"]),
    "everywhere, an old API": Case({**cluster_external(), "apiVersion": "external-secrets.io/v1alpha1"}, ["old-api"]),
    "sealed, in one piece": Case(
        {**sealed(keys=[]), "spec": {"data": "AgBy", "template": sealed()["spec"]["template"]}}
    ),
    "sealed, another name in the template": Case(
        [secret("a", labels={}), sealed({"name": "a", "labels": {CONNECTION: "x"}})]
    ),
    # Other tools that create Secrets.
    "vault": Case(vault()),
    "vault, misspelt": Case(vault(labels=labelled(conection_id="x")), ["unknown-label"], "did you mean"),
    "vault, no Secret is created": Case(vault(create=False), ["label-lost"], "'create' is true"),
    "vault, create is not set": Case(vault(create=None), ["label-lost"], "'create' is true"),
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
    "secrets store, an unknown key": Case(secrets_store("x"), ["depends-on-value"], "'x'"),
    "secrets store, misspelt": Case(secrets_store("x", labels=labelled(conection_id="x")), ["unknown-label"]),
    "kustomize": Case(kustomization(literals=[f"value={URI}"])),
    "kustomize, misspelt": Case(kustomization(labels=labelled(conection_id="x")), ["unknown-label"]),
    "kustomize, no URI": Case(kustomization(literals=["value=postgres//x"]), ["unreadable"]),
    "kustomize, quoted": Case(kustomization(literals=[f"value='{URI}'"])),
    "kustomize, a file": Case(kustomization(files=["value=db.txt"])),
    "kustomize, a file with another key": Case(
        kustomization(files=["secrets/db.txt"]), ["depends-on-value"], "'db.txt'"
    ),
    "kustomize, an env file": Case(kustomization(envs=["db.env"])),
    "kustomize, labels outside the options": Case(
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
        kustomization(literals=["value=a://h", "value=b://h"]), ["invalid-manifest"], "the key 'value' is present twice"
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
    "kustomize, misspelt labels that an operation removes": Case(
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
    "a label outside the metadata": Case(
        {**secret(labels={}), "labels": {CONNECTION: "x"}}, ["label-lost"], "under labels"
    ),
    "an operator that is not known": Case(
        {"apiVersion": "example.com/v1", "kind": "Db", "spec": {"secretLabels": labelled(connection_id="x")}},
        ["not-checked"],
        "under spec.secretLabels",
    ),
    # Manifests that another tool has yet to process.
    "SOPS": Case({**secret(data={"value": CIPHERTEXT}), **SOPS}, ["not-checked"], "Labels, names and keys are checked"),
    "SOPS, fields": Case({**secret(data=dict.fromkeys(FIELDS, CIPHERTEXT)), **SOPS}, ["not-checked"]),
    "SOPS, in data": Case({**secret(data={}), "data": {"value": CIPHERTEXT}, **SOPS}, ["not-checked"]),
    "SOPS, a wrong key": Case({**secret(data={"x": CIPHERTEXT}), **SOPS}, ["not-checked", "depends-on-value"], "'x'"),
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
        "completely encrypted",
    ),
    "SOPS, binary": Case({"data": CIPHERTEXT, **SOPS}, ["not-checked"], "completely encrypted", file="db.json"),
    "SOPS, dotenv": Case(f"A={CIPHERTEXT}\nsops_mac={CIPHERTEXT}\n", ["not-checked"], "completely encrypted"),
    "SOPS, no metadata for the decryption": Case(
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
    # Files as kubectl reads them.
    "a key twice": Case(
        yaml.safe_dump(secret(data={"value": PASSWORD})) + f"  value: {URI}\n",
        ["duplicate-key"],
        "kubectl uses the last",
    ),
    "a key twice in JSON": Case(
        json.dumps(secret(data={"value": URI})).replace('"value"', '"value": "x", "value"'),
        ["duplicate-key"],
        file="a.json",
    ),
    "a key twice in a manifest that is not for Airflow": Case("kind: X\napiVersion: example.com/v1\na: 1\na: 2\n"),
    "two objects of JSON": Case(json.dumps(secret("a")) + json.dumps(secret("b", {})), ["duplicate-id", "unreadable"]),
    "an invalid document between valid ones": Case(
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
    # Files without such manifests.
    "nothing": Case(""),
    "texts and lists": Case(f"- {PASSWORD}\n---\n{PASSWORD}\n---\nnull\n"),
    "another resource": Case(
        {**secret(labels={CONNECTION: LONG}), "kind": "Service"}, ["not-checked"], "does not know which Secrets"
    ),
    "a ConfigMap": Case(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": secret()["metadata"], "data": {"value": URI}},
        ["not-looked-up"],
        "only variables are read from ConfigMaps",
    ),
    "a Secret without Airflow's label": Case(secret(labels={"app": "x"}, data={})),
}
