"""Updates of mounted Secrets are seen, as a whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import MountedFileError
from airflow_kubernetes_secrets.kubernetes.deadline import TimeBudget
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.folder import Folder
from airflow_kubernetes_secrets.sources.query import LabelQuery
from support.memory import fork, join
from support.secrets import VARIABLE
from support.volumes import Volume

KEYS = ("host", "username", "password", "database")

# Where the volume is mounted, and the path of the keys of connection x in it.
PLACES = {"the whole folder": ("", "connections/x/"), "a kind": ("connections", "x/"), "an id": ("connections/x", "")}


@pytest.fixture(params=list(PLACES.values()), ids=list(PLACES))
def switch(request: pytest.FixtureRequest, mount: Path) -> Callable[[int], None]:
    """Return a function that switches the volume to a version in which all keys have the same value."""
    where, below = request.param
    mount.rmdir()
    volume = Volume(mount / where)

    def switch(number: int) -> None:
        values = {f"{below}{key}": f"v{number}" for key in KEYS}
        volume.write({**values, f"{below}type": "postgresql"})

    switch(0)
    return switch


def version(backend: KubernetesSecretsBackend) -> int:
    """Return the version of the connection. All its parts must be of the same one."""
    text = backend.get_conn_value("x")
    assert text is not None
    connection = json.loads(text)
    parts = {connection[name] for name in ("host", "login", "password", "schema")}
    assert len(parts) == 1, parts
    return int(parts.pop().removeprefix("v"))


class TestVolumes:
    def test_no_partial_update_is_read(self, backend: KubernetesSecretsBackend, switch: Callable[[int], None]) -> None:
        """Threads and forked processes read while the volume is switched all the time."""
        written = 0
        ends = time.monotonic() + 60

        def look() -> bool:
            """Return whether many versions were seen. A lookup that begins after a switch sees it."""
            seen, last = 0, -1
            while seen < 20 and time.monotonic() < ends:
                least = max(written, last)
                found = version(backend)
                assert found >= least
                seen += found != last
                last = found
            return seen == 20

        def look_in_child() -> bool:
            seen: set[int] = set()
            while len(seen) < 20 and time.monotonic() < ends:
                seen.add(version(backend))
            return len(seen) == 20

        children: list[int] = []
        with ThreadPoolExecutor(3) as threads:
            running = [threads.submit(look) for _ in range(3)]
            try:
                while not all(each.done() for each in running) or len(children) < 2:
                    switch(written + 1)
                    written += 1
                    if written in (10, 20):
                        children.append(fork(look_in_child))
                # The children have only this thread to switch the volume.
                while any(os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None for pid in children):
                    switch(written + 1)
                    written += 1
            finally:
                join(*children)
            assert all(each.result() for each in running)
        assert version(backend) == written

    def test_a_version_that_is_being_deleted_is_not_read(self, mount: Path) -> None:
        """The kubelet deletes the files of the old version one by one, after the switch."""
        volume = Volume(mount / "connections" / "x")
        volume.write({**dict.fromkeys(KEYS, "v1"), "type": "postgresql"})
        opened, deleted = threading.Event(), threading.Event()
        backend = KubernetesSecretsBackend(path=str(mount))
        listdir = os.listdir

        def slow(folder: int) -> list[str]:
            names = listdir(folder)
            if not opened.is_set() and "host" in names:
                opened.set()
                assert deleted.wait(60)
                names = listdir(folder)
            return names

        # The system call is slowed down, as on a busy machine. It returns what it returns otherwise.
        os.listdir = slow  # type: ignore[assignment]  # only descriptors are given
        try:
            with ThreadPoolExecutor(1) as threads:
                looking = threads.submit(version, backend)
                assert opened.wait(60)
                volume.write({**dict.fromkeys(KEYS, "v2"), "type": "postgresql"})
                deleted.set()
                assert looking.result(60) == 2
        finally:
            os.listdir = listdir

    def test_an_unchanged_volume_is_not_read_again(self, mount: Path) -> None:
        Volume(mount / "variables").write({"x": "found", "y": "found"})
        source = Folder(str(mount), Options())
        query = LabelQuery(None, VARIABLE, "x", "x")
        [first] = source.find(query, TimeBudget(10))
        [second] = source.find(query, TimeBudget(10))

        assert first is second

    def test_a_version_with_the_same_value_is_the_same_secret(self, mount: Path) -> None:
        """So it is not parsed again."""
        volume = Volume(mount / "variables")
        volume.write({"x": "found"})
        source = Folder(str(mount), Options())
        query = LabelQuery(None, VARIABLE, "x", "x")
        [first] = source.find(query, TimeBudget(10))
        volume.write({"x": "found", "y": "new"})
        [second] = source.find(query, TimeBudget(10))

        assert first is second

    def test_ids_and_keys_are_added_and_removed(self, backend: KubernetesSecretsBackend, mount: Path) -> None:
        volume = Volume(mount / "variables")
        volume.write({"x": "1"})
        assert (backend.get_variable("x"), backend.get_variable("y")) == ("1", None)
        volume.write({"y/value": "2"})
        assert (backend.get_variable("x"), backend.get_variable("y")) == (None, "2")
        volume.write({"x/value": "3", "y": "3"})
        assert (backend.get_variable("x"), backend.get_variable("y")) == ("3", "3")
        volume.write({})
        assert (backend.get_variable("x"), backend.get_variable("y")) == (None, None)

    def test_volume_that_is_removed_and_mounted_again(self, backend: KubernetesSecretsBackend, mount: Path) -> None:
        Volume(mount / "variables").write({"x": "1"})
        assert backend.get_variable("x") == "1"
        shutil.rmtree(mount / "variables")
        assert backend.get_variable("x") is None
        Volume(mount / "variables").write({"x": "2"})
        assert backend.get_variable("x") == "2"

    def test_files_that_change_all_the_time(self, backend: KubernetesSecretsBackend, mount: Path) -> None:
        """Such a lookup ends with an error."""
        (mount / "variables" / "x").mkdir(parents=True)
        (mount / "variables" / "x" / "value").write_text("1")
        stat, numbers = os.fstat, iter(range(10**9))

        def changing(fd: int) -> os.stat_result:
            (mount / "variables" / "x" / "value").write_text(f"{next(numbers):05}")
            return stat(fd)

        os.fstat = changing
        try:
            with pytest.raises(MountedFileError, match=f"{mount}/variables/x changed during each attempt to read it"):
                backend.get_variable("x")
        finally:
            os.fstat = stat


class TestPlainFiles:
    """Files that the agent of Vault or a person writes."""

    @pytest.mark.parametrize("form", ["file", "folder"])
    def test_a_change_of_the_same_size(
        self, backend: KubernetesSecretsBackend, mount: Path, settle: Callable[[], None], form: str
    ) -> None:
        path = mount / "variables" / "x" if form == "file" else mount / "variables" / "x" / "value"
        path.parent.mkdir(parents=True)
        path.write_text("first")
        for _ in range(2):
            assert backend.get_variable("x") == "first"
            settle()
        path.write_text("later")
        settle()
        assert backend.get_variable("x") == "later"
        for number in range(100, 200):
            (path.parent / ".new").write_text(f"at{number}")
            (path.parent / ".new").replace(path)
            assert backend.get_variable("x") == f"at{number}"

    def test_unchanged_file_is_not_read_again(self, mount: Path, settle: Callable[[], None]) -> None:
        (mount / "variables").mkdir()
        path = mount / "variables" / "x"
        path.write_text("found")
        source = Folder(str(mount), Options())
        query = LabelQuery(None, VARIABLE, "x", "x")
        [first] = source.find(query, TimeBudget(10))
        settle()
        [second] = source.find(query, TimeBudget(10))
        path.touch()
        [third] = source.find(query, TimeBudget(10))

        assert first is second is third

    def test_files_are_added_and_removed(
        self, backend: KubernetesSecretsBackend, mount: Path, settle: Callable[[], None]
    ) -> None:
        for _ in range(2):
            assert backend.get_variable("x") is None
            settle()
        (mount / "variables").mkdir()
        assert backend.get_variable("x") is None
        settle()
        (mount / "variables" / "x").write_text("found")
        assert backend.get_variable("x") == "found"
        settle()
        (mount / "variables" / "x").unlink()
        assert backend.get_variable("x") is None
        shutil.rmtree(mount / "variables")
        assert backend.get_variable("x") is None


class TestVolumesInAVolume:
    """The kubelet can mount a volume in the folder of another one."""

    def test_each_volume_is_read_in_its_latest_version(self, backend: KubernetesSecretsBackend, mount: Path) -> None:
        mount.rmdir()
        Volume(mount).write({"connections/outer": "http://outer"})
        config, binding = Volume(mount / "config"), Volume(mount / "bound")
        for number in ("1", "2"):
            config.write({"option": number})
            binding.write({"type": "postgresql", "host": number})
            assert backend.get_conn_value("outer") == "http://outer"
            assert backend.get_config("option") == number
            assert json.loads(backend.get_conn_value("bound") or "{}")["host"] == number

    def test_changed_manifests_in_the_inner_volume_are_read(
        self, backend: KubernetesSecretsBackend, mount: Path
    ) -> None:
        mount.rmdir()
        Volume(mount).write({"variables/outer": "outer"})
        inner = Volume(mount / "manifests")
        for value in ("1", "2"):
            labels = {VARIABLE: "x"}
            manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "labels": labels}}
            inner.write({"x.json": json.dumps({**manifest, "stringData": {"value": value}})})
            assert backend.get_variable("x") == value
            assert backend.get_variable("outer") == "outer"
