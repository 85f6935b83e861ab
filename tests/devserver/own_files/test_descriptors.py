"""The devserver leaves no descriptor open, and closes no descriptor twice."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from pathlib import Path

from airflow_kubernetes_secrets import safe_files
from airflow_kubernetes_secrets_devserver.own_files import OwnFiles
from support.signals import PACKAGE, Moment, handled


class HandlerError(Exception):
    """The exception of a signal handler."""


class TestDescriptors:
    """Descriptors in a process whose other threads open files too: closing one twice would close one of theirs."""

    def test_reading_a_folder_pipe_or_link_leaves_no_descriptor_open(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "link").symlink_to("folder")
        with safe_files.open_folder(tmp_path) as folder:
            before = sorted(Path("/proc/self/fd").iterdir())
            for name in ("folder", "pipe", "link"):
                assert safe_files.read_file(folder, name, 10) == b""
            assert sorted(Path("/proc/self/fd").iterdir()) == before

    def test_no_descriptor_is_closed_twice_when_a_signal_interrupts(self, tmp_path: Path) -> None:
        def write_and_remove() -> None:
            own = OwnFiles.in_folder(tmp_path / "new")
            try:
                own.make_folder("a")
                own.write("a/b", b"c")
            finally:
                try:
                    own.remove()
                finally:
                    own.remove()

        def interrupt() -> None:
            raise HandlerError

        moments, errors, position = [], [], 0
        with handled(signal.SIGUSR1, interrupt):
            while True:
                moment = Moment(signal.SIGUSR1, position, inside=(PACKAGE,))
                try:
                    with moment.of():
                        write_and_remove()
                except HandlerError:
                    pass
                except OSError as error:
                    # Incomplete work can cause another type of error.
                    errors.append(error.errno)
                if not moment.where:
                    break
                moments.append(moment.where)
                shutil.rmtree(tmp_path / "new", ignore_errors=True)
                position += 1
        assert sum("after close" in each for each in moments) >= 4
        assert errno.EBADF not in errors
