"""Files, folders, standard input, skipped files, and failures."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_kubernetes_secrets.kubernetes.manifest_files import LARGEST_FILE_BYTES
from manifests.build import CIPHERTEXT, CONNECTION, PASSWORD, SOPS, labelled, secret
from manifests.case import Case, codes, write
from support.standard_input import on_standard_input


def test_files_that_are_read_in_a_folder(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_file_argument_is_read_with_any_name(run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, Case(secret(data={}), file=".rendered"))

    assert codes(run(path, "-o", "json")[1]) == ["unreadable"]


def test_reported_line_is_the_first_of_the_document(run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, Case([secret(), secret("b")]))
    second = path.read_text().splitlines().index("---") + 2

    _status, out, _err = run(path, "-o", "json")

    (problem,) = json.loads(out)["problems"]
    assert (problem["path"], problem["line"]) == (str(path), second)
    assert sorted(problem) == ["code", "line", "path", "severity", "text"]


def test_reported_line_of_invalid_yaml(run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, Case(f"kind: 1\nb: 2\nc: 'x\n  {PASSWORD}"))

    assert run(path)[1].startswith(f"{path}:4: error: ")
    assert "line 4" not in run(path)[1]


def test_message_names_the_other_file_of_a_duplicate(run: Any, tmp_path: Path) -> None:
    first, second = (write(tmp_path, Case(secret(name), file=f"{name}.yaml")) for name in "ab")

    _status, out, _err = run(tmp_path)

    assert out.startswith(
        f"{second}:1: error: Secret airflow/b: Secret airflow/a in {first}:1 is connection 'my_db' too."
    )


def test_a_file_given_twice_is_counted_once(run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, Case(secret()))
    (tmp_path / "link.yaml").symlink_to(path)

    status, out, _err = run(tmp_path, path, path)

    assert (status, out) == (0, "1 manifest, 0 errors, 0 warnings\n")


def test_duplicates_are_found_across_paths(run: Any, tmp_path: Path) -> None:
    paths = [write(tmp_path, Case(secret(name), file=f"{name}.yaml")) for name in "ab"]

    assert codes(run(*paths, "-o", "json")[1]) == ["duplicate-id"]


def test_option_namespace_for_manifests_without_one(run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, Case([secret("a"), secret("b", namespace=None)]))

    assert codes(run(path, "-o", "json")[1]) == []
    assert codes(run(path, "-o", "json", "--namespace", "airflow")[1]) == ["duplicate-id"]
    status, _out, err = run(path, "--namespace", "Air flow")
    assert (status, "--namespace" in err) == (2, True)


def test_folder_without_manifests_for_airflow(run: Any, tmp_path: Path) -> None:
    write(tmp_path, Case(secret(labels={"app": "x"})))

    status, out, err = run(tmp_path)

    assert (status, out) == (0, "0 manifests, 0 errors, 0 warnings\n")
    assert err == f"{tmp_path}: nothing in it has Airflow's labels\n"
    assert json.loads(run(tmp_path, "-o", "json")[1]) == {"manifests": 0, "problems": []}


def test_missing_path(run: Any, tmp_path: Path) -> None:
    status, out, err = run(write(tmp_path, Case(secret())), tmp_path / "nowhere")

    assert (status, out) == (2, "")
    assert err == (
        f"airflow-kubernetes-secrets check: {tmp_path}/nowhere cannot be read: No such file or directory. Correct "
        "the path, or its permissions\n"
    )


def test_a_link_to_itself_cannot_be_read(run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("a.yaml")

    for path in (tmp_path, tmp_path / "a.yaml"):
        status, _out, err = run(path)
        assert (status, "a.yaml cannot be read" in err) == (2, True)


def test_file_names_that_are_not_utf_8(run: Any, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff\r\n:,%.yaml"))
    path.write_text(yaml.safe_dump(secret(data={})))

    assert r"a\xff\r\n:,%.yaml:1: error: " in run(tmp_path)[1]
    assert json.loads(run(tmp_path, "-o", "json")[1])["problems"][0]["path"].endswith("a\\xff\r\n:,%.yaml")
    assert r"/a\xff%0D%0A%3A%2C%25.yaml,line=1,title=unreadable::Secret" in run(tmp_path, "-o", "github")[1]


def test_problems_are_not_also_logged(run: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path, Case(secret("logged", annotations=labelled(connection_typ="x"))))

    assert codes(run(path, "-o", "json")[1]) == ["unknown-annotation"]
    assert caplog.records == []


# Standard input, skipped files, and failures.


def test_standard_input(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    on_standard_input(monkeypatch, Case([secret("a"), secret("b", {"x": PASSWORD})]).text.encode())

    status, out, err = run("-")

    assert (status, err) == (1, "")
    assert [line.partition(": ")[0] for line in out.splitlines()[:-1]] == ["-:14", "-:14"]


def test_duplicates_are_found_across_standard_input_and_files(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_standard_input(monkeypatch, Case(secret("a")).text.encode())

    assert codes(run("-", write(tmp_path, Case(secret("b"))), "-o", "json")[1]) == ["duplicate-id"]


def test_standard_input_without_manifests_for_airflow(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    on_standard_input(monkeypatch, b"a: 1")

    assert run("-") == (0, "0 manifests, 0 errors, 0 warnings\n", "-: nothing in it has Airflow's labels\n")


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
def test_exclude_patterns(
    patterns: list[str], left: set[str], run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("a.yaml", "b.yaml", "deep/a.yml", "deep/c.yaml")):
        path = tmp_path / "k8s" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(secret(f"n{number}", {}, labels={CONNECTION: f"c{number}"})))

    _status, out, _err = run("k8s", "-o", "json", *(f"--exclude={pattern}" for pattern in patterns))

    assert {problem["path"].removeprefix("k8s/") for problem in json.loads(out)["problems"]} == left


def test_folder_with_two_names_of_which_one_is_excluded(run: Any, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    write(tmp_path / "a", Case(secret(data={})))
    (tmp_path / "b").symlink_to("a")

    assert codes(run(tmp_path, "-o", "json")[1]) == ["unreadable"]
    assert codes(run(tmp_path, "-o", "json", "--exclude", "a")[1]) == ["unreadable"]
    assert codes(run(tmp_path, "-o", "json", "--exclude", "[ab]")[1]) == []


def test_excluded_files_can_be_unreadable(run: Any, tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")

    assert run(tmp_path)[0] == 2
    assert run(tmp_path, "--exclude", "loop.yaml")[0] == 0


def test_a_file_argument_that_is_excluded(run: Any, tmp_path: Path) -> None:
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


def test_repository_with_files_of_other_programs(run: Any, tmp_path: Path) -> None:
    """Files of other programs are not checked, even if kubectl would reject them."""
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


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_an_encoding_that_kubectl_does_not_read(run: Any, tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(secret()), encoding)
    (tmp_path / "other.yaml").write_text("settings: 1\n", encoding)

    status, out, _err = run(tmp_path)

    assert (status, out.count("error: ")) == (1, 1)
    assert f"{tmp_path}/a.yaml:1: error: it is UTF-" in out
    assert "kubectl would refuse the file too [unreadable-manifest]" in out


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["...", "... ", "... # end"])
def test_what_kubectl_ignores_after_the_end_of_a_document(run: Any, tmp_path: Path, newline: str, end: str) -> None:
    first, second = yaml.safe_dump(secret()), yaml.safe_dump(secret("b", labels={CONNECTION: "b"}))
    path = tmp_path / "a.yaml"

    def checked(text: str) -> tuple[int, list[str]]:
        path.write_bytes(text.replace("\n", newline).encode())
        status, out, _err = run(path, "-o", "json")
        return status, [f"{each['line']} {each['text']}" for each in json.loads(out)["problems"]]

    status, problems = checked(f"{first}{end}\n{second}")

    line = len(first.splitlines()) + 1
    assert status == 1
    assert problems == [
        f"{line} kubectl ignores the manifest for Airflow after this line with '...'. Write '---' instead"
    ]
    for text in (f"{first}{end}\n", f"{first}{end}\n---\n{second}", f"{first}{end}\n# a comment\n"):
        assert checked(text) == (0, [])
