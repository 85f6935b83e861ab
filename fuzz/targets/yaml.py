"""``kubernetes/json_and_yaml.py``, ``kubectl_yaml.py`` and ``manifest_documents.py``: YAML and JSON in files."""

from __future__ import annotations

import json
from typing import Any

from airflow_kubernetes_secrets.kubernetes.json_and_yaml import UnreadableError, read_json, read_yaml
from airflow_kubernetes_secrets.kubernetes.manifest_documents import read_manifests, unpacked
from fuzz.target import Target
from fuzz.trial import Trial


def _run(trial: Trial, data: bytes) -> None:
    lines = data.count(b"\n") + data.count(b"\r") + 1
    trial.attempt(UnreadableError, read_json, data)
    for _line, document in trial.attempt(UnreadableError, _documents, data) or ():
        trial.claim(_is_json(document), "YAML becomes values that JSON has")
    for manifest in read_manifests(data):
        trial.say(manifest.problem)
        trial.claim(1 <= manifest.line <= lines or _has_other_line_breaks(data), "a document names a line of the file")
        trial.claim(_is_json(manifest.value), "a manifest becomes values that JSON has")
        for each in unpacked(manifest.value):
            trial.claim(_is_json(each), "an item of a List has values that JSON has")
    for error in trial.errors:
        if isinstance(error, UnreadableError) and not _has_other_line_breaks(data):
            trial.claim(1 <= error.line <= lines, "an error names a line of the file")


def _documents(data: bytes) -> list[tuple[int, Any]]:
    return list(read_yaml(data))


def _is_json(document: Any) -> bool:
    text = json.dumps(document)
    return json.dumps(json.loads(text)) == text


def _has_other_line_breaks(data: bytes) -> bool:
    """Return whether there may be line breaks that are not counted here: those of Unicode, or in another encoding."""
    return any(each in data for each in (b"\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9", b"\0", b"\xff", b"\xfe"))


TARGET = Target(
    _run,
    tokens=(
        *("---\n", "...\n", "- ", "? ", ": ", "&a ", "*a", "!!", "!!str ", "!!binary ", "!!python/object:", "<<: *a"),
        *("!!omap ", "!!set ", "!!float ", "!!int ", "!!bool ", "!!timestamp ", "| \n", ">-\n", "%YAML 1.1\n", "%TAG "),
        *(".inf", ".nan", "0x1F", "0b1", "0o7", "1:10:10", "1_000", "1e5", "~", "null", "yes", "2026-01-01", "\t"),
        *("kind: List\nitems:\n", "kind: SecretList\n", '"\\x41"', "'it''s'", "[", "]", "{", "}", "#", "\ufeff"),
    ),
)
