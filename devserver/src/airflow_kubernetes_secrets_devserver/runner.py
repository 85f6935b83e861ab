"""uvicorn in a thread of this process, with a bounded start and stop."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import uvicorn
from starlette.applications import Starlette

START_SECONDS = 15.0
CALL_SECONDS = 15.0
STOP_SECONDS = 5
# A real server keeps idle connections open this long. Closing them earlier would cause errors in clients that a real
# server does not cause.
KEEP_ALIVE_SECONDS = 180

Result = TypeVar("Result")


class Runner:
    """A thread with an event loop that serves an application.

    Args:
        listener: the listening socket; it is closed at the end.
        make_app: called in the loop of the thread before anything is served.
        before_end: called in that loop before the server stops, to end responses that would not end by themselves.
    """

    def __init__(
        self,
        listener: socket.socket,
        context: ssl.SSLContext,
        make_app: Callable[[], Starlette],
        before_end: Callable[[], None],
    ) -> None:
        self._listener = listener
        self._context = context
        self._make_app = make_app
        self._before_end = before_end
        self._failure: BaseException | None = None
        self._ready = threading.Event()
        self._server: uvicorn.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._main, name="kubernetes-devserver", daemon=True)

    @property
    def running(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread, and return when the server accepts requests.

        Raises:
            RuntimeError: the start failed (the cause says why), or took longer than START_SECONDS.
        """
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while self.running and not (self._server is not None and self._server.started):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the devserver did not start within {START_SECONDS:.0f} s")
            time.sleep(0.005)
        if not self.running:
            raise RuntimeError("the devserver did not start") from self._failure

    def stop(self) -> None:
        """Stop the server, and wait for its end. May be called more than once."""
        if self.running and self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._end(), self._loop)
            # Open responses have STOP_SECONDS to end, and then the application has as long again.
            self._thread.join(2 * STOP_SECONDS)

    def call(self, function: Callable[[], Result]) -> Result:
        """Call ``function`` in the event loop, to which all state belongs, and return its result."""

        async def call() -> Result:
            return function()

        if not self.running or self._loop is None:
            raise RuntimeError("the devserver is not running; use it in a `with` statement")
        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(CALL_SECONDS)

    async def _end(self) -> None:
        self._before_end()
        if self._server is None:
            return
        self._server.should_exit = True
        state = self._server.server_state
        # Closing TLS waits for the client, and a client with an idle connection never responds. So connections are
        # aborted once no response is in progress. The loop continues to the end, because new connections may still
        # arrive.
        while True:
            open_ = [connection.transport for connection in state.connections]
            if not state.tasks and not any(transport.get_write_buffer_size() for transport in open_):
                for transport in open_:
                    transport.abort()
            await asyncio.sleep(0.01)

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._listener.close()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        config = uvicorn.Config(
            self._make_app(),
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            lifespan="on",
            # The limit of net/http in Go. Without httptools, which has no limit, uvicorn would refuse more than 64 KiB.
            h11_max_incomplete_event_size=1 << 20,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        config.load()
        # uvicorn's own options need a file for the key; an SSLContext does not.
        config.ssl = self._context
        self._server = uvicorn.Server(config)
        await self._server.serve(sockets=[self._listener])
