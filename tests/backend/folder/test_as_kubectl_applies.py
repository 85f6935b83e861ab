"""The values from a folder of manifests are those that kubectl would apply."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support.cluster import Cluster
from support.kubectl import needs_kubectl, run
from support.logs import log_messages
from support.manifest_texts import PASSWORD, manifest, many_aliases, secret
from support.secrets import VARIABLE

ACCEPTED = {
    "stringData before data": (secret("data: {value: bm8=}\nstringData: {value: found}"), "found"),
    "base64 in lines": (secret("data:\n  value: |\n    Zm91\n    bmQ=\n"), "found"),
    "base64 in lines of Windows": (secret('data: {value: "Zm91\\r\\nbmQ=\\r\\n"}'), "found"),
    "a date is a string": (secret("stringData: {value: 2026-05-04}"), "2026-05-04"),
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
    "a SecretList, whose items have no kind": (
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
    "a value that looks like a time": (secret("stringData: {value: 10:30}"), "10:30"),
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
    "labels are a string": secret("stringData: {value: hunter2}").replace(f"{{{VARIABLE}: x}}", "hunter2"),
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
    # The aliases are few enough that without a limit the test still ends, and fails.
    "aliases of aliases": secret(f"stringData: {{value: hunter2}}\n{many_aliases(6)}"),
}

# kubectl ignores such a tag, and replaces such bytes by other characters. Neither can be intended.
REFUSED_HERE = {
    "an unknown tag": secret("stringData: {value: !hunter2 x}"),
    "not UTF-8": secret("stringData: {value: hunter2}").encode() + b"# \xff",
    "a long string, aliased often": secret(f"stringData: {{value: &a hunter2{'x' * 100_000}}}\nmore: [{'*a, ' * 50}]"),
    "an alias of its own parent": secret("stringData: {value: hunter2}\nmore: &a [*a]"),
}


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return kubectl's home. All tests share it, so that only the first one requests the server's kinds and schemas."""
    return tmp_path_factory.getbasetemp() / "home-of-kubectl"


def apply_on_a_server(text: str, cluster: Cluster, namespace: str, home: Path, folder: Path) -> bool:
    """Return whether kubectl and the API accept the manifest. Writes it to the folder."""
    path = folder / "applied.yaml"
    path.write_bytes(text.encode())
    listing = f"/api/v1/namespaces/{namespace}/secrets"
    try:
        run(f"kubectl apply --namespace={namespace} -f {path}", cluster, home)
    except subprocess.CalledProcessError:
        assert cluster.admin.get(listing).json()["items"] == []
        return False
    return len(cluster.admin.get(listing).json()["items"]) == 1


class TestAsKubectlApply:
    @pytest.mark.parametrize(("text", "value"), ACCEPTED.values(), ids=ACCEPTED)
    def test_accepted_manifests(
        self,
        backend: KubernetesSecretsBackend,
        folder: Path,
        caplog: pytest.LogCaptureFixture,
        text: str,
        value: str | None,
    ) -> None:
        (folder / "x.yaml").write_bytes(text.encode())

        assert backend.get_variable("x") == value
        assert not any("x.yaml" in line for line in log_messages(caplog))

    @pytest.mark.parametrize("text", [*REFUSED.values(), *REFUSED_HERE.values()], ids=[*REFUSED, *REFUSED_HERE])
    def test_refused_manifests(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture, text: str | bytes
    ) -> None:
        """One warning names the file, and the other files are used."""
        path = folder / "x.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        (folder / "y.yaml").write_text(manifest("y", "found"))

        for _ in range(2):
            assert backend.get_variable("x") is None
            assert backend.get_variable("y") == "found"

        [warning] = log_messages(caplog)
        assert warning.startswith(f"{path}: line ")
        assert warning.endswith("; nothing in it is used")
        assert PASSWORD not in warning.replace("hunter2-is-no-value", "")

    @needs_kubectl
    @pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
    @pytest.mark.parametrize("text", [text for text, _value in ACCEPTED.values()], ids=list(ACCEPTED))
    def test_server_accepts_the_same_manifests(
        self, cluster: Cluster, namespace: str, home: Path, tmp_path: Path, text: str
    ) -> None:
        assert apply_on_a_server(text, cluster, namespace, home, tmp_path)

    @needs_kubectl
    @pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
    @pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
    def test_server_refuses_the_same_manifests(
        self, cluster: Cluster, namespace: str, home: Path, tmp_path: Path, text: str
    ) -> None:
        assert not apply_on_a_server(text, cluster, namespace, home, tmp_path)

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
        [warning] = log_messages(caplog)
        assert warning.startswith(f"{folder}/x.json: line 1: ")
        assert PASSWORD not in warning

    def test_aliases_of_aliases_are_refused_at_once(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Aliases in merges are refused too: they multiply before any other check."""
        merges = ["a0: &a0 {hunter2: x}"]
        merges += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 10)]
        (folder / "x.yaml").write_text(many_aliases(9))
        (folder / "y.yaml").write_text("\n".join(merges))
        (folder / "z.yaml").write_text(manifest("z", "found"))

        began = time.process_time()
        assert backend.get_variable("z") == "found"
        assert time.process_time() - began < 5
        problem = "its aliases expand to too much data; nothing in it is used"
        assert sorted(log_messages(caplog)) == [
            f"{folder}/x.yaml: line 7: {problem}",
            f"{folder}/y.yaml: line 7: {problem}",
        ]

    def test_many_aliases_and_long_strings(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        """The number of aliases is not limited, and a file may have several megabytes."""
        values = ", ".join(f"k{n}: *a" for n in range(2000))
        (folder / "x.yaml").write_text(secret(f"stringData: {{value: &a {'x' * 1000}, {values}}}"))
        (folder / "y.yaml").write_text(manifest("y", "y" * 5_000_000))

        assert backend.get_variable("x") == "x" * 1000
        assert backend.get_variable("y") == "y" * 5_000_000

    def test_other_documents_and_files_are_ignored(
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
        assert log_messages(caplog) == []

    @pytest.mark.parametrize(
        ("text", "problem", "value"),
        [
            pytest.param(
                f"- {manifest('x', 'found')[4:]}",
                "it is a list, which kubectl would refuse. Write a document for each item, with '---' between them; "
                "nothing in it is used",
                None,
                id="a list",
            ),
            pytest.param(
                f"apiVersion: v1\nkind: List\nitems:\n- null\n- {manifest('x', 'found')[4:]}",
                "an item of the list is not a mapping, so kubectl would refuse the file. Remove it; the rest of the "
                "file is used",
                "found",
                id="an item that is null",
            ),
            pytest.param(
                "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: List, items: []}\n"
                f"- {manifest('x', 'found')[4:]}",
                "an item of the list is a list itself, so kubectl would refuse the file. Move its items to the outer "
                "list; the rest of the file is used",
                "found",
                id="a list in a list",
            ),
        ],
    )
    def test_a_list_that_kubectl_refuses(
        self,
        backend: KubernetesSecretsBackend,
        folder: Path,
        caplog: pytest.LogCaptureFixture,
        text: str,
        problem: str,
        value: str | None,
    ) -> None:
        """``check`` reports both."""
        (folder / "x.yaml").write_text(text)

        assert backend.get_variable("x") == value
        assert [line for line in log_messages(caplog) if "x.yaml" in line] == [f"{folder}/x.yaml: line 1: {problem}"]

    def test_two_names_of_one_file(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """No Secret is in two manifests, and ``check`` reports nothing either."""
        (folder / "a.yaml").write_text(manifest("x", "found"))
        (folder / "b.yaml").symlink_to("a.yaml")
        (folder / "c.yaml").hardlink_to(folder / "a.yaml")

        assert backend.get_variable("x") == "found"
        assert log_messages(caplog) == []

    def test_pipes_and_sockets_do_not_block(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        (folder / "x.yaml").write_text(manifest("x", "found"))
        os.mkfifo(folder / "pipe.yaml")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "s.yaml"))

            assert backend.get_variable("x") == "found"

    def test_later_of_two_manifests_is_used_with_one_warning(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """ "Later" is the order in which kubectl reads a folder."""
        (folder / "a").mkdir()
        (folder / "a" / "z.yaml").write_text(manifest("x", "first"))
        (folder / "a-b.yaml").write_text(manifest("x", "second") + manifest("x", "third"))

        for _ in range(2):
            assert backend.get_variable("x") == "third"

        assert sorted(log_messages(caplog)) == [
            f"Secret default/x is in {folder}/a/z.yaml and in {folder}/a-b.yaml; the latter is used. Remove one of "
            "them",
            f"Secret default/x is twice in {folder}/a-b.yaml; the latter is used. Remove one of them",
        ]

    def test_oldest_secret_by_the_time_in_the_manifests_is_used(
        self, backend: KubernetesSecretsBackend, folder: Path
    ) -> None:
        """``kubectl get -o yaml`` writes creation times. Manifests seldom have one; then the first by name is used."""
        for name, created in (("a", "2026-02-01T00:00:00Z"), ("b", "2026-01-01T00:00:00Z")):
            (folder / f"{name}.yaml").write_text(manifest("x", name, name, creationTimestamp=created))
            (folder / f"y-{name}.yaml").write_text(manifest("y", name, f"y-{name}", creationTimestamp=None))

        assert backend.get_variable("x") == "b"
        assert backend.get_variable("y") == "a"
