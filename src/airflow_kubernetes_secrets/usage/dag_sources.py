"""Where DAG code is read from: folders, the DAG bundles that Airflow is configured with, and the metadata database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import replace
from pathlib import Path

from airflow_kubernetes_secrets.deployment.airflow_entries import SourceError
from airflow_kubernetes_secrets.deployment.dag_bundles import dag_bundles
from airflow_kubernetes_secrets.deployment.stored_dags import StoredDag, stored_dags
from airflow_kubernetes_secrets.usage.dag_code import uses_in_files
from airflow_kubernetes_secrets.usage.dag_files import DagFile, dag_files
from airflow_kubernetes_secrets.usage.serialized_dags import SerializedDag, add_serialized, serialized_dag
from airflow_kubernetes_secrets.usage.signatures import Signatures
from airflow_kubernetes_secrets.usage.uses import Found

# Shows on a terminal how many files are done.
Count = Callable[[Iterable[DagFile]], Iterable[DagFile]]


def uses_in_folders(folders: Sequence[Path], team: str | None, count: Count) -> Found:
    """Return what the DAGs in these folders use.

    Args:
        team: the team that the DAGs belong to.

    Raises:
        DagFolderError: a folder does not exist, or cannot be read.
    """
    return uses_in_files(count(each for folder in folders for each in dag_files(folder, team)), Signatures())


def uses_in_deployment(count: Count, *, database: bool) -> Found:
    """Return what the DAGs of this deployment use: those in its DAG bundles, and those in its metadata database.

    The database contains only the file that defines a DAG; a folder also contains the files that this file imports. So
    if the file of a DAG is in a folder, it is read from there.

    Args:
        database: whether to read the metadata database.

    Raises:
        NotConfiguredError: the configuration of the DAG bundles is invalid, so Airflow cannot read it either.
        DagFolderError: the folder of a bundle cannot be read.
    """
    signatures = Signatures()
    bundles = dag_bundles()
    here = [(each.folder, each.team) for each in bundles if each.folder is not None and each.folder.is_dir()]
    found = uses_in_files(count(file for folder, team in here for file in dag_files(folder, team)), signatures)
    stored = _Stored()
    if database:
        try:
            for dag in stored_dags():
                stored.add(dag, found.paths)
        except SourceError as error:
            found.unread["the DAGs in the metadata database"] = str(error)
        found.add(uses_in_files(count(stored.files()), signatures))
        add_serialized(stored.serialized, found)
    for bundle in bundles:
        is_here = (bundle.folder, bundle.team) in here
        # Airflow 2 has one folder of DAGs, and does not store its name.
        if not is_here and stored.bundles.isdisjoint((bundle.name, None)):
            found.unread[f"the DAG bundle {bundle.name}"] = "it is not on this machine. Name its folder with --dags"
    return found


class _Stored:
    """The DAGs of the metadata database.

    Attributes:
        serialized: the serialized DAGs.
        bundles: the names of their DAG bundles; ``None`` for DAGs without one.
    """

    def __init__(self) -> None:
        self.serialized: list[SerializedDag] = []
        self.bundles: set[str | None] = set()
        self._files: dict[str, DagFile] = {}
        self._dags: dict[str, list[str]] = defaultdict(list)

    def add(self, dag: StoredDag, read: Set[str]) -> None:
        """Add a DAG.

        Args:
            read: the paths of files whose code is not needed, because it was read.
        """
        self.serialized.append(serialized_dag(dag.id, dag.path, dag.team, dag.serialized))
        self.bundles.add(dag.bundle)
        if dag.code is not None and dag.path not in read:
            self._files[dag.path] = DagFile(dag.path, dag.code.encode("utf-8", "surrogatepass"), dag.team)
            self._dags[dag.path].append(dag.id)

    def files(self) -> Iterator[DagFile]:
        """Yield the files with the code of the DAGs, each with all of its DAGs."""
        for path, file in self._files.items():
            yield replace(file, dags=tuple(self._dags[path]))
