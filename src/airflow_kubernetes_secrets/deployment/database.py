"""Airflow's metadata database: how to reach it, and how to read it without waiting forever."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from queue import Empty, Queue
from threading import BoundedSemaphore, Thread
from typing import Any, TypeVar

from airflow_kubernetes_secrets.backend.airflow_versions import ensure_masker
from airflow_kubernetes_secrets.deployment.airflow_entries import SourceError
from airflow_kubernetes_secrets.deployment.configuration import airflow_conf

# How many rows of the database are read at once.
CHUNK = 500

# How long the result of one query may take.
_LONGEST_WAIT_SECONDS = 10.0
# A database that hangs blocks one thread for each query. This limits the number of these threads.
_query_threads = BoundedSemaphore(8)

Result = TypeVar("Result")


def metadata_engine() -> Any:
    """Return the engine of Airflow's metadata database.

    Raises:
        SourceError: the database cannot be reached, does not respond in time, or has no tables of Airflow's.
    """
    airflow_conf()
    problem = ""
    try:
        from sqlalchemy import inspect

        import_module("airflow.models")
        settings: Any = import_module("airflow.settings")
        if getattr(settings, "engine", None) is None:
            ensure_masker()
            settings.configure_vars()
            settings.configure_orm()
        engine: Any = settings.engine
        # SQLite would create the file.
        file = engine.url.database if engine.url.get_backend_name() == "sqlite" else None
        # Importing Airflow can take longer than a query may, so only the query has a time limit.
        is_there = file is None or Path(file).exists()
        is_there = is_there and _in_time(lambda: inspect(engine).has_table("connection"))
    except SourceError:
        raise
    except Exception as error:
        problem = type(error).__name__
    if problem:
        # This is raised outside the except block, with nothing chained, because some errors of drivers quote the URL.
        raise SourceError(
            f"the metadata database cannot be reached ({problem}): check [database] sql_alchemy_conn "
            "and AIRFLOW__DATABASE__SQL_ALCHEMY_CONN; 'airflow db check' shows more"
        )
    if not is_there:
        raise SourceError("the metadata database does not have Airflow's tables: run 'airflow db migrate'")
    return engine


def table_of(engine: Any, name: str) -> Any:
    """Return a table as the database defines it. Importing Airflow's models instead would take a second or more.

    Raises:
        SourceError: the database cannot be read, does not respond in time, or does not have the table.
    """

    def read() -> Any:
        from sqlalchemy import MetaData, Table

        base: Any = import_module("airflow.models.base")
        metadata = MetaData(schema=base.metadata.schema)
        return Table(name, metadata, autoload_with=engine, resolve_fks=False)

    return _read(read)


def rows_of(engine: Any, query: Any) -> list[Any]:
    """Return all rows of a query.

    Raises:
        SourceError: the database cannot be read, or does not respond in time.
    """

    def read() -> list[Any]:
        with engine.connect() as connection:
            return list(connection.execute(query))

    return _read(read)


def _read(read: Callable[[], Result]) -> Result:
    """Return what was read from the database.

    Raises:
        SourceError: the database cannot be read, or does not respond in time.
    """
    try:
        return _in_time(read)
    except SourceError:
        raise
    except Exception as error:
        problem = type(error).__name__
    # This is raised outside the except block, with nothing chained, because SQLAlchemy's errors contain the query's
    # parameters.
    raise SourceError(
        f"the metadata database cannot be read ({problem}): if another version of Airflow created it, run 'airflow "
        "db migrate'; 'airflow db check' shows whether it can be reached"
    )


def _in_time(read: Callable[[], Result]) -> Result:
    """Return the result of a query that runs in a thread, or raise its error.

    A database driver may wait forever to connect, so the thread is given up after ``_LONGEST_WAIT_SECONDS``.

    Raises:
        SourceError: there is no result in time, or too many earlier queries still wait for theirs.
    """
    if not _query_threads.acquire(blocking=False):
        raise SourceError("the metadata database has not responded to earlier queries yet")
    results: Queue[Result | Exception] = Queue()

    def put_result() -> None:
        try:
            results.put(read())
        except Exception as error:
            results.put(error)
        finally:
            _query_threads.release()

    try:
        Thread(target=put_result, daemon=True).start()
    except RuntimeError as error:
        _query_threads.release()
        raise SourceError("no thread can be started to query the metadata database") from error
    try:
        result = results.get(timeout=_LONGEST_WAIT_SECONDS)
    except Empty:
        raise SourceError(f"the metadata database has not responded in {_LONGEST_WAIT_SECONDS:g} s") from None
    if isinstance(result, Exception):
        raise result
    return result
