"""Parses DAG code in several processes, if there is enough of it and this process may use several CPUs.

A worker is a new Python process and not a fork, because Airflow may have threads and connections here. It is no process
of :mod:`multiprocessing` either: such a process imports the program that started it, which can be Airflow's. A worker
imports only the standard library, Jinja and this package, and it never runs DAG code.

A worker first receives the folders with the sources of providers, and answers ``None`` when it is ready. Then it gets a
list of files at a time, and answers with a list of :class:`FileUses`, or with ``None`` if an error occurred. A worker
that does not answer in time is killed. If a worker is killed, the files that it had are parsed again, each alone; so
only a file that ends two processes is reported as unread. Without workers, the files are parsed in this process.
"""

from __future__ import annotations

import math
import os
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NamedTuple

import jinja2
import markupsafe

from airflow_kubernetes_secrets.usage.cpus import usable_cpus
from airflow_kubernetes_secrets.usage.dag_code import is_parsed, parsing, uses_in_each_file
from airflow_kubernetes_secrets.usage.dag_file import LARGEST_DAG_FILE_BYTES, DagFile
from airflow_kubernetes_secrets.usage.file_uses import FileUses
from airflow_kubernetes_secrets.usage.signatures import Signatures

# Less code than this is parsed sooner than processes start.
_ENOUGH_BYTES = 1024 * 1024

# The code that a worker gets at once, unless a single file is larger. It takes less than a tenth of a second.
_CHUNK_BYTES = 128 * 1024

# The code that all workers have at once. A syntax tree needs a hundred times as much memory.
_MOST_BYTES = LARGEST_DAG_FILE_BYTES

# More workers than this finish hardly sooner.
MOST_WORKERS = 8

# How long a worker may take to start.
_START_SECONDS = 60

# How long a worker may take to read or write a part of a message.
_WAIT_SECONDS = 60

# A worker may also take this time for its files. Even a busy CPU parses five times as much.
_BYTES_A_SECOND = 64 * 1024

# How long the kernel may take to end a killed process. It takes longer if a file system does not respond.
_END_SECONDS = 5

# After so many workers were killed, no new ones are started.
_MOST_KILLED = 10

_HIGHEST_STANDARD_FILE = 2

# -I and -S keep modules out that are not the worker's own, such as those in a folder of DAGs.
_FLAGS = ("-I", "-S", "-B")
_PROGRAM = """
import sys
sys.path += sys.argv[2:]
from multiprocessing.connection import Connection
from airflow_kubernetes_secrets.usage.worker import serve
serve(Connection(int(sys.argv[1])))
"""

# The folders with this package, and with the libraries that parse templates.
_FOLDERS = tuple(
    dict.fromkeys(
        [str(Path(__file__).parents[2]), *(str(Path(each.__path__[0]).parent) for each in (jinja2, markupsafe))]
    )
)


class _Chunk(NamedTuple):
    """Files that are parsed together, each with its number in the order of all files.

    Attributes:
        is_second_try: whether a worker that parsed this one file, perhaps with others, was killed.
    """

    files: Sequence[tuple[int, DagFile]]
    size: int
    is_second_try: bool = False


def uses_in_each(
    files: Iterable[DagFile], signatures: Signatures, processes: int | None
) -> Generator[FileUses, None, None]:
    """Yield what each file uses, in the order of the files. Close the generator to end the workers.

    Args:
        processes: how many processes may parse files at the same time, if there are as many CPUs; ``None`` for the
            default.
    """
    results: dict[int, FileUses] = {}
    number = 0
    with parsing(), _standard_files_open(), closing(_Workers(signatures, results, processes)) as workers:
        for _ in workers.parse(_chunks(files, results)):
            while number in results:
                yield results.pop(number)
                number += 1


@contextmanager
def _standard_files_open() -> Iterator[None]:
    """Open the descriptors 0 to 2 if they are closed.

    Otherwise, the connection to a worker would get one of them, and the worker would replace it by its own.
    """
    opened: list[int] = []
    try:
        while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _HIGHEST_STANDARD_FILE:
            opened.append(descriptor)
        os.close(descriptor)
        yield
    finally:
        for each in opened:
            os.close(each)


def _chunks(files: Iterable[DagFile], results: dict[int, FileUses]) -> Iterator[_Chunk]:
    """Yield the files that must be parsed, and add the results of the others."""
    chunk: list[tuple[int, DagFile]] = []
    size = 0
    for number, file in enumerate(files):
        if not is_parsed(file):
            results[number] = FileUses(file.path, file.problem)
            continue
        if chunk and size + len(file.code) > _CHUNK_BYTES:
            yield _Chunk(chunk, size)
            chunk, size = [], 0
        chunk.append((number, file))
        size += len(file.code)
    if chunk:
        yield _Chunk(chunk, size)


class _Worker:
    """A process that parses files.

    Attributes:
        is_ready: whether it has started.
        chunk: the files that it parses; ``None`` if it waits for some.
        seconds: how long it may take for what it does.
        deadline: when it must have answered.
    """

    def __init__(self, folders: Sequence[str]) -> None:
        """Start the process.

        Raises:
            OSError: no process can be started.
        """
        self.is_ready = False
        self.chunk: _Chunk | None = None
        ours, theirs = socket.socketpair()
        for each in (ours, theirs):
            each.setblocking(True)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            ours.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", _WAIT_SECONDS, 0))
        self.connection = Connection(ours.detach())
        try:
            with theirs:
                # In a session of its own, it does not get the signal of Ctrl-C.
                self._process = subprocess.Popen(  # noqa: S603  # the program is a constant
                    [sys.executable, *_FLAGS, "-c", _PROGRAM, str(theirs.fileno()), *_FOLDERS],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
        except OSError:
            self.connection.close()
            raise
        self._send(folders, _START_SECONDS)

    def give(self, chunk: _Chunk) -> None:
        """Have the process parse these files."""
        self.chunk = chunk
        self._send([file for _number, file in chunk.files], _WAIT_SECONDS + chunk.size // _BYTES_A_SECOND)

    def _send(self, message: object, seconds: int) -> None:
        self.seconds = seconds
        self.deadline = time.monotonic() + seconds
        # If the process has ended or is stopped, waiting for its answer shows it.
        with suppress(OSError):
            self.connection.send(message)

    def receive(self) -> list[FileUses] | None:
        """Return the answer of the process, which has begun to answer.

        Raises:
            EOFError, OSError: it has ended; or it is stopped, and so cannot send the rest.
        """
        answer: list[FileUses] | None = self.connection.recv()
        self.is_ready = True
        self.deadline = math.inf
        return answer

    def end(self) -> int | None:
        """End the process now, if it has not ended, and return its exit status.

        Returns:
            ``None`` if the process does not end; 0 also if this process ignores the end of its children.
        """
        self._process.kill()
        self.connection.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            return self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return None


class _Workers:
    """The workers, as far as there are any, and the files that wait for one."""

    def __init__(self, signatures: Signatures, results: dict[int, FileUses], processes: int | None) -> None:
        """Start no worker yet.

        Args:
            results: gets the results, by the numbers of the files.
            processes: how many there may be, if there are as many CPUs; ``None`` for the default.
        """
        self._signatures = signatures
        self._results = results
        self._most = min(usable_cpus(), MOST_WORKERS if processes is None else processes)
        self._workers: dict[Connection, _Worker] = {}
        self._waiting: deque[_Chunk] = deque()
        self._killed = 0

    def parse(self, chunks: Iterable[_Chunk]) -> Iterator[None]:
        """Parse the files. Yield whenever there may be new results."""
        is_started = self._most == 1
        size = 0
        for chunk in chunks:
            self._waiting.append(chunk)
            size += chunk.size
            if not is_started and size >= _ENOUGH_BYTES:
                is_started = True
                self._start(self._most)
            if is_started:
                self._pass_on()
                yield
        self._pass_on()
        while self._size_in_work():
            self._receive()
            self._pass_on()
            yield
        yield

    def close(self) -> None:
        """End all workers now."""
        while self._workers:
            self._workers.popitem()[1].end()

    def _start(self, count: int) -> None:
        # Without a process, or without all of them, the command only takes longer.
        with suppress(OSError):
            for _ in range(count if sys.executable else 0):
                worker = _Worker(self._signatures.folders)
                self._workers[worker.connection] = worker

    def _pass_on(self) -> None:
        """Pass all files that wait to workers. Without workers, parse them here."""
        while self._waiting:
            if not self._workers:
                self._parse_here(self._waiting.popleft())
                continue
            free = next((each for each in self._workers.values() if each.is_ready and each.chunk is None), None)
            in_work = self._size_in_work()
            if free is not None and (not in_work or in_work + self._waiting[0].size <= _MOST_BYTES):
                free.give(self._waiting.popleft())
            else:
                self._receive()

    def _size_in_work(self) -> int:
        return sum(each.chunk.size for each in self._workers.values() if each.chunk is not None)

    def _parse_here(self, chunk: _Chunk) -> None:
        self._add(chunk, uses_in_each_file([file for _number, file in chunk.files], self._signatures))

    def _add(self, chunk: _Chunk, uses: Sequence[FileUses]) -> None:
        self._results.update(zip((number for number, _file in chunk.files), uses, strict=True))

    def _receive(self) -> None:
        """Wait until a worker answers or ends, or until one should have answered."""
        deadline = min(each.deadline for each in self._workers.values())
        ready = wait(list(self._workers), None if deadline == math.inf else max(0, deadline - time.monotonic()))
        for connection in ready:
            self._handle_answer(self._workers[connection])  # type: ignore[index]  # there are only connections
        if not ready:
            # If this process was stopped meanwhile, the workers were not, so their answers are here.
            for worker in [each for each in self._workers.values() if each.deadline <= time.monotonic()]:
                self._end(worker, is_late=True)

    def _handle_answer(self, worker: _Worker) -> None:
        try:
            answer = worker.receive()
        except (EOFError, OSError) as error:
            self._end(worker, is_late=isinstance(error, BlockingIOError))
            return
        chunk, worker.chunk = worker.chunk, None
        if chunk is None:
            return
        if answer is None:
            self._parse_here(chunk)
        else:
            self._add(chunk, answer)

    def _end(self, worker: _Worker, *, is_late: bool) -> None:
        """End a worker that gives no answer, have its files parsed again, and start another worker."""
        del self._workers[worker.connection]
        status = worker.end()
        self._killed += 1
        if worker.is_ready and self._killed <= _MOST_KILLED:
            self._start(1)
        chunk = worker.chunk
        if chunk is None:
            return
        if not chunk.is_second_try:
            again = [_Chunk([each], len(each[1].code), is_second_try=True) for each in chunk.files]
            self._waiting.extendleft(reversed(again))
            return
        ((_number, file),) = chunk.files
        if is_late:
            problem = f"did not finish within {worker.seconds} s. Run the command where more CPU is available"
        else:
            by = f" by signal {-status}" if status is not None and status < 0 else ""
            problem = f"was killed{by}. Give the command more memory"
        problem = f"the process that parsed it {problem}, or exclude the file with .airflowignore"
        self._add(chunk, [FileUses(file.path, problem)])
