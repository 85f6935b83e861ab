"""Threads for lookups that an event loop waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from airflow_kubernetes_secrets.process import on_new_process

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor
    from typing import ParamSpec

    Parameters = ParamSpec("Parameters")
    Result = TypeVar("Result")

# As many as a client has idle connections.
_MOST_THREADS = 8

_threads: ThreadPoolExecutor | None = None


def _forget_threads() -> None:
    global _threads  # noqa: PLW0603  # state of the process is a variable of a module
    _threads = None


on_new_process(_forget_threads)


async def in_a_thread(
    function: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Call ``function`` in a thread, without blocking the event loop, and return its result.

    The threads belong to this package. Those of the event loop also resolve names for other code, which must not wait
    while the API server is unavailable.
    """
    global _threads  # noqa: PLW0603  # state of the process is a variable of a module
    from asyncio import get_running_loop
    from concurrent.futures import ThreadPoolExecutor
    from contextvars import copy_context
    from functools import partial

    if _threads is None:
        _threads = ThreadPoolExecutor(_MOST_THREADS, "airflow-kubernetes-secrets")
    call = partial(copy_context().run, function, *args, **kwargs)
    return await get_running_loop().run_in_executor(_threads, call)
