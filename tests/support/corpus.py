"""The corpus: Secrets as software writes them, in ``tests/formats/corpus``. CONTRIBUTING.md describes the files."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from support.airflow import ROOT
from support.connection_secrets import secret_manifest, whole

CORPUS = ROOT / "tests" / "formats" / "corpus"

# What a Secret needs before Airflow can read it.
NOTHING, CONNECTION_TYPE, ANNOTATIONS, OTHER = "nothing", "connection-type", "annotations", "other"
NEEDS = (NOTHING, CONNECTION_TYPE, ANNOTATIONS, OTHER)


@dataclass(frozen=True)
class Recipe:
    """Annotations, and the connection that Airflow makes of the Secret with them.

    Attributes:
        purpose: what the connection is for, in one phrase.
        annotations: without the prefix of their keys.
        connection: the fields that are not empty.
    """

    purpose: str
    annotations: Mapping[str, str]
    connection: Mapping[str, Any]


@dataclass(frozen=True)
class CorpusFile:
    """One file of the corpus. CONTRIBUTING.md describes the attributes."""

    name: str
    software: str
    creates: str
    source: Sequence[str]
    secret: Mapping[str, Any]
    needs: str
    rule: str
    connection: Mapping[str, Any] = field(default_factory=dict)
    missing: Sequence[str] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    alternatives: Sequence[Recipe] = ()
    hook: str = ""
    note: str = ""
    problems: Sequence[str] = ()

    @property
    def data(self) -> dict[str, str | bytes]:
        """The data of the Secret, decoded."""
        return {
            key: b64decode(value["base64"], validate=True) if isinstance(value, dict) else value
            for key, value in self.secret["data"].items()
        }

    @property
    def works(self) -> bool:
        """Whether Airflow reads the connection without annotations."""
        return self.needs == NOTHING

    @property
    def recipes(self) -> Iterator[Recipe]:
        """Every way to read the Secret, with the annotations for it."""
        if self.works or self.annotations:
            yield Recipe(self.creates, self.annotations, self.connection)
        yield from self.alternatives

    def manifest(self, namespace: str, name: str, annotations: Mapping[str, str]) -> dict[str, Any]:
        """Return the Secret under a name, which is also its connection id, with annotations for Airflow."""
        manifest = secret_manifest(namespace, name, self.data, annotations, type=self.secret["type"])
        metadata = manifest["metadata"]
        metadata["labels"] |= self.secret.get("labels", {})
        metadata["annotations"] |= self.secret.get("annotations", {})
        return manifest


@cache
def corpus() -> tuple[CorpusFile, ...]:
    """Return all files of the corpus, by name. They are read once."""
    return tuple(_file(path) for path in sorted(CORPUS.glob("*.yaml")))


def parts(connection: Mapping[str, Any]) -> dict[str, object]:
    """Return every part of a connection in the corpus."""
    return whole(**connection)


def _file(path: Path) -> CorpusFile:
    text = yaml.load(path.read_text(), yaml.CSafeLoader)
    names = {each.name for each in fields(CorpusFile)} - {"name"}
    if unknown := text.keys() - names:
        raise ValueError(f"{path}: unknown keys: {sorted(unknown)}; the keys are {sorted(names)}")
    source = text["source"] if isinstance(text["source"], list) else [text["source"]]
    alternatives = [Recipe(**each) for each in text.get("alternatives", [])]
    return CorpusFile(path.stem, **{**text, "source": source, "alternatives": alternatives})
