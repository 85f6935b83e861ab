"""Secrets whose values are not in the manifest: what their keys say about them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from manifests.build import Manifest, external, fetched, sealed
from support.corpus import corpus


def as_sealed_secret(name: str, metadata: Mapping[str, Any], kind: str, keys: list[str]) -> Manifest:
    return sealed(metadata, keys, type=kind, metadata={"name": name})


def as_external_secret(name: str, metadata: Mapping[str, Any], kind: str, keys: list[str]) -> Manifest:
    target = {"template": {"metadata": metadata, "type": kind}}
    return external(target, fetched(*keys), name=name, labels={})


@pytest.mark.parametrize("convert", [as_sealed_secret, as_external_secret])
def test_no_format_of_the_corpus_is_an_error(
    convert: Callable[[str, Mapping[str, Any], str, list[str]], Manifest], run: Any, tmp_path: Path
) -> None:
    """A lookup reads each of these Secrets, so without their values nothing can be wrong with them."""
    count = 0
    for file in corpus():
        for number, recipe in enumerate(file.recipes):
            name = f"{file.name}-{number}"
            manifest = file.manifest("shop", name, recipe.annotations)
            metadata = {part: manifest["metadata"].get(part, {}) for part in ("labels", "annotations")}
            document = convert(name, metadata, manifest["type"], list(manifest["data"]))
            (tmp_path / f"{name}.yaml").write_text(yaml.dump(document, Dumper=yaml.CSafeDumper))
            count += 1
    assert count > 250

    _status, out, _err = run(tmp_path, "--output", "json")

    problems = json.loads(out)["problems"]
    assert [problem for problem in problems if problem["severity"] == "error"] == []
    # The keys of all other formats identify them.
    assert {Path(problem["path"]).stem for problem in problems if problem["code"] == "depends-on-value"} == {
        "aws-docdb-json-0",
        "ferretdb-postgresql-0",
        "flux-provider-slack-token-0",
        "mongodb-ops-manager-appdb-0",
    }
