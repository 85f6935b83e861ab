"""Manifests that another tool has yet to process are not used."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support.logs import log_messages
from support.manifest_texts import PASSWORD, manifest, secret
from support.secrets import VARIABLE

CIPHERTEXT = "ENC[AES256_GCM,data:9y1+pKd0fA==,iv:9c2V=,tag:3Y0m==,type:str]"
SOPS = "sops:\n  mac: ENC[AES256_GCM,data:abc=,iv:def=,tag:ghi==,type:str]\n  version: 3.9.0\n"

UNPROCESSED = {
    "SOPS": (secret(f"stringData: {{value: '{CIPHERTEXT}'}}\n{SOPS}"), "key 'value' is ciphertext of SOPS"),
    "SOPS, another key": (secret(f"stringData: {{value: x, b: '{CIPHERTEXT}'}}\n{SOPS}"), "key 'b' is ciphertext"),
    "SOPS without metadata": (secret(f"stringData: {{value: '{CIPHERTEXT}'}}"), "key 'value' is ciphertext of SOPS"),
    "SOPS in data": (secret(f"data: {{value: '{CIPHERTEXT}'}}\n{SOPS}"), "Decrypt it: sops decrypt FILE"),
    "SOPS in base64": (secret(f"data: {{value: {b64encode(CIPHERTEXT.encode()).decode()}}}"), "ciphertext of SOPS"),
    "SOPS and nothing encrypted": (
        secret(f"stringData: {{value: hunter2}}\n{SOPS}"),
        "the manifest itself is ciphertext",
    ),
    "SOPS for dotenv in a value": (secret(f"stringData: {{value: 'A={CIPHERTEXT}'}}"), "key 'value' is ciphertext"),
    "SOPS for JSON in a value": (
        secret('stringData: {value: \'{"data": "' + CIPHERTEXT + '", "sops": {"version": "3.9.0"}}\'}'),
        "key 'value' is ciphertext",
    ),
    "SOPS for a label": (secret("stringData: {value: x}", f"{VARIABLE}: '{CIPHERTEXT}'"), f"label '{VARIABLE}' is"),
    "SOPS for everything": (
        f"apiVersion: {CIPHERTEXT}\nkind: {CIPHERTEXT}\nmetadata: {{name: '{CIPHERTEXT}'}}\n{SOPS}",
        "the manifest is ciphertext of SOPS",
    ),
    "SOPS for a List": (
        f"apiVersion: v1\nkind: List\nitems:\n- {json.dumps(json.loads(manifest('x', 'hunter2')[4:]))}\n{SOPS}",
        "the manifest itself is ciphertext of SOPS",
    ),
    "SOPS as JSON": (
        json.dumps({**json.loads(manifest("x", CIPHERTEXT)[4:]), "sops": {"version": "3.9.0"}}, indent=1),
        "key 'value' is ciphertext of SOPS",
    ),
    "a path of argocd-vault-plugin": (
        secret("stringData: {value: <path:secret/data/x#password>}"),
        "key 'value' is a placeholder of argocd-vault-plugin. Render it",
    ),
    "such a path in a URI": (
        secret("stringData: {value: 'postgres://u:<path:secret/data/x#p | base64encode>@h'}"),
        "argocd-vault-plugin",
    ),
    "such a path in base64": (secret(f"data: {{value: {b64encode(b'<path:a/b#c>').decode()}}}"), "argocd-vault-plugin"),
    "a key of argocd-vault-plugin": (
        secret("stringData: {value: <password>}").replace(
            "name: x\n", "name: x\n  annotations: {avp.kubernetes.io/path: secret/data/x}\n"
        ),
        "argocd-vault-plugin",
    ),
    "a variable of Flux": (
        secret("stringData: {value: '${PASSWORD}'}"),
        "a variable that Flux substitutes. Substitute",
    ),
    "such a variable with a default": (secret("stringData: {value: '${PASSWORD:=hunter2 x}'}"), "Flux"),
    "such variables in a URI": (secret("stringData: {value: 'postgres://${U}:${P:-hunter2}@h/d'}"), "Flux"),
    "such a variable in JSON": (secret('stringData: {value: \'{"password": "${P}"}\'}'), "Flux"),
    "such a variable for a number in JSON": (secret("stringData: {value: '{\"port\": ${P} }'}"), "Flux"),
    "such a variable as the name": (
        secret("stringData: {value: x}").replace("name: x", "name: 'db-${ENV}'"),
        "the name is",
    ),
    "such a variable as a label": (
        secret("stringData: {value: x}", f"{VARIABLE}: '${{ID}}'"),
        f"label '{VARIABLE}' is",
    ),
    "a variable of Flux for all data": (secret("stringData: ${SECRETS}"), "'stringData' is a variable that Flux"),
    "Helm": (secret("stringData: {value: '{{ .Values.password }}'}"), "a template that is not rendered. Render it"),
    "Helm with functions": (secret("stringData: {value: '{{ include \"a.b\" . | quote }}'}"), "not rendered"),
    "Helm in a string": (secret("stringData: {value: 'a b {{ .Release.Name }} c'}"), "not rendered"),
    "Helm without quotation marks": (
        secret("stringData:\n  value: {{ .Values.x }}"),
        "it is a template that is not rendered",
    ),
    "Helm with blocks": (secret("{{- if .Values.x }}\nstringData: {value: hunter2}"), "it is a template that is not"),
    "Flux in an annotation": (
        secret("stringData: {value: x}").replace(
            "name: x\n", "name: x\n  annotations: {airflow.apache.org/data-key: '${K}'}\n"
        ),
        "annotation 'airflow.apache.org/data-key' is a variable that Flux",
    ),
    "a Go template": (secret("stringData: {value: 'postgres://{{ .u }}:{{ .p }}@h'}"), "not rendered"),
}


class TestUnprocessedManifests:
    """kubectl would accept them, and Airflow would get the ciphertext or the placeholder as a value."""

    @pytest.mark.parametrize(("text", "says"), UNPROCESSED.values(), ids=UNPROCESSED)
    def test_unprocessed_manifest_is_not_used(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture, text: str, says: str
    ) -> None:
        (folder / "x.yaml").write_text(f"{text}\n{manifest('y', 'found')}")

        for _ in range(2):
            assert backend.get_variable("x") is None
        [warning] = log_messages(caplog)
        assert re.match(f"{folder}/x.yaml: line [137]: ", warning)
        assert says in warning
        assert PASSWORD not in warning
        if text[0] == "{":
            return  # it is JSON, after which kubectl reads no YAML
        assert backend.get_variable("y") == "found"
        assert warning.endswith("; the rest of the file is used")

    def test_flux_variable_is_literal_if_substitution_is_disabled(
        self, backend: KubernetesSecretsBackend, folder: Path
    ) -> None:
        annotations = {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}
        (folder / "x.yaml").write_text(manifest("x", "${HOME}/x", annotations=annotations))

        assert backend.get_variable("x") == "${HOME}/x"

    @pytest.mark.parametrize(
        "text",
        [
            "ENC[AES256_GCM,",
            "ENC[AES256_GCM,data:x]",
            "ENC[AES256_GCM,data:x,iv:y,tag:z]",
            "data:x,iv:y,tag:z,type:str",
        ],
    )
    def test_string_that_sops_does_not_treat_as_ciphertext(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture, text: str
    ) -> None:
        (folder / "x.yaml").write_text(manifest("x", text))

        assert backend.get_variable("x") == text
        assert not log_messages(caplog)
