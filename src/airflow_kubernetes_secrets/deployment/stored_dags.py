"""The DAGs in Airflow's metadata database: their code, and their serialized form."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from airflow_kubernetes_secrets.deployment.database import CHUNK, metadata_engine, rows_of


@dataclass(frozen=True)
class StoredDag:
    """A DAG that the DAG processor has stored, in its latest version.

    Attributes:
        path: the file that defines it, where the DAG processor runs.
        code: the code of that file; ``None`` if it is not stored.
        serialized: the serialized DAG; empty if it cannot be parsed.
        bundle: the name of its DAG bundle; ``None`` in Airflow 2, which has none.
        team: the team that owns its DAG bundle; ``None`` if no team does.
    """

    id: str
    path: str
    code: str | None
    serialized: Mapping[str, Any]
    bundle: str | None = None
    team: str | None = None


def stored_dags() -> Iterator[StoredDag]:
    """Yield the DAGs in the metadata database whose files still exist, sorted by id. They are read in chunks.

    Raises:
        SourceError: the database cannot be read, or has no tables.
    """
    engine = metadata_engine()
    teams = dict(_teams(engine))
    after = ""
    while ids := rows_of(engine, _ids(after)):
        last = ids[-1].dag_id
        # Two versions can have been stored at the same time.
        by_id = {row.dag_id: row for row in rows_of(engine, _query(after, last))}
        for row in by_id.values():
            yield StoredDag(row.dag_id, row.path or "", row.code, _serialized(row), row.bundle, teams.get(row.bundle))
        after = last


def _ids(after: str) -> Any:
    """Return the query for the next ids. Not every DAG has a serialized form, so their rows do not show the end."""
    from airflow.models.dag import DagModel
    from sqlalchemy import select

    dag = DagModel.__table__.c
    return select(dag.dag_id).where(_exists(dag), dag.dag_id > after).order_by(dag.dag_id).limit(CHUNK)


def _exists(dag: Any) -> Any:
    """Return the condition that the file of a DAG still exists."""
    # Airflow 2 has the column is_active instead, with the opposite meaning.
    return dag.is_stale.is_(False) if "is_stale" in dag else dag.is_active.is_(True)


def _query(after: str, last: str) -> Any:
    """Return the query for the DAGs whose ids are greater than ``after`` and at most ``last``."""
    from airflow.models.dag import DagModel
    from airflow.models.dagcode import DagCode
    from airflow.models.serialized_dag import SerializedDagModel
    from sqlalchemy import and_, func, literal, select

    dag, code, stored = (each.__table__.c for each in (DagModel, DagCode, SerializedDagModel))
    # Airflow 3 stores every version of a DAG; Airflow 2 one row for each DAG, and one for each file.
    has_versions = "dag_version_id" in stored
    bundle = dag.bundle_name if "bundle_name" in dag else literal(None)
    columns = (
        dag.dag_id,
        dag.fileloc.label("path"),
        bundle.label("bundle"),
        code.source_code.label("code"),
        stored.data.label("data"),
        stored.data_compressed.label("compressed"),
    )
    chosen = and_(_exists(dag), dag.dag_id > after, dag.dag_id <= last)
    tables = DagModel.__table__.join(SerializedDagModel.__table__, stored.dag_id == dag.dag_id)
    if not has_versions:
        tables = tables.outerjoin(DagCode.__table__, code.fileloc_hash == stored.fileloc_hash)
        return select(*columns).select_from(tables).where(chosen).order_by(dag.dag_id)
    latest = (
        select(stored.dag_id, func.max(stored.created_at).label("at"))
        .where(stored.dag_id > after, stored.dag_id <= last)
        .group_by(stored.dag_id)
        .subquery()
    )
    tables = tables.join(latest, and_(latest.c.dag_id == stored.dag_id, latest.c.at == stored.created_at))
    tables = tables.outerjoin(DagCode.__table__, code.dag_version_id == stored.dag_version_id)
    return select(*columns).select_from(tables).where(chosen).order_by(dag.dag_id)


def _teams(engine: Any) -> list[tuple[str, str]]:
    """Return the DAG bundles that belong to a team, each with the team. Before Airflow 3.1 there are no teams."""
    try:
        table: Any = import_module("airflow.models.team").dag_bundle_team_association_table
    except (ImportError, AttributeError):
        return []
    return [(row[0], row[1]) for row in rows_of(engine, table.select())]


def _serialized(row: Any) -> Mapping[str, Any]:
    """Return the serialized DAG in a row."""
    try:
        data = json.loads(zlib.decompress(row.compressed)) if row.compressed else row.data
        data = json.loads(data) if isinstance(data, str) else data
    except (ValueError, zlib.error, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
