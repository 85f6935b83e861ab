"""Code that the DAGs of the matrix share. Airflow adds its plugins folder to the path."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

try:
    from airflow.sdk import BaseHook
except ImportError:  # before Airflow 3.1
    from airflow.hooks.base import BaseHook


def tell(task: str, **found: object) -> None:
    """Write a task's result to a file. A log would not show it, because it is masked."""
    Path(os.environ["FOUND"], task).write_text(json.dumps(found))


class HostTrigger(BaseTrigger):
    """Returns the host of a connection, which a trigger looks up as each Airflow does."""

    def __init__(self, conn_id: str) -> None:
        super().__init__()
        self.conn_id = conn_id

    def serialize(self) -> tuple[str, dict[str, object]]:
        return "matrix_support.HostTrigger", {"conn_id": self.conn_id}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        # If a trigger ends before the scheduler has noticed that the worker deferred the task, Airflow fails the task.
        await asyncio.sleep(3)
        if hasattr(BaseHook, "aget_connection"):
            connection = await BaseHook.aget_connection(self.conn_id)
            await self._check_first(connection.host)
        else:  # before Airflow 3.1
            connection = await sync_to_async(BaseHook.get_connection)(self.conn_id)
        yield TriggerEvent(connection.host)

    async def _check_first(self, host: str) -> None:
        """Check that the awaited backend has the connection. Otherwise Airflow queries a process that may block."""
        from airflow.sdk.execution_time.supervisor import ensure_secrets_backend_loaded

        found = await ensure_secrets_backend_loaded()[0].aget_connection(self.conn_id)
        if found is None or found.host != host:
            raise LookupError(f"the first secrets backend has no connection {self.conn_id!r}")
