"""A folder of manifests: what is read as kubectl and the API would read it, and what happens when it changes."""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import re
import socket
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.api.deadline import Allowance
from airflow_kubernetes_secrets.errors import NotConfiguredError
from airflow_kubernetes_secrets.process import start_anew
from airflow_kubernetes_secrets.sources import folder as folder_module
from airflow_kubernetes_secrets.sources.query import LabelQuery
from support.cluster import Cluster
from support.kubectl import needs_kubectl, run
from support.logs import said
from support.memory import fork, join
from support.secrets import CONNECTION, TEAM, VARIABLE
from support.work import calls

PASSWORD = "hunter2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir()
    return folder


@pytest.fixture
def backend(folder: Path) -> KubernetesSecretsBackend:
    return KubernetesSecretsBackend(path=str(folder))


def manifest(key: str, value: str, name: str | None = None, **more: object) -> str:
    """A Secret with a variable, as a document of YAML."""
    metadata = {"name": name or key, "labels": {VARIABLE: key}, **more}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"value": value}}
    return f"---\n{json.dumps(secret)}\n"


def secret(rest: str, labels: str = f"{VARIABLE}: x") -> str:
    return f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n  labels: {{{labels}}}\n{rest}\n"


@pytest.fixture
def settle(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Waits until what is in the folder has not changed for so long that it is not read again."""
    monkeypatch.setattr(folder_module, "_SETTLED_AFTER_SECONDS", 0.3)
    return lambda: time.sleep(0.4)


def many_aliases(levels: int) -> str:
    """Lines of which each stands for nine of the one before it, so that together they stand for 9**levels texts."""
    lines = ["a0: &a0 hunter2"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels + 1)]
    return "\n".join(lines)


TAKEN = {
    "stringData before data": (secret("data: {value: bm8=}\nstringData: {value: found}"), "found"),
    "base64 in lines": (secret("data:\n  value: |\n    Zm91\n    bmQ=\n"), "found"),
    "base64 in lines of Windows": (secret('data: {value: "Zm91\\r\\nbmQ=\\r\\n"}'), "found"),
    "a date is a text": (secret("stringData: {value: 2026-05-04}"), "2026-05-04"),
    "a number as a key": (secret("stringData: {1: x, value: found}"), "found"),
    "the last of two equal keys": (secret("stringData: {value: no, value: found}"), "found"),
    "a byte order mark": ("\ufeff" + secret("stringData: {value: found}"), "found"),
    "lines of Windows": (secret("stringData: {value: found}").replace("\n", "\r\n"), "found"),
    "an empty document around it": ("---\n---\n" + secret("stringData: {value: found}") + "---\n", "found"),
    "a label without a value": (secret("stringData: {value: found}", f"{VARIABLE}: x, empty: ''"), "found"),
    "a List": (
        f"apiVersion: v1\nkind: List\nitems:\n- {json.dumps(json.loads(manifest('x', 'found')[4:]))}\n",
        "found",
    ),
    "a SecretList, whose items say no kind": (
        f"apiVersion: v1\nkind: SecretList\nitems:\n- metadata: {{name: x, labels: {{{VARIABLE}: x}}}}\n"
        "  stringData: {value: found}\n",
        "found",
    ),
    "an alias": (secret("stringData: {other: &a found, value: *a}"), "found"),
    "a merge": (secret("stringData: {<<: {value: found}, other: x}"), "found"),
    "ciphertext in a comment": (secret("stringData: {value: found} # ENC[AES256_GCM,data:x]"), "found"),
    "an expression of Jinja": (secret("stringData: {value: 's3://b/{{ ds }}/x'}"), "s3://b/{{ ds }}/x"),
    "a script": (secret("stringData: {value: 'cd ${HOME} && ls'}"), "cd ${HOME} && ls"),
    "a variable that is escaped": (secret("stringData: {value: '$${HOME}'}"), "$${HOME}"),
    "HTML": (secret("stringData: {value: <b>x</b>}"), "<b>x</b>"),
    "what looks like a time": (secret("stringData: {value: 10:30}"), "10:30"),
    "no data": (secret(""), None),
    "nothing under data": (secret("data:\nstringData:\n"), None),
}

REFUSED = {
    "no apiVersion": secret("stringData: {value: hunter2}").removeprefix("apiVersion: v1\n"),
    "no name": f"apiVersion: v1\nkind: Secret\nmetadata: {{labels: {{{VARIABLE}: x}}}}\nstringData: {{value: hunter2}}",
    "a name with a capital": secret("stringData: {value: hunter2}").replace("name: x", "name: X"),
    "a namespace that is a number": secret("stringData: {value: hunter2}").replace(
        "name: x", "name: x\n  namespace: 12"
    ),
    "not base64": secret("data: {value: hunter2}"),
    "base64 without its end": secret("data: {value: aHVudGVyMg}"),
    "base64 with a space": secret("data: {value: 'aHVu dGVyMg=='}"),
    "a number": secret("stringData: {value: 5432, hunter2-is-no-value: x}"),
    "a number with a power": secret("stringData: {value: 72044e0}"),
    "a number that begins with 0": secret("stringData: {value: 0891234}"),
    "yes": secret("stringData: {value: yes}"),
    "y": secret("stringData: {value: y}"),
    "binary": secret("data: {value: !!binary aHVudGVyMg==}"),
    "data is a list": secret("data: [hunter2]"),
    "labels are a text": secret("stringData: {value: hunter2}").replace(f"{{{VARIABLE}: x}}", "hunter2"),
    "a label value with a space": secret("stringData: {value: hunter2}", f"{VARIABLE}: x, other: 'hunter2 x'"),
    "a label key with a space": secret("stringData: {value: hunter2}", f"{VARIABLE}: x, 'a b': x"),
    "an annotation key with a space": secret("stringData: {value: hunter2}").replace(
        "name: x", "name: x\n  annotations: {'a b': hunter2}"
    ),
    "a data key with a slash": secret("stringData: {value: hunter2, a/b: x}"),
    "a data key of dots": secret("stringData: {value: hunter2, ..: x}"),
    "half of a surrogate pair": secret('stringData: {value: "hunter2 \\ud800"}'),
    "no YAML": secret("stringData: {value: 'hunter2}"),
    "an unknown alias": secret("stringData: {value: *hunter2}"),
    "a forbidden beginning": secret("stringData: {value: @hunter2}"),
    "a tag that does not fit": secret("stringData: {value: !!bool hunter2}"),
    # Few enough of them that without a limit the test ends too, and fails.
    "aliases of aliases": secret(f"stringData: {{value: hunter2}}\n{many_aliases(6)}"),
}

# kubectl leaves out such a tag, and puts other signs in place of such bytes: neither can be what was meant.
REFUSED_HERE = {
    "an unknown tag": secret("stringData: {value: !hunter2 x}"),
    "not UTF-8": secret("stringData: {value: hunter2}").encode() + b"# \xff",
    "a long text, aliased often": secret(f"stringData: {{value: &a hunter2{'x' * 100_000}}}\nmore: [{'*a, ' * 50}]"),
    "an alias of what it is in": secret("stringData: {value: hunter2}\nmore: &a [*a]"),
}


def apply_on_a_server(text: str, cluster: Cluster, namespace: str, home: Path) -> bool:
    """Whether kubectl and the API take it."""
    path = home / "applied.yaml"
    path.write_bytes(text.encode())
    listing = f"/api/v1/namespaces/{namespace}/secrets"
    try:
        run(f"kubectl apply --namespace={namespace} -f {path}", cluster, home)
    except subprocess.CalledProcessError:
        assert cluster.admin.get(listing).json()["items"] == []
        return False
    return len(cluster.admin.get(listing).json()["items"]) == 1


class TestAsKubectlApply:
    @pytest.mark.parametrize(("text", "value"), TAKEN.values(), ids=TAKEN)
    def test_what_is_taken(
        self,
        backend: KubernetesSecretsBackend,
        folder: Path,
        caplog: pytest.LogCaptureFixture,
        text: str,
        value: str | None,
    ) -> None:
        (folder / "x.yaml").write_bytes(text.encode())

        assert backend.get_variable("x") == value
        assert not any("x.yaml" in line for line in said(caplog))

    @pytest.mark.parametrize("text", [*REFUSED.values(), *REFUSED_HERE.values()], ids=[*REFUSED, *REFUSED_HERE])
    def test_what_is_refused(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture, text: str | bytes
    ) -> None:
        """The file is named, once, and the rest is served."""
        path = folder / "x.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        (folder / "y.yaml").write_text(manifest("y", "found"))

        for _ in range(2):
            assert backend.get_variable("x") is None
            assert backend.get_variable("y") == "found"

        [warning] = said(caplog)
        assert warning.startswith(f"{path}: line ")
        assert warning.endswith("; nothing in it is used")
        assert PASSWORD not in warning.replace("hunter2-is-no-value", "")

    @needs_kubectl
    @pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
    @pytest.mark.parametrize("text", [text for text, _value in TAKEN.values()], ids=list(TAKEN))
    def test_a_server_takes_it_too(self, cluster: Cluster, namespace: str, tmp_path: Path, text: str) -> None:
        assert apply_on_a_server(text, cluster, namespace, tmp_path)

    @needs_kubectl
    @pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
    @pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
    def test_a_server_refuses_it_too(self, cluster: Cluster, namespace: str, tmp_path: Path, text: str) -> None:
        assert not apply_on_a_server(text, cluster, namespace, tmp_path)

    @pytest.mark.parametrize(
        "text",
        [
            "[" * 100_000,
            '{"a": hunter2 {',
            '{"kind": "List", "items": 5} hunter2',
            '{"a": 1e999}',
            "\xff",
        ],
        ids=["deep", "no JSON", "more after it", "large number", "not UTF-8"],
    )
    def test_json_that_cannot_be_read(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture, text: str
    ) -> None:
        (folder / "x.json").write_bytes(text.encode("latin-1"))
        (folder / "y.json").write_text(manifest("y", "found")[4:])

        assert backend.get_variable("y") == "found"
        [warning] = said(caplog)
        assert warning.startswith(f"{folder}/x.json: line 1: ")
        assert PASSWORD not in warning

    def test_aliases_of_aliases_are_refused_at_once(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Those in merges too, which multiply before anything else looks at them."""
        merges = ["a0: &a0 {hunter2: x}"]
        merges += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 10)]
        (folder / "x.yaml").write_text(many_aliases(9))
        (folder / "y.yaml").write_text("\n".join(merges))
        (folder / "z.yaml").write_text(manifest("z", "found"))

        began = time.monotonic()
        assert backend.get_variable("z") == "found"
        assert time.monotonic() - began < 2
        problem = "its aliases stand for too much; nothing in it is used"
        assert sorted(said(caplog)) == [f"{folder}/x.yaml: line 7: {problem}", f"{folder}/y.yaml: line 7: {problem}"]

    def test_many_aliases_and_long_texts(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        """What is limited is not the number of aliases, and a file may have several megabytes."""
        values = ", ".join(f"k{n}: *a" for n in range(2000))
        (folder / "x.yaml").write_text(secret(f"stringData: {{value: &a {'x' * 1000}, {values}}}"))
        (folder / "y.yaml").write_text(manifest("y", "y" * 5_000_000))

        assert backend.get_variable("x") == "x" * 1000
        assert backend.get_variable("y") == "y" * 5_000_000

    def test_what_is_no_secret_is_left_out(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (folder / "a.yaml").write_text(
            "kind: Deployment\napiVersion: apps/v1\n---\njust a text\n---\n5\n---\n[1]\n---\n"
            "apiVersion: example.com/v1\nkind: Secret\n---\nkind: List\nitems: 5\n---\nkind: List\nitems: [5, null]\n"
            + manifest("x", "found")
        )
        (folder / "readme.md").write_text(manifest("x", "no"))
        (folder / ".hidden.yaml").write_text("[")
        (folder / ".git").mkdir()
        (folder / ".git" / "b.yaml").write_text("[")
        (folder / "folder.yaml").mkdir()
        (folder / "link.yaml").symlink_to("nowhere")

        assert backend.get_variable("x") == "found"
        assert said(caplog) == []

    def test_what_is_no_file_is_not_waited_for(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        (folder / "x.yaml").write_text(manifest("x", "found"))
        os.mkfifo(folder / "pipe.yaml")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "s.yaml"))

            assert backend.get_variable("x") == "found"

    def test_the_later_of_two_counts_with_one_warning(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """In the order in which kubectl goes through a folder."""
        (folder / "a").mkdir()
        (folder / "a" / "z.yaml").write_text(manifest("x", "first"))
        (folder / "a-b.yaml").write_text(manifest("x", "second") + manifest("x", "third"))

        for _ in range(2):
            assert backend.get_variable("x") == "third"

        assert sorted(said(caplog)) == [
            f"Secret default/x is in {folder}/a/z.yaml and in {folder}/a-b.yaml; the latter counts. Remove one of them",
            f"Secret default/x is twice in {folder}/a-b.yaml; the latter counts. Remove one of them",
        ]

    def test_of_several_matches_the_oldest_by_what_the_manifests_say(
        self, backend: KubernetesSecretsBackend, folder: Path
    ) -> None:
        """As ``kubectl get -o yaml`` writes it; a manifest seldom has it, and then it is the first by name."""
        for name, created in (("a", "2026-02-01T00:00:00Z"), ("b", "2026-01-01T00:00:00Z")):
            (folder / f"{name}.yaml").write_text(manifest("x", name, name, creationTimestamp=created))
            (folder / f"y-{name}.yaml").write_text(manifest("y", name, f"y-{name}", creationTimestamp=None))

        assert backend.get_variable("x") == "b"
        assert backend.get_variable("y") == "a"


CIPHERTEXT = "ENC[AES256_GCM,data:9y1+pKd0fA==,iv:9c2V=,tag:3Y0m==,type:str]"
SOPS = "sops:\n  mac: ENC[AES256_GCM,data:abc=,iv:def=,tag:ghi==,type:str]\n  version: 3.9.0\n"

UNPROCESSED = {
    "SOPS": (secret(f"stringData: {{value: '{CIPHERTEXT}'}}\n{SOPS}"), "key 'value' is ciphertext of SOPS"),
    "SOPS, another key": (secret(f"stringData: {{value: x, b: '{CIPHERTEXT}'}}\n{SOPS}"), "key 'b' is ciphertext"),
    "SOPS without its notes": (secret(f"stringData: {{value: '{CIPHERTEXT}'}}"), "key 'value' is ciphertext of SOPS"),
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
    "Helm in a text": (secret("stringData: {value: 'a b {{ .Release.Name }} c'}"), "not rendered"),
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


class TestWhatAnotherToolHasYetToDo:
    """kubectl would take it, and Airflow would get the ciphertext or the placeholder for a value."""

    @pytest.mark.parametrize(("text", "says"), UNPROCESSED.values(), ids=UNPROCESSED)
    def test_it_is_not_served(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture, text: str, says: str
    ) -> None:
        (folder / "x.yaml").write_text(f"{text}\n{manifest('y', 'found')}")

        for _ in range(2):
            assert backend.get_variable("x") is None
        [warning] = said(caplog)
        assert re.match(f"{folder}/x.yaml: line [137]: ", warning)
        assert says in warning
        assert PASSWORD not in warning
        if text[0] == "{":
            return  # it is JSON, after which kubectl reads no YAML
        assert backend.get_variable("y") == "found"
        assert warning.endswith("; the rest of the file is used")

    def test_a_text_that_is_meant(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        annotations = {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}
        (folder / "x.yaml").write_text(manifest("x", "${HOME}/x", annotations=annotations))

        assert backend.get_variable("x") == "${HOME}/x"


class TestOneOfSeveral:
    """What is wrong with one Secret of a file leaves the others."""

    @pytest.mark.parametrize(
        "broken",
        [secret("stringData: {value: 5}"), "a: [", "a: !x b", secret("data: {value: hunter2}"), "--- x"],
        ids=["a number", "no YAML", "a tag", "no base64", "text at the separator"],
    )
    def test_the_others_are_served(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture, broken: str
    ) -> None:
        (folder / "x.yaml").write_text(f"{manifest('a', 'found')}---\n{broken}\n{manifest('b', 'found')}")

        assert (backend.get_variable("a"), backend.get_variable("x")) == ("found", None)
        assert backend.get_variable("b") == "found"
        [warning] = said(caplog)
        assert warning.startswith(f"{folder}/x.yaml: line ")
        assert warning.endswith("; the rest of the file is used")

    def test_a_value_where_a_name_belongs_is_not_shown(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        for number, field in enumerate(
            [
                "stringData: {value:hunter2}",
                "stringData: {'x:hunter2': 5}",
                "data: {'x:hunter2': x}",
                "data: {'x:hunter2': '<path:a#b>'}",
            ]
        ):
            (folder / f"{number}.yaml").write_text(secret(field))

        assert backend.get_variable("x") is None

        warnings = said(caplog)
        assert len(warnings) == 4
        assert "Secret x: the name of a key cannot be a key of its data: 1 to 253 of" in warnings[0]
        assert "hunter2" not in "".join(warnings)

    def test_it_keeps_what_it_was(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = folder / "x.yaml"
        path.write_text(manifest("x", "old") + manifest("y", "old"))
        assert backend.get_variable("x") == "old"

        path.write_text(f"{manifest('y', 'new')}---\n{secret('stringData: {value: 5}')}")
        assert (backend.get_variable("x"), backend.get_variable("y")) == ("old", "new")
        [warning] = said(caplog)
        assert warning.endswith("is not a text; put it into quotation marks; what it held before is still used")

        path.write_text(manifest("y", "new"))
        assert backend.get_variable("x") is None

    def test_many_of_them_are_few_warnings(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (folder / "x.yaml").write_text(f"---\n{secret('stringData: {value: 5}')}" * 100)

        assert backend.get_variable("x") is None
        assert len(said(caplog)) == 5
        assert " and 95 more; " in said(caplog)[-1]

    def test_two_objects_of_json(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        (folder / "x.json").write_text(manifest("x", "found")[4:] + manifest("y", "found")[4:])

        assert (backend.get_variable("x"), backend.get_variable("y")) == ("found", "found")

    def test_a_name_says_nothing(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        (folder / "x.json").write_text(secret("stringData: {value: found}"))
        (folder / "y.yaml").write_text(manifest("y", "found")[4:])

        assert (backend.get_variable("x"), backend.get_variable("y")) == ("found", "found")

    def test_a_null_is_empty(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        """A current kubectl and API take it; in a URI or an option there would be nothing to use."""
        (folder / "x.yaml").write_text(secret("stringData: {value: ~, other:}", f"{VARIABLE}: x, app:"))

        assert backend.get_variable("x") == ""


class TestNamespaces:
    @pytest.fixture(autouse=True)
    def secrets(self, folder: Path) -> None:
        (folder / "all.yaml").write_text(
            manifest("of-none", "none")
            + manifest("of-a", "a", namespace="a")
            + manifest("both", "no namespace")
            + manifest("both", "b", namespace="b")
        )

    def test_without_the_option_it_does_not_matter(self, backend: KubernetesSecretsBackend) -> None:
        assert backend.get_variable("of-none") == "none"
        assert backend.get_variable("of-a") == "a"

    def test_what_names_none_is_in_the_first(self, folder: Path) -> None:
        backend = KubernetesSecretsBackend(path=str(folder), namespace="b,c")
        assert backend.get_variable("of-none") == "none"
        assert backend.get_variable("of-a") is None
        # One Secret, of which the later counts.
        assert backend.get_variable("both") == "b"

        backend = KubernetesSecretsBackend(path=str(folder), namespace=["c", "b"])
        assert backend.get_variable("both") == "no namespace"

    def test_teams(self, folder: Path) -> None:
        (folder / "teams.yaml").write_text(
            manifest("x", "of blue", "x1", labels={VARIABLE: "x", TEAM: "blue"}) + manifest("x", "global", "x2")
        )
        backend = KubernetesSecretsBackend(path=str(folder))

        assert backend.get_variable("x", team_name="blue") == "of blue"
        assert backend.get_variable("x") == "global"

    def test_a_reference_finds_its_namespace(self, folder: Path) -> None:
        backend = KubernetesSecretsBackend(
            path=str(folder), references={"variables": {"x": "of-none", "y": "a/of-a", "z": "of-a"}}
        )

        assert backend.get_variable("x") == "none"
        assert backend.get_variable("y") == "a"
        assert backend.get_variable("z") == "a"

    def test_a_reference_without_namespace_finds_the_oldest_in_any(self, folder: Path) -> None:
        created = {"c": "2026-02-01T00:00:00Z", "d": "2026-01-01T00:00:00Z"}
        for namespace, time_ in created.items():
            (folder / f"{namespace}.yaml").write_text(
                manifest("x", namespace, namespace=namespace, creationTimestamp=time_)
            )
        for name in ("1", "2"):
            (folder / f"{name}.yaml").write_text(manifest("y", name, namespace=f"n{3 - int(name)}"))
        backend = KubernetesSecretsBackend(path=str(folder), references={"variables": {"x": "x", "y": "y"}})

        assert backend.get_variable("x") == "d"
        assert backend.get_variable("y") == "1"


def rewrite(path: Path, text: str) -> None:
    path.write_text(text)


def replace(path: Path, text: str) -> None:
    """As editors do: beside it, then in its place."""
    (path.parent / ".new").write_text(text)
    (path.parent / ".new").replace(path)


def rewrite_with_the_old_time(path: Path, text: str) -> None:
    """As ``cp --preserve`` and ``rsync --times`` do."""
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


class TestChanges:
    @pytest.mark.parametrize("change", [rewrite, replace, rewrite_with_the_old_time])
    def test_a_file_of_the_same_size(
        self,
        backend: KubernetesSecretsBackend,
        folder: Path,
        change: Callable[[Path, str], None],
        settle: Callable[[], None],
    ) -> None:
        path = folder / "x.yaml"
        path.write_text(manifest("x", "first"))
        for _ in range(2):
            assert backend.get_variable("x") == "first"
            settle()

        change(path, manifest("x", "later"))
        settle()
        assert backend.get_variable("x") == "later"
        # More often than the clocks of most file systems tick.
        for number in range(100, 200):
            change(path, manifest("x", f"at{number}"))
            assert backend.get_variable("x") == f"at{number}"

    def test_a_change_that_leaves_no_trace(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        """As two in one tick of the clock: in a page that has been written to already, no more times are noted."""
        path = folder / "x.yaml"
        path.write_text(manifest("x", "first"))
        at = path.read_text().index("first")
        with path.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as memory:
            for value in ("after", "again", "later"):
                memory[at : at + 5] = value.encode()
                assert backend.get_variable("x") == value

    def test_files_and_folders_come_and_go(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert backend.get_variable("x") is None
        (folder / "sub" / "sub").mkdir(parents=True)
        path = folder / "sub" / "sub" / "x.yml"
        path.write_text(manifest("x", "found"))
        assert backend.get_variable("x") == "found"
        path.rename(folder / "y.yaml")
        assert backend.get_variable("x") == "found"
        (folder / "y.yaml").unlink()
        assert backend.get_variable("x") is None
        assert said(caplog) == []

    def test_what_has_not_changed_is_not_read_again(self, folder: Path, settle: Callable[[], None]) -> None:
        """Nor is what has changed in its times alone: the same Secret answers."""
        path = folder / "x.yaml"
        path.write_text(manifest("x", "found"))
        source = folder_module.Folder(str(folder), None)
        query = LabelQuery(None, VARIABLE, "x")
        [first] = source.find(query, Allowance(10))
        [second] = source.find(query, Allowance(10))
        settle()
        [third] = source.find(query, Allowance(10))
        path.touch()
        [fourth] = source.find(query, Allowance(10))

        assert first is second is third is fourth

    def test_a_volume_of_kubernetes(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        """The kubelet keeps versions in folders, and turns a link over to the next one.

        https://pkg.go.dev/k8s.io/kubernetes/pkg/volume/util#AtomicWriter.Write
        """
        for version in ("one", "two"):
            (folder / f"..{version}" / "sub").mkdir(parents=True)
            (folder / f"..{version}" / "x.yaml").write_text(manifest("x", version))
            (folder / f"..{version}" / "sub" / "y.yaml").write_text(manifest("y", version))
        (folder / "..data").symlink_to("..one")
        (folder / "x.yaml").symlink_to("..data/x.yaml")
        (folder / "sub").symlink_to("..data/sub")
        assert (backend.get_variable("x"), backend.get_variable("y")) == ("one", "one")

        (folder / "..data_tmp").symlink_to("..two")
        (folder / "..data_tmp").replace(folder / "..data")
        assert (backend.get_variable("x"), backend.get_variable("y")) == ("two", "two")

    def test_a_link_that_leads_back(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        for name in ("a", "b"):
            (folder / name).mkdir()
            for link in ("up", "again"):
                (folder / name / link).symlink_to("..")
        (folder / "a" / "x.yaml").write_text(manifest("x", "found"))

        assert backend.get_variable("x") == "found"
        assert said(caplog) == []

    def test_a_link_that_leads_back_to_the_folder_itself(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (folder / "loop").symlink_to(".")
        (folder / "x.yaml").write_text(manifest("x", "found"))

        assert backend.get_variable("x") == "found"
        assert said(caplog) == []

    def test_a_broken_file_keeps_what_it_held_until_it_is_mended(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = folder / "x.yaml"
        path.write_text(manifest("x", "good"))
        assert backend.get_variable("x") == "good"

        for good in ("better", "best"):
            path.write_text("a: 'hunter2")
            for _ in range(2):
                assert backend.get_variable("x") is not None
            path.write_text(manifest("x", good))
            assert backend.get_variable("x") == good

        # When it breaks again, that is news again.
        assert (
            said(caplog) == [f"{path}: line 1: found unexpected end of stream; what it held before is still used"] * 2
        )

    def test_a_broken_file_that_is_removed_holds_nothing(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        path = folder / "x.yaml"
        path.write_text(manifest("x", "good"))
        assert backend.get_variable("x") == "good"
        path.write_text("[")
        assert backend.get_variable("x") == "good"

        path.unlink()

        assert backend.get_variable("x") is None

    def test_what_cannot_be_looked_at_is_named_and_keeps_what_it_held(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A link to itself stands for all that even root may not read."""
        (folder / "sub").mkdir()
        for path in (folder / "x.yaml", folder / "sub" / "y.yaml"):
            path.write_text(manifest(path.stem, "found"))
        (folder / "z.yaml").write_text(manifest("z", "found"))
        assert backend.get_variable("y") == "found"

        (folder / "x.yaml").unlink()
        (folder / "x.yaml").symlink_to("x.yaml")
        (folder / "sub").rename(folder / ".elsewhere")
        (folder / "sub").symlink_to("sub")
        for _ in range(2):
            for key in "xyz":
                assert backend.get_variable(key) == "found"
        problem = "Too many levels of symbolic links"
        assert sorted(said(caplog)) == [
            f"{folder}/sub: {problem}; nothing in it is used",
            f"{folder}/x.yaml: {problem}; what it held before is still used",
        ]

        (folder / "sub").unlink()
        (folder / "x.yaml").unlink()
        (folder / "x.yaml").write_text(manifest("x", "mended"))
        assert backend.get_variable("y") is None
        assert backend.get_variable("x") == "mended"

    def test_many_that_cannot_be_looked_at(self, tmp_path: Path) -> None:
        def look_twice(count: int) -> None:
            folder = tmp_path / str(count)
            folder.mkdir(exist_ok=True)
            for number in range(count):
                (folder / f"x{number}").symlink_to(f"x{number}")
            source = folder_module.Folder(str(folder), None)
            source.secrets()
            assert len(source.problems()) == count

        look_twice(20)
        assert calls(lambda: look_twice(800)) < 6 * calls(lambda: look_twice(200))

    def test_folders_in_folders(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        """More than Python lets functions call one another."""
        inner = os.open(folder, os.O_RDONLY)
        for _ in range(1_200):
            os.mkdir("a", dir_fd=inner)
            outer, inner = inner, os.open("a", os.O_RDONLY, dir_fd=inner)
            os.close(outer)
        file = os.open("x.yaml", os.O_WRONLY | os.O_CREAT, dir_fd=inner)
        os.write(file, manifest("x", "found").encode())
        os.close(file)
        os.close(inner)
        try:
            assert backend.get_variable("x") == "found"
        finally:
            # Python's own function for that calls itself, too.
            subprocess.run(["rm", "-r", str(folder)], check=True)

    def test_the_order_is_that_of_kubectl(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        """A folder comes where its name stands among those of files."""
        (folder / "b").mkdir()
        for name in ("a.yaml", "b-c.yaml", "b.yaml", "b/x.yaml"):
            (folder / name).write_text(manifest(re.sub("[^a-z]", "", name), "x"))

        found = [secret.name for secret in folder_module.Folder(str(folder), None).secrets()]

        assert found == ["ayaml", "bxyaml", "bcyaml", "byaml"]


class TestTheFolder:
    @pytest.mark.parametrize("kind", ["nothing", "a file", "a dangling link", "somebody's home"])
    def test_there_is_none(self, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str) -> None:
        path = Path("~nobody-of-this-name/manifests") if kind == "somebody's home" else tmp_path / "manifests"
        if kind == "a file":
            path.write_text("x")
        if kind == "a dangling link":
            path.symlink_to("elsewhere")
        backend = KubernetesSecretsBackend(path=str(path))

        for _ in range(2):
            with pytest.raises(
                NotConfiguredError, match="'path' in backend_kwargs names no folder that can be read: /"
            ):
                backend.get_variable("x")

        [error] = said(caplog)
        assert error.endswith("Create it, or correct 'path'")

    def test_one_that_goes_and_comes_back(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (folder / "x.yaml").write_text(manifest("x", "found"))
        assert backend.get_variable("x") == "found"

        folder.rename(folder.with_name("elsewhere"))
        for _ in range(2):
            with pytest.raises(NotConfiguredError, match="No such file or directory"):
                backend.get_variable("x")
        folder.with_name("elsewhere").rename(folder)
        assert backend.get_variable("x") == "found"
        assert len(said(caplog)) == 1

    def test_in_the_home_of_the_user(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "x.yaml").write_text(manifest("x", "found"))
        monkeypatch.setenv("HOME", str(folder.parent))

        assert KubernetesSecretsBackend(path="~/manifests").get_variable("x") == "found"

    def test_a_relative_path_is_from_where_the_process_first_looked(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "x.yaml").write_text(manifest("x", "found"))
        (folder / "sub").mkdir()
        monkeypatch.chdir(folder.parent)
        backend = KubernetesSecretsBackend(path="manifests")
        assert backend.get_variable("x") == "found"
        monkeypatch.chdir(folder / "sub")

        assert backend.get_variable("x") == "found"

    def test_all_backends_of_a_process_read_once(self, folder: Path) -> None:
        """Airflow makes a new one for each option."""
        path = folder / "x.yaml"
        path.write_text(manifest("x", "found"))
        assert KubernetesSecretsBackend(path=str(folder)).get_variable("x") == "found"
        path.write_text("[")

        # What it held before.
        assert KubernetesSecretsBackend(path=str(folder)).get_variable("x") == "found"
        start_anew()
        assert KubernetesSecretsBackend(path=str(folder)).get_variable("x") is None


class TestProcesses:
    def test_threads(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        """Whoever begins to look after a change sees it."""
        path = folder / "x.yaml"
        replace(path, manifest("x", "0"))
        written = 0
        done = threading.Event()

        def look() -> int:
            looked = 0
            while not done.is_set() or looked == 0:
                least = written
                assert int(backend.get_variable("x") or -1) >= least
                looked += 1
            return looked

        with ThreadPoolExecutor(4) as threads:
            running = [threads.submit(look) for _ in range(4)]
            try:
                for number in range(1, 100):
                    replace(path, manifest("x", str(number)))
                    written = number
            finally:
                done.set()
            assert all(each.result(timeout=30) for each in running)

    def test_a_child_that_is_forked_while_a_thread_reads(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        """It has what its parent knew, waits for no lock of the parent's, and follows changes."""
        for number in range(300):
            (folder / f"{number}.yaml").write_text(manifest(f"x{number}", "found"))
        thread = threading.Thread(target=backend.get_variable, args=("x1",))
        thread.start()
        time.sleep(0.05)
        assert thread.is_alive()

        def check() -> bool:
            found = backend.get_variable("x299")
            (folder / "299.yaml").write_text(manifest("x299", "new"))
            return (found, backend.get_variable("x299")) == ("found", "new")

        join(fork(check))
        thread.join()

    def test_a_child_warns_again(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Its log is another one than its parent's."""
        (folder / "x.yaml").write_text("[")
        assert backend.get_variable("x") is None
        caplog.clear()

        join(fork(lambda: backend.get_variable("x") is None and len(said(caplog)) == 1))

    def test_the_event_loop_reads_no_files(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        (folder / "x.yaml").write_text(manifest("x", "http://found", labels={CONNECTION: "x"}))

        assert folder_module.Folder(str(folder), None).recall(LabelQuery(None, CONNECTION, "x")) is None
        for _ in range(2):
            assert asyncio.run(backend.aget_connection("x")).host == "found"
