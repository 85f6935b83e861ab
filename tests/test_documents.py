"""YAML as Kubernetes reads it, in time that grows linearly with its length."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.kubernetes.json_and_yaml import UnreadableError, read_yaml
from airflow_kubernetes_secrets.kubernetes.manifest_documents import read_manifests
from airflow_kubernetes_secrets.kubernetes.manifest_files import (
    LARGEST_FILE_BYTES,
    TooLargeError,
    read_manifest_file,
)
from airflow_kubernetes_secrets.manifests.yaml_text import yaml_text
from airflow_kubernetes_secrets.process import restart
from support.call_counts import calls
from support.logs import log_messages

# Numbers whose hashes are equal in Python's dictionaries.
SAME_HASH = 2**61 - 1

# Seconds, far above what is measured. Without limits, these cases took minutes or did not end.
SECONDS = 20.0


def read(text: str) -> Any:
    [(_line, document)] = read_yaml(text.encode())
    return document


class TestNumbers:
    @pytest.mark.parametrize("text", ["1:10", "-1:10", "190:20:30", "1:10.5", "+1:59:59.", "00:10", "1:10:99"])
    def test_base_60_numbers_are_strings(self, text: str) -> None:
        """https://github.com/kubernetes-sigs/yaml reads none either: ``1:10`` is a time of day, or a pair of ports."""
        assert read(f"a: {text}") == {"a": text}
        assert read(f"{text}: a") == {text: "a"}

    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("0", 0),
            ("-12", -12),
            ("+7", 7),
            ("0x1F", 31),
            ("0b101", 5),
            ("1.5", 1.5),
            ("-.5e-3", "-.5e-3"),
            ("1.e+3", 1e3),
        ],
    )
    def test_other_numbers_are_unchanged(self, text: str, number: object) -> None:
        assert read(f"a: {text}") == {"a": number}

    @pytest.mark.parametrize("tag", ["!!int", "!!float"])
    def test_base_60_number_with_a_tag_is_an_error(self, tag: str) -> None:
        with pytest.raises(UnreadableError, match="line 2: a number is in base 60"):
            read(f"a:\n  {tag} '1:10'")


COSTLY = {
    "a number in base 60": f"a: 1{':10' * 400_000}",
    "a fraction in base 60": f"a: 1{':10' * 400_000}.5",
    "a tag on such a number": f"a: !!int '1{':10' * 400_000}'",
    "a number of many digits": f"a: {'9' * 2_000_000}",
    "a number with underscores": f"a: 1{'_1' * 1_000_000}",
    "nearly a number": f"a: {'9_' * 1_000_000}.x",
    "names with one hash": "a:\n" + "".join(f"  {number * SAME_HASH}: 1\n" for number in range(1, 15_000)),
    "a set with one hash": f"a: !!set {{{', '.join(str(number * SAME_HASH) for number in range(1, 15_000))}}}",
    "many merge keys": "x: &x {}\na:\n" + "  <<: *x\n" * 10_000,
    "many levels": "[" * 1_000_000,
    "many levels again and again": ("[" * 90 + "]" * 90 + "\n---\n") * 100,
    "many levels of names": "? " * 500_000,
    "many lists in lists": "- " * 500_000,
    "many empty lines": f"a:\n{chr(10) * 1_000_000}  b: 1",
    "a long comment": f"a: 1 #{'x' * 1_000_000}",
}


@pytest.mark.parametrize("read_documents", [read_yaml, read_manifests])
@pytest.mark.parametrize("text", COSTLY.values(), ids=COSTLY)
def test_parsing_time_is_linear(text: str, read_documents: Any) -> None:
    began = time.process_time()
    try:
        list(read_documents(text.encode()))
    except UnreadableError as error:
        assert len(str(error)) < 100  # noqa: PT017  # some are not YAML, which is reported as quickly
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize("length", [1_000, 100_000])
def test_a_long_value_is_not_read_one_character_at_a_time(length: int) -> None:
    text = f"a: {'x' * length}\n".encode()
    assert calls(lambda: list(read_manifests(text))) < 2_000


def test_a_long_value_is_not_written_one_character_at_a_time() -> None:
    value = "x" * 100_000
    assert calls(lambda: yaml_text([{"a": value}])) < 2_000
    assert yaml_text([{"a": value}]) == f"a: {value}\n"


class TestMeaning:
    """Changes to the parser for speed do not change the meaning."""

    def test_keys_become_strings(self) -> None:
        assert read("{1: a, 1.5: b, true: c, null: d, x: e}") == {
            "1": "a",
            "1.5": "b",
            "true": "c",
            "null": "d",
            "x": "e",
        }
        assert read('{1: a, "1": b}') == {"1": "b"}
        assert read("{1: a, true: b}") == {"1": "a", "true": "b"}

    @pytest.mark.parametrize("text", ["? [a]\n: b", "? {a: b}\n: c", "? !!binary YQ==\n: b"])
    def test_invalid_keys(self, text: str) -> None:
        with pytest.raises(UnreadableError):
            read(text)

    def test_merge_keys(self) -> None:
        defaults = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\n"

        assert read(defaults + "z: {<<: *x, b: 3}")["z"] == {"a": 1, "b": 3}
        assert read(defaults + "z: {<<: [*x, *y]}")["z"] == {"a": 1, "b": 1, "c": 2}
        assert read(defaults + "z: {<<: *x, <<: *y, c: 3}")["z"] == {"a": 1, "b": 2, "c": 3}

    def test_levels(self) -> None:
        assert read("[" * 90 + "]" * 90)
        with pytest.raises(UnreadableError, match="line 1: it is nested too deeply"):
            read("[" * 110 + "]" * 110)
        # Nothing is read beyond the deepest level, not even invalid YAML.
        with pytest.raises(UnreadableError, match="nested too deeply"):
            read("[" * 101 + "@")


QUOTING = {
    "an alias": ("a: *hunter2", "found undefined alias '...'"),
    "a tag": ("a: !hunter2 x", "could not determine a constructor for the tag '...'"),
    "the handle of a tag": ("a: !hunter2!x y", "found undefined tag handle '...'"),
    "a letter": (r'a: "\hunter2"', "found unknown escape character '...'"),
    "the error of a decoder": ("a: !!binary 'hunter2\u00fc'", "failed to convert base64 data into ascii"),
    # These name the problem, and cannot be a value.
    "a sign": ("a: @hunter2", "found character '@' that cannot start any token"),
    "an unexpected end": ("a: [hunter2", "expected ',' or ']', but got '<stream end>'"),
}


@pytest.mark.parametrize(("text", "problem"), QUOTING.values(), ids=QUOTING)
def test_error_does_not_quote_the_text(text: str, problem: str) -> None:
    """PyYAML's errors quote the text, and a password can be anywhere in a file."""
    with pytest.raises(UnreadableError) as raised:
        read(f"# 1\n{text}")

    assert str(raised.value) == f"line 2: {problem}"
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


class TestLargeFiles:
    def test_file_size_is_limited(self, tmp_path: Path) -> None:
        (tmp_path / "largest").write_bytes(b"x" * LARGEST_FILE_BYTES)
        (tmp_path / "larger").write_bytes(b"x" * (LARGEST_FILE_BYTES + 1))

        assert len(read_manifest_file(tmp_path / "largest")) == LARGEST_FILE_BYTES
        for path in (tmp_path / "larger", "/dev/zero"):
            with pytest.raises(TooLargeError, match="it has more than 8 MiB"):
                read_manifest_file(path)

    @pytest.mark.parametrize("name", ["large.yaml", "large.json"])
    def test_large_file_in_a_folder_is_reported_and_skipped(
        self, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / name).write_bytes(b" " * (LARGEST_FILE_BYTES + 1))
        metadata = {"name": "x", "labels": {"airflow.apache.org/variable-key": "x"}}
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"value": "found"}}
        (tmp_path / "x.json").write_text(json.dumps(manifest))
        restart()
        backend = KubernetesSecretsBackend(path=str(tmp_path))

        assert backend.get_variable("x") == "found"
        assert backend.get_variable("x") == "found"
        [warning] = log_messages(caplog)
        assert warning == (
            f"{tmp_path}/{name}: it has more than 8 MiB, the limit for a file with manifests. Split it; "
            "nothing in it is used"
        )
