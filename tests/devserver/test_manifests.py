"""A folder of manifests is served and followed."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.kubernetes.manifest_files import LARGEST_FILE_BYTES
from airflow_kubernetes_secrets_devserver import DevServer
from support.waiting import PATIENCE

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData: {{value: {value}}}\n"
PASSWORD = "geheim-4711"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "one.yaml").write_text(SECRET.format(name="one", value=PASSWORD))
    return folder


class Followed:
    """A devserver that follows a folder, and its reports."""

    def __init__(self, folder: Path) -> None:
        self.lines: list[str] = []
        self.server = DevServer(folder, report=self.lines.append)

    def names(self, namespace: str = "airflow") -> set[str]:
        return {key.name for key, _ in self.server._call(lambda: self.server._store.select("secrets", namespace))}

    def wait(self, *lines: str) -> list[str]:
        """Wait until lines that contain these parts were reported, and clear the report."""
        deadline = time.monotonic() + PATIENCE
        while not all(any(wanted in line for line in self.lines) for wanted in lines):
            assert time.monotonic() < deadline, (lines, self.lines)
            time.sleep(0.01)
        found = list(self.lines)
        self.lines.clear()
        assert PASSWORD not in "".join(found)
        return found


@pytest.fixture
def followed(folder: Path) -> Iterator[Followed]:
    followed = Followed(folder)
    with followed.server:
        yield followed


def test_existing_manifests_are_served_at_the_start(followed: Followed) -> None:
    assert followed.names() == {"one"}
    assert followed.lines == ["Secret airflow/one: added"]


def test_supported_and_ignored_files(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "many.yml").write_text(
        "---\n---\nkind: Namespace\napiVersion: v1\nmetadata: {name: other}\n---\n"
        "kind: Secret\napiVersion: v1\nmetadata: {name: two, namespace: other}\ntype: Opaque\n"
    )
    item = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "three"}, "data": {"k": "eA=="}}
    far = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "four", "namespace": "implied"}}
    (folder / "list.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [item, far]}))
    (folder / "readme.md").write_text("kind: Secret")
    (folder / ".hidden.yaml").write_text("kind: [")
    followed = Followed(folder)
    with followed.server:
        assert followed.names() == {"one", "three"}
        assert followed.names("other") == {"two"}
        assert followed.names("implied") == {"four"}


def test_changes_to_files_are_followed(followed: Followed, folder: Path) -> None:
    followed.wait("one: added")
    (folder / "one.yaml").write_text(SECRET.format(name="one", value="new"))
    followed.wait("Secret airflow/one: changed")
    (folder / "two.yaml").write_text(SECRET.format(name="two", value=PASSWORD))
    followed.wait("Secret airflow/two: added")
    (folder / "one.yaml").rename(folder / "moved.yaml")
    (folder / "two.yaml").unlink()
    followed.wait("Secret airflow/two: removed")
    assert followed.names() == {"one"}


def test_object_removed_from_its_file_is_deleted(followed: Followed, folder: Path) -> None:
    (folder / "one.yaml").write_text(SECRET.format(name="renamed", value="x"))
    followed.wait("one: removed", "renamed: added")
    assert followed.names() == {"renamed"}


def test_objects_created_through_the_api_are_not_removed(followed: Followed, folder: Path) -> None:
    followed.server.apply({"metadata": {"name": "mine"}})
    (folder / "one.yaml").unlink()
    followed.wait("one: removed")
    assert followed.names() == {"mine"}


def test_changes_through_the_api_remain_until_the_manifest_changes(followed: Followed, folder: Path) -> None:
    followed.server.delete("one")
    (folder / "two.yaml").write_text(SECRET.format(name="two", value="x"))
    followed.wait("two: added")
    assert followed.names() == {"two"}
    (folder / "one.yaml").write_text(SECRET.format(name="one", value="again"))
    followed.wait("one: added")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(f"kind: Secret\nmetadata: {{name: x}}\ndata: [{PASSWORD}", "line 3: ", id="no YAML"),
        pytest.param(f"kind: Secret\nmetadata: {{name: x}}\ndata: *{PASSWORD}", "line 3: ", id="no such anchor"),
        pytest.param(
            f"kind: Namespace\nmetadata: {{name: x}}\n---\nkind: Secret\ndata: {{k: {PASSWORD}}}",
            "line 4: Secret in version",
            id="no base64",
        ),
        pytest.param(f"kind: Secret\nstringdata: {{k: {PASSWORD}}}", 'line 1: .*unknown field "stringdata"', id="typo"),
        pytest.param(f"kind: Secret\ndata: !!binary {PASSWORD}x", "line ", id="binary"),
        pytest.param(b"kind: \xff", "line ", id="not UTF-8"),
        pytest.param(
            f"a0: &a0 {PASSWORD}\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]\n" for n in range(1, 7)),
            "line 7: its aliases expand to too much data",
            id="aliases of aliases",
        ),
    ],
)
def test_a_broken_file_is_named_and_the_rest_is_served(
    followed: Followed, folder: Path, text: str | bytes, line: str
) -> None:
    path = folder / "broken.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (folder / "two.yaml").write_text(SECRET.format(name="two", value="x"))
    found = followed.wait("two: added", f"{path}: line ")
    assert any(re.match(f"{re.escape(str(path))}: {line}", each) for each in found), found
    assert followed.names() == {"one", "two"}


UNPROCESSED = {
    "SOPS": "'ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]'",
    "argocd-vault-plugin": "'<path:secret/data/x#key>'",
    "Flux": "'${PASSWORD:=x}'",
    "not rendered": "'{{ .Values.password }}'",
}


@pytest.mark.parametrize(("tool", "value"), UNPROCESSED.items(), ids=UNPROCESSED)
def test_unprocessed_manifest_of_another_tool_is_not_served(
    followed: Followed, folder: Path, tool: str, value: str
) -> None:
    (folder / "two.yaml").write_text(
        f"{SECRET.format(name='two', value=value)}---\n{SECRET.format(name='x', value='z')}"
    )
    found = followed.wait("two.yaml: line 1: Secret: key 'value' is ", "x: added")
    assert tool in " ".join(found)
    assert followed.names() == {"one", "x"}


def test_broken_manifest_does_not_affect_others_in_its_file(followed: Followed, folder: Path) -> None:
    (folder / "one.yaml").write_text(f"{SECRET.format(name='one', value=5)}---\n{SECRET.format(name='two', value='x')}")
    followed.wait("one.yaml: line 1: Secret in version", "its previous content is still used", "two: added")
    assert followed.names() == {"one", "two"}


def test_a_file_that_is_too_large_is_named_and_the_rest_is_served(
    followed: Followed, folder: Path, tmp_path: Path
) -> None:
    # A part of the file would be parsed while the rest is being written, which takes many seconds.
    (tmp_path / "large.yaml").write_bytes(b"\n" * (LARGEST_FILE_BYTES + 1))
    (tmp_path / "large.yaml").rename(folder / "large.yaml")
    (folder / "two.yaml").write_text(SECRET.format(name="two", value="x"))
    followed.wait("two: added", f"{folder}/large.yaml: it has more than 8 MiB")
    assert followed.names() == {"one", "two"}


def test_broken_file_keeps_its_previous_content(followed: Followed, folder: Path) -> None:
    (folder / "one.yaml").write_text("{")
    followed.wait("one.yaml: line 1", "its previous content is still used")
    assert followed.names() == {"one"}
    (folder / "one.yaml").write_text(SECRET.format(name="one", value="fixed"))
    followed.wait("one: changed")


def test_unsupported_objects_are_reported(followed: Followed, folder: Path) -> None:
    (folder / "more.yaml").write_text(
        "kind: Deployment\nmetadata: {name: d}\n---\n" + SECRET.format(name="Bad_", value=PASSWORD)
    )
    followed.wait("more.yaml: line 1: Deployment is not served", 'Bad_: not served: Secret "Bad_" is invalid')


def test_an_immutable_secret_is_replaced(followed: Followed, folder: Path) -> None:
    path = folder / "frozen.yaml"
    path.write_text(SECRET.format(name="frozen", value="a") + "immutable: true\n")
    followed.wait("frozen: added")
    path.write_text(SECRET.format(name="frozen", value="b") + "immutable: true\ntype: example.com/other\n")
    followed.wait("frozen: changed")


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        DevServer(tmp_path / "nothing").start()


def test_a_linked_folder_is_read(folder: Path, tmp_path: Path) -> None:
    """The folder source and ``check`` follow links too."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "two.yaml").write_text(SECRET.format(name="two", value="x"))
    (folder / "link").symlink_to(elsewhere)
    (folder / "loop").symlink_to(".")

    followed = Followed(folder)
    with followed.server:
        assert followed.names() == {"one", "two"}
        assert followed.lines == ["Secret airflow/one: added", "Secret airflow/two: added"]


@pytest.mark.timeout(60)
def test_pipes_and_folders_are_not_read(folder: Path) -> None:
    """Reading a pipe would wait for its other end."""
    os.mkfifo(folder / "pipe.yaml")
    (folder / "folder.yaml").mkdir()

    followed = Followed(folder)
    with followed.server:
        assert followed.names() == {"one"}
        assert followed.lines == ["Secret airflow/one: added"]


def test_a_folder_that_cannot_be_read_keeps_its_objects(followed: Followed, folder: Path) -> None:
    """A link to itself represents all folders that even root cannot read."""
    (folder / "sub").mkdir()
    (folder / "sub" / "two.yaml").write_text(SECRET.format(name="two", value="x"))
    followed.wait("two: added")

    (folder / "sub").rename(folder / ".elsewhere")
    (folder / "sub").symlink_to("sub")
    followed.wait(f"{folder}/sub: Too many levels of symbolic links")
    assert followed.names() == {"one", "two"}
    (folder / "sub").unlink()
    followed.wait("two: removed")


def test_missing_root_folder_keeps_its_objects(followed: Followed, folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    followed.wait(f"{folder}: No such file or directory")
    assert followed.names() == {"one"}

    folder.mkdir()
    followed.wait("one: removed")


def test_a_change_without_a_new_modification_time(followed: Followed, folder: Path) -> None:
    """``cp --preserve`` and ``rsync --times`` set the modification time back."""
    path = folder / "one.yaml"
    before = path.stat()
    path.write_text(path.read_text().replace(PASSWORD, PASSWORD[::-1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    followed.wait("one: changed")


CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: one}}
immutable: {immutable}
data: {{value: {value}}}
binaryData: {{bytes: /w==}}
"""


def test_config_maps(followed: Followed, folder: Path) -> None:
    """An immutable one is replaced, as a Secret is."""
    path = folder / "config-map.yaml"

    def values() -> dict[str, str]:
        [(_key, found)] = followed.server._call(lambda: followed.server._store.select("configmaps", "airflow"))
        return {**found["data"], **found["binaryData"]}

    for immutable, value, done in (("true", "1x", "added"), ("false", "2x", "changed"), ("true", "3x", "changed")):
        path.write_text(CONFIG_MAP.format(immutable=immutable, value=value))
        followed.wait(f"ConfigMap airflow/one: {done}")
        assert values() == {"value": value, "bytes": "/w=="}
    path.write_text(CONFIG_MAP.format(immutable="true", value="'${NOT_YET}'"))
    [line] = followed.wait("ConfigMap: key 'value' is a variable that Flux substitutes")
    assert "its previous content is still used" in line
    assert values()["value"] == "3x"
    path.unlink()
    followed.wait("ConfigMap airflow/one: removed")
    assert followed.names() == {"one"}
