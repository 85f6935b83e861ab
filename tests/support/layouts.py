"""Folders with mounted Secrets, and what is reported about their layout."""

from __future__ import annotations

from pathlib import Path

from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.folder import Folder


def write(path: Path, content: str = "hunter2") -> None:
    """Write a file, and the folders around it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def mistakes(mount: Path, **options: object) -> list[str]:
    """Return what is reported about the layout, without the path of the folder."""
    folder = Folder(str(mount), Options.parse({"path": str(mount), **options}))
    assert list(folder.problems()) == []
    found = [each.text for each in folder.layout_mistakes()]
    assert all(str(mount) in each and "hunter2" not in each for each in found)
    return [each.replace(f"{mount}/", "") for each in found]


def misnamed(mount: Path, kind: str, identifier: str) -> list[str]:
    """Return the files that are probably meant for an id, without the path of the folder."""
    found = Folder(str(mount), Options()).misnamed(kind, identifier)
    return [each.text.replace(f"{mount}/", "") for each in found]
