"""Mounted Secrets in the commands: the location of an id is the path of its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from airflow_kubernetes_secrets.process import restart
from support.commands import SECRET, URI, Commands
from support.findings import doctor
from support.secrets import VARIABLE
from support.servers import on_the_devserver
from support.volumes import Volume


@pytest.fixture
def mount(commands: Commands, tmp_path: Path) -> Path:
    """Return a folder with mounted Secrets, which the commands read."""
    mount = tmp_path / "mount"
    Volume(mount / "connections").write(
        {"my_db": URI, "whole/host": "db", "whole/password": SECRET, label_value("team/x"): URI, "bad": b"\xff"}
    )
    Volume(mount / "secrets" / "app-db").write({"host": "db", "login": "u", "password": SECRET, "type": "postgresql"})
    (mount / "variables").mkdir()
    (mount / "variables" / "my var").write_text(SECRET)
    (mount / "variables" / "link").symlink_to("/etc/passwd")
    commands.kwargs.clear()
    commands.configure(
        path=str(mount), namespace="airflow", references={"connections": {"by_name": "app-db", "gone": "gone"}}
    )
    return mount


@on_the_devserver
def test_list(commands: Commands, mount: Path) -> None:
    found = commands.run("list", "-o", "json", status=1).document

    by_id = {each["id"]: each for each in found["entries"]}
    where = {identifier: f"{each['namespace']}/{each['secret']}" for identifier, each in by_id.items()}
    assert where == {
        "bad": f"{mount}/connections/bad",
        "by_name": f"{mount}/secrets/app-db",
        "gone": "airflow/gone",
        label_value("team/x"): f"{mount}/connections/{label_value('team/x')}",
        "my var": f"{mount}/variables/my var",
        "my_db": f"{mount}/connections/my_db",
        "whole": f"{mount}/connections/whole",
    }
    assert {identifier for identifier, each in by_id.items() if not each["answers"]} == {"bad", "gone"}
    assert by_id["bad"]["problems"][0]["text"].startswith(f"Secret {mount}/connections/bad, key 'value': the value is ")
    assert by_id[label_value("team/x")]["problems"] == by_id["my var"]["problems"] == []
    assert found["failures"] == [
        f"{mount}/variables/link is a link that leaves {mount}, and such a link is not followed. Replace it by what it "
        "leads to"
    ]
    assert "my_db" in commands.run("list", status=1).out


@on_the_devserver
@pytest.mark.parametrize(
    ("kind", "identifier", "file"),
    [
        ("connection", "my_db", "connections/my_db"),
        ("connection", "team/x", f"connections/{label_value('team/x')}"),
        ("connection", "by_name", "secrets/app-db"),
        ("variable", "my var", "variables/my var"),
    ],
)
def test_explain(commands: Commands, mount: Path, kind: str, identifier: str, file: str) -> None:
    explanation = commands.run("explain", kind, identifier, "-o", "json").document

    assert explanation["headline"] == f"{kind} {identifier!r}: Secret {mount}/{file} is selected"
    assert explanation["place"] == f"the folder {mount}"
    assert explanation["problems"] == []


@on_the_devserver
def test_explain_a_missing_id(commands: Commands, mount: Path) -> None:
    (mount / "variables" / "link").unlink()
    explanation = commands.run("explain", "connection", "my_dc", "-o", "json", status=1).document
    assert f"Did you mean 'my_db'? Secret {mount}/connections/my_db has it" in explanation["hints"]
    # The name of a Secret for references is no id, and no label would change that.
    explanation = commands.run("explain", "connection", "app-db", "-o", "json", status=1).document
    assert not any("label" in hint for hint in explanation["hints"])


@on_the_devserver
def test_explain_a_file_that_cannot_be_read(commands: Commands, mount: Path) -> None:
    explanation = commands.run("explain", "variable", "link", "-o", "json", status=2).document
    assert explanation["error"].startswith(f"{mount}/variables/link is a link that leaves {mount}")


@on_the_devserver
def test_doctor(commands: Commands, mount: Path) -> None:
    found = doctor(commands, status=1)

    texts = [each["text"] for each in found if each["status"] == "error"]
    assert any(text.startswith(f"{mount}/variables/link is a link that leaves") for text in texts)
    assert any(f"Secret {mount}/connections/bad, key 'value': the value is not UTF-8" in text for text in texts)
    assert f"Secrets are read from the folder {mount}, without an API" in [each["text"] for each in found]


@on_the_devserver
class TestFolderLayout:
    """``list``, ``doctor`` and the ``explain`` of a missing id report mistakes in the layout."""

    @pytest.fixture
    def found(self, commands: Commands, mount: Path) -> list[str]:
        """Return the messages about a misspelt folder, a key file and an empty folder."""
        (mount / "variables" / "link").unlink()
        (mount / "variable" / "x").mkdir(parents=True)
        (mount / "variables" / "gcp").mkdir()
        (mount / "variables" / "gcp" / "key.json").write_text(f'{{"private_key": "{SECRET}"}}')
        (mount / "config" / "z").mkdir(parents=True)
        return [
            f"{mount}/variables/gcp is read as",
            f"{mount}/config/z is an empty",
            f"{mount}/variable: nothing reads",
        ]

    def test_list(self, commands: Commands, found: list[str]) -> None:
        done = commands.run("list", "-o", "json", status=0)

        problems = done.document["problems"]
        assert {(each["code"], each["severity"]) for each in problems} == {("folder-layout", "warning")}
        assert [text for text in found if any(each["text"].startswith(text) for each in problems)] == found
        assert len(problems) == len(found)
        assert all(f"- {text}" in commands.run("list", status=0).err for text in found)

    def test_list_of_one_kind(self, commands: Commands, found: list[str]) -> None:
        texts = [each["text"] for each in commands.run("list", "config", "-o", "json").document["problems"]]
        assert len(texts) == 2
        assert not any("gcp" in each for each in texts)

    def test_doctor(self, commands: Commands, found: list[str]) -> None:
        texts = [each["text"] for each in doctor(commands, status=1) if each["code"] == "folder-layout"]
        assert [text for text in found if any(each.startswith(text) for each in texts)] == found

    def test_explain(self, commands: Commands, found: list[str]) -> None:
        hints = commands.run("explain", "variable", "gcp", "-o", "json", status=1).document["hints"]
        assert hints[0].startswith(found[0])
        assert len(hints) == len(found)
        # A hint about another file does not replace the suggestion of a similar id.
        hints = commands.run("explain", "connection", "my_dc", "-o", "json", status=1).document["hints"]
        assert hints[0].startswith("Did you mean 'my_db'?")
        assert len(hints) == len(found) + 1

    def test_an_id_of_another_kind(self, commands: Commands, mount: Path) -> None:
        """A mounted file has no label, so the hint names the folder."""
        hints = commands.run("explain", "variable", "my_db", "-o", "json", status=1).document["hints"]
        assert hints[0] == (
            f"Secret {mount}/connections/my_db is in the folder connections, so it is a connection with this id. A "
            "variable requires a file in the folder variables"
        )


@on_the_devserver
def test_explain_reports_ignored_files(commands: Commands, mount: Path) -> None:
    folder = mount / "connections" / "own"
    folder.mkdir()
    for name in ("host", "type", "pass word"):
        (folder / name).write_text("mysql")
    (folder / "sub").mkdir()

    found = commands.run("explain", "connection", "own", "-o", "json").document
    texts = [each["text"] for each in found["problems"] if each["code"] == "folder-layout"]
    assert texts[0].startswith(f"{folder}/pass word: the name is not valid as a key of a Secret")
    assert texts[1].startswith(f"{folder}/sub is a folder in a mounted Secret")


@on_the_devserver
def test_a_key_that_is_a_broken_link(commands: Commands, mount: Path) -> None:
    folder = mount / "connections" / "own"
    folder.mkdir()
    (folder / "host").write_text("db")
    (folder / "password").symlink_to("nowhere")

    found = commands.run("explain", "connection", "own", status=2).out
    assert f"{folder}/password is a link that leads nowhere. Correct or remove it" in found


class TestManyMistakes:
    """JSON output has all mistakes, and ``list`` prints all errors. Other text output shows only the first ones."""

    @pytest.fixture
    def many(self, mount: Path) -> Path:
        for number in range(21):
            (mount / "variables" / f"x{number:02}").symlink_to("/etc/passwd")
            (mount / "variables" / f"y{number:02}").mkdir()
        return mount

    @on_the_devserver
    def test_list(self, commands: Commands, many: Path) -> None:
        found = commands.run("list", "-o", "json", status=1)
        assert (len(found.document["failures"]), len(found.document["problems"])) == (22, 21)
        text = commands.run("list", status=1).err
        assert "- 16 more problems of this kind are not shown. Add '--output json' to see all of them" in text
        assert (text.count("leaves"), text.count("is an empty folder")) == (22, 5)

    @on_the_devserver
    def test_doctor(self, commands: Commands, many: Path) -> None:
        found = commands.run("doctor", "-o", "json", status=1).document["findings"]
        assert [len([each for each in found if each["code"] == code]) for code in ("manifest", "folder-layout")] == [
            22,
            21,
        ]
        text = " ".join(commands.run("doctor", status=1).out.split())
        assert "ERROR 17 more problems of this kind are not shown. Add '--output json' to see all of them" in text
        assert "WARNING 16 more problems of this kind are not shown. Add" in text

    @on_the_devserver
    def test_first_hint_of_explain_is_about_the_id(self, commands: Commands, many: Path) -> None:
        hints = commands.run("explain", "variable", "y20", "-o", "json", status=1).document["hints"]
        assert (
            hints[0]
            == f"{many}/variables/y20 is an empty folder, so nothing reads it. Add a file for each key, or remove it"
        )
        assert (
            sum(hint.endswith("'airflow-kubernetes-secrets list --output json' shows all of them") for hint in hints)
            == 2
        )
        assert len(hints) == 13
        hints = commands.run("explain", "connection", "x20", "-o", "json", status=1).document["hints"]
        assert hints[0].startswith(f"{many}/variables/x20 is a link that leaves")


@on_the_devserver
class TestHashedFileNames:
    """If another source specifies the id of a hashed name, ``list`` shows which Secret a lookup selects."""

    @pytest.fixture
    def answers(self, commands: Commands, tmp_path: Path) -> Callable[..., dict[str, tuple[str, bool]]]:
        def listed(kind: str = "variables", **options: object) -> dict[str, tuple[str, bool]]:
            commands.kwargs.clear()
            commands.configure(path=str(tmp_path), namespace="airflow", **options)
            entries = commands.run("list", kind, "-o", "json").document["entries"]
            for each in entries:
                if "." not in each["id"]:
                    # The verdicts are those of a lookup.
                    word = "connection" if kind == "connections" else "variable"
                    explanation = commands.run("explain", word, each["id"], "-o", "json").document
                    [selected] = [one["secret"] for one in explanation["candidates"] if one["answers"]]
                    assert each["answers"] is (selected == each["secret"])
            assert all(each["answers"] or each["problems"] for each in entries)
            return {each["secret"]: (each["id"], each["answers"]) for each in entries}

        return listed

    @pytest.mark.parametrize(("identifier", "is_plain"), [("my var", True), ("größe", False), ("a" * 70, False)])
    def test_hashed_name_and_plain_name(
        self, answers: Callable[..., Any], tmp_path: Path, identifier: str, is_plain: bool
    ) -> None:
        (tmp_path / "variables").mkdir()
        for name in (identifier, label_value(identifier)):
            (tmp_path / "variables" / name).write_text(name)
        restart()

        assert answers() == {identifier: (identifier, is_plain), label_value(identifier): (identifier, not is_plain)}
        assert KubernetesSecretsBackend(path=str(tmp_path)).get_variable(identifier) == (
            identifier if is_plain else label_value(identifier)
        )

    def test_hashed_name_alone(self, answers: Callable[..., Any], tmp_path: Path) -> None:
        (tmp_path / "variables").mkdir()
        hashed = label_value("my var")
        (tmp_path / "variables" / hashed).write_text("x")
        assert answers() == {hashed: (hashed, True)}

    def test_hashed_name_and_a_manifest(self, answers: Callable[..., Any], tmp_path: Path) -> None:
        hashed, metadata = label_value("my var"), {"name": "a", "namespace": "airflow"}
        marks = {"labels": {VARIABLE: hashed}, "annotations": {VARIABLE: "my var"}}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {**metadata, **marks}, "stringData": {"value": "x"}}
        (tmp_path / "variables").mkdir()
        (tmp_path / "variables" / hashed).write_text("x")
        (tmp_path / "a.yaml").write_text(yaml.safe_dump(secret))
        assert answers() == {"a": ("my var", True), hashed: ("my var", False)}

    def test_hashed_name_and_a_reference(self, answers: Callable[..., Any], tmp_path: Path) -> None:
        hashed = label_value("my db")
        for folder in ("connections", "secrets/app"):
            (tmp_path / folder).mkdir(parents=True)
        (tmp_path / "connections" / hashed).write_text("fs://")
        (tmp_path / "secrets" / "app" / "value").write_text("fs://")
        found = answers("connections", references={"connections": {"my db": "app"}})
        assert found == {"app": ("my db", True), hashed: ("my db", False)}
