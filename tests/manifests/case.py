"""A file of manifests, and what ``check`` finds in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from manifests.build import Manifest


@dataclass(frozen=True)
class Case:
    """Manifests in one file, or its text, and the codes of the expected problems in their order."""

    content: Manifest | Sequence[Manifest] | str
    codes: Sequence[str] = ()
    says: str = ""
    file: str = "manifests.yaml"

    @property
    def text(self) -> str:
        """The content of the file."""
        if isinstance(self.content, str):
            return self.content
        documents = [self.content] if isinstance(self.content, dict) else list(self.content)
        if self.file.endswith(".json"):
            return json.dumps(documents[0], indent="\t")
        # `safe_dump_all` takes ten times as long.
        text: str = yaml.dump_all(documents, Dumper=yaml.CSafeDumper)
        return text


def write(folder: Path, case: Case) -> Path:
    """Write the file of a case."""
    path = folder / case.file
    path.write_bytes(case.text.encode("utf-8", "surrogateescape"))
    return path


def codes(output: str) -> list[str]:
    """Return the codes in the JSON output of ``check``."""
    return [problem["code"] for problem in json.loads(output)["problems"]]


def checked(run: Any, tmp_path: Path, *manifests: Manifest) -> tuple[list[str], str]:
    """Return the codes of the problems in manifests, and their texts."""
    _status, out, _err = run(write(tmp_path, Case(list(manifests))), "-o", "json")
    return codes(out), " ".join(each["text"] for each in json.loads(out)["problems"])
