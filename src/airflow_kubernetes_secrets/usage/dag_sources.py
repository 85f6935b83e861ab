"""Where DAG code is read from: folders, the DAG bundles that Airflow is configured with, and the metadata database."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from airflow_kubernetes_secrets.deployment.airflow_entries import SourceError
from airflow_kubernetes_secrets.deployment.dag_bundles import DagBundle, dag_bundles
from airflow_kubernetes_secrets.deployment.stored_dags import StoredDag, stored_code, stored_dags
from airflow_kubernetes_secrets.garbage_collection import no_garbage_collection
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.usage.dag_file import DagFile
from airflow_kubernetes_secrets.usage.dag_files import dag_files
from airflow_kubernetes_secrets.usage.many_files import uses_in_files
from airflow_kubernetes_secrets.usage.serialized_dags import SerializedDag, add_serialized, serialized_dag
from airflow_kubernetes_secrets.usage.signatures import Signatures
from airflow_kubernetes_secrets.usage.uses import FoundUses

_FILES = "files with DAGs read"

Thing = TypeVar("Thing")


class ShowProgress(Protocol):
    """Shows on a terminal how many things are processed; ``done`` is the text after the number."""

    def __call__(self, things: Iterable[Thing], done: str, /) -> Iterable[Thing]: ...


def uses_in_folders(
    folders: Sequence[Path], team: str | None, show_progress: ShowProgress, processes: int | None = None
) -> FoundUses:
    """Return what the DAGs in these folders use.

    Args:
        team: the team that the DAGs belong to.
        processes: as for :func:`uses_in_files`.

    Raises:
        DagFolderError: a folder does not exist, or cannot be read.
    """
    return uses_in_files(show_progress(_each_once(folders, team), _FILES), Signatures(), processes)


def _each_once(folders: Sequence[Path], team: str | None) -> Iterator[DagFile]:
    """Yield the files in folders, also if one folder is named twice or contains another."""
    seen = set()
    for folder in folders:
        shown, real = printable(str(folder)), os.path.realpath(folder)
        for file in dag_files(folder, team):
            key = real + file.path.removeprefix(shown)
            if key not in seen:
                seen.add(key)
                yield file


def uses_in_deployment(show_progress: ShowProgress, *, database: bool, processes: int | None = None) -> FoundUses:
    """Return what the DAGs of this deployment use: those in its DAG bundles, and those in its metadata database.

    The database contains only the file that defines a DAG; a folder also contains the files that this file imports. So
    if the file of a DAG is in a folder, it is read from there.

    Args:
        database: whether to read the metadata database.
        processes: as for :func:`uses_in_files`.

    Raises:
        NotConfiguredError: the configuration of the DAG bundles is invalid, so Airflow cannot read it either.
        DagFolderError: the folder of a bundle cannot be read.
    """
    signatures = Signatures()
    bundles = dag_bundles()
    here = [(each.folder, each.team) for each in bundles if each.folder is not None and each.folder.is_dir()]
    files = (file for folder, team in here for file in dag_files(folder, team))
    found = uses_in_files(show_progress(files, _FILES), signatures, processes)
    stored = _Stored()
    if database:
        try:
            with no_garbage_collection():
                for dag in show_progress(stored_dags(), "DAGs read from the metadata database"):
                    stored.add(dag, found.paths)
            found.add(uses_in_files(show_progress(stored.files(), _FILES), signatures, processes))
        except SourceError as error:
            found.unread["the DAGs in the metadata database"] = str(error)
        add_serialized(stored.serialized, found)
    for bundle in bundles:
        is_here = (bundle.folder, bundle.team) in here
        # Airflow 2 has one folder of DAGs, and does not store its name.
        if not is_here and stored.bundles.isdisjoint((bundle.name, None)):
            found.unread[f"the DAG bundle {bundle.name}"] = _why_not_here(bundle)
    return found


def _why_not_here(bundle: DagBundle) -> str:
    """Return why no file of a DAG bundle was read, and what to do."""
    if bundle.folder is None:
        return "it is not on this machine. Name its folder with --dags"
    problem = "is not a folder" if bundle.folder.exists() else "does not exist"
    return printable(f"its folder {bundle.folder} {problem}. Create it, or name another folder with --dags")


class _Stored:
    """The DAGs of the metadata database.

    Attributes:
        serialized: the serialized DAGs.
        bundles: the names of their DAG bundles; ``None`` for DAGs without one.
    """

    def __init__(self) -> None:
        self.serialized: list[SerializedDag] = []
        self.bundles: set[str | None] = set()
        # The file of each path without its code, and the key of the code.
        self._files: dict[str, tuple[DagFile, object]] = {}

    def add(self, dag: StoredDag, read: Set[str]) -> None:
        """Add a DAG.

        Args:
            read: the paths of files whose code is not needed, because it was read.
        """
        self.serialized.append(serialized_dag(dag.id, dag.path, dag.team, dag.serialized))
        self.bundles.add(dag.bundle)
        if dag.code_key is not None and dag.path not in read:
            known, _key = self._files.get(dag.path, (DagFile(dag.path), None))
            self._files[dag.path] = replace(known, team=dag.team, dags=(*known.dags, dag.id)), dag.code_key

    def files(self) -> Iterator[DagFile]:
        """Yield the files with the code of the DAGs, each with all of its DAGs.

        Raises:
            SourceError: the database cannot be read.
        """
        by_key = {key: file for file, key in self._files.values()}
        for key, code in stored_code(list(by_key)):
            yield replace(by_key[key], code=code.encode("utf-8", "surrogatepass"))
