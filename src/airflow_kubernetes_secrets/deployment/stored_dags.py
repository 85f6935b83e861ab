"""The DAGs in Airflow's metadata database: their code, and their serialized form."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

from airflow_kubernetes_secrets.deployment.database import CHUNK, metadata_engine, rows_of, table_of


@dataclass(frozen=True)
class StoredDag:
    """A DAG that the DAG processor has stored, in its latest version.

    Attributes:
        path: the file that defines it, where the DAG processor runs.
        code_key: the key of the row with the code of that file; ``None`` if it is not stored.
        serialized: the serialized DAG; empty if it cannot be parsed.
        bundle: the name of its DAG bundle; ``None`` in Airflow 2, which has none.
        team: the team that owns its DAG bundle; ``None`` if no team does.
    """

    id: str
    path: str
    code_key: object
    serialized: Mapping[str, Any]
    bundle: str | None = None
    team: str | None = None


def stored_dags() -> Iterator[StoredDag]:
    """Yield the DAGs in the metadata database whose files still exist, sorted by id.

    Their serialized forms are read in chunks.

    Raises:
        SourceError: the database cannot be read, or has no tables.
    """
    engine = metadata_engine()
    tables = _Tables(*(table_of(engine, name) for name in ("dag", "dag_code", "serialized_dag")))
    teams = dict(_teams(engine))
    # Two versions can have been stored at the same time.
    rows = list({row.dag_id: row for row in rows_of(engine, _query(tables))}.values())
    for first in range(0, len(rows), CHUNK):
        chunk = rows[first : first + CHUNK]
        found = {row.key: row for row in rows_of(engine, _data_query(tables, [row.key for row in chunk]))}
        for row in chunk:
            # Meanwhile, Airflow can have replaced it.
            if row.key in found:
                team = teams.get(row.bundle)
                data = _serialized(found[row.key])
                yield StoredDag(row.dag_id, row.path or "", row.code_key, data, row.bundle, team)


def stored_code(keys: Sequence[object]) -> Iterator[tuple[object, str]]:
    """Yield the code in the rows with these keys, each with its key, in the order of the keys. It is read in chunks.

    Raises:
        SourceError: the database cannot be read.
    """
    engine = metadata_engine()
    code = table_of(engine, "dag_code").c
    for first in range(0, len(keys), CHUNK):
        chunk = keys[first : first + CHUNK]
        found = {row.key: row.source_code for row in rows_of(engine, _code_query(code, chunk))}
        yield from ((key, found[key]) for key in chunk if key in found)


class _Tables(NamedTuple):
    dag: Any
    code: Any
    serialized: Any


def _key(code: Any) -> Any:
    """Return the key of the rows with code. Airflow 3 has a row for each version of a DAG; Airflow 2, for each file."""
    return code.dag_version_id if "dag_version_id" in code else code.fileloc_hash


def _code_query(code: Any, keys: Sequence[object]) -> Any:
    from sqlalchemy import select

    return select(_key(code).label("key"), code.source_code).where(_key(code).in_(keys))


def _exists(dag: Any) -> Any:
    """Return the condition that the file of a DAG still exists."""
    # Airflow 2 has the column is_active instead, with the opposite meaning.
    return dag.is_stale.is_(False) if "is_stale" in dag else dag.is_active.is_(True)


def _query(tables: _Tables) -> Any:
    """Return the query for the latest version of each DAG, without its serialized form."""
    from sqlalchemy import and_, func, literal, select

    dag, code, stored = (each.c for each in tables)
    columns = (
        dag.dag_id,
        dag.fileloc.label("path"),
        (dag.bundle_name if "bundle_name" in dag else literal(None)).label("bundle"),
        _key(code).label("code_key"),
        _serialized_key(tables).label("key"),
    )
    joined = tables.dag.join(tables.serialized, stored.dag_id == dag.dag_id)
    # Airflow 3 stores every version of a DAG; Airflow 2 one row for each DAG, and one for each file. The table of
    # Airflow 3 has no index for the ids of DAGs, so the database searches all of it. One query for all DAGs does this
    # only once.
    if "dag_version_id" in stored:
        latest = select(stored.dag_id, func.max(stored.created_at).label("at")).group_by(stored.dag_id).subquery()
        joined = joined.join(latest, and_(latest.c.dag_id == stored.dag_id, latest.c.at == stored.created_at))
        joined = joined.outerjoin(tables.code, code.dag_version_id == stored.dag_version_id)
    else:
        joined = joined.outerjoin(tables.code, code.fileloc_hash == stored.fileloc_hash)
    return select(*columns).select_from(joined).where(_exists(dag)).order_by(dag.dag_id)


def _data_query(tables: _Tables, keys: Sequence[object]) -> Any:
    """Return the query for the serialized DAGs in the rows with these keys."""
    from sqlalchemy import select

    key, stored = _serialized_key(tables), tables.serialized.c
    columns = (key.label("key"), stored.data.label("data"), stored.data_compressed.label("compressed"))
    return select(*columns).where(key.in_(keys))


def _serialized_key(tables: _Tables) -> Any:
    """Return the primary key of the serialized DAGs: an id of their own, or the DAG's id in Airflow 2."""
    return tables.serialized.primary_key.columns[0]


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
