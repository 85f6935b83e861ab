"""The folder itself, and the processes and threads that read it."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import NotConfiguredError
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.process import restart
from airflow_kubernetes_secrets.sources import folder as folder_module
from airflow_kubernetes_secrets.sources.query import LabelQuery
from support.logs import log_messages
from support.manifest_texts import manifest, replace
from support.memory import fork, join
from support.secrets import CONNECTION


class TestTheFolder:
    @pytest.mark.parametrize("kind", ["nothing", "a file", "a dangling link", "somebody's home"])
    def test_invalid_folder(self, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str) -> None:
        path = Path("~nobody-of-this-name/manifests") if kind == "somebody's home" else tmp_path / "manifests"
        if kind == "a file":
            path.write_text("x")
        if kind == "a dangling link":
            path.symlink_to("elsewhere")
        backend = KubernetesSecretsBackend(path=str(path))

        for _ in range(2):
            with pytest.raises(NotConfiguredError, match="the folder of 'path' in backend_kwargs cannot be read: /"):
                backend.get_variable("x")

        [error] = log_messages(caplog)
        assert error.endswith("Create it, or correct 'path'")

    def test_folder_that_is_removed_and_restored(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (folder / "x.yaml").write_text(manifest("x", "found"))
        assert backend.get_variable("x") == "found"

        folder.rename(folder.with_name("elsewhere"))
        for _ in range(2):
            with pytest.raises(NotConfiguredError, match="No such file or directory"):
                backend.get_variable("x")
        folder.with_name("elsewhere").rename(folder)
        assert backend.get_variable("x") == "found"
        assert len(log_messages(caplog)) == 1

    def test_in_the_home_of_the_user(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "x.yaml").write_text(manifest("x", "found"))
        monkeypatch.setenv("HOME", str(folder.parent))

        assert KubernetesSecretsBackend(path="~/manifests").get_variable("x") == "found"

    def test_relative_path_is_resolved_at_the_first_lookup(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "x.yaml").write_text(manifest("x", "found"))
        (folder / "sub").mkdir()
        monkeypatch.chdir(folder.parent)
        backend = KubernetesSecretsBackend(path="manifests")
        assert backend.get_variable("x") == "found"
        monkeypatch.chdir(folder / "sub")

        assert backend.get_variable("x") == "found"

    def test_all_backends_of_a_process_share_the_manifests(self, folder: Path) -> None:
        """Airflow builds a new backend for each option."""
        path = folder / "x.yaml"
        path.write_text(manifest("x", "found"))
        assert KubernetesSecretsBackend(path=str(folder)).get_variable("x") == "found"
        path.write_text("[")

        # The previous content of the file is used.
        assert KubernetesSecretsBackend(path=str(folder)).get_variable("x") == "found"
        restart()
        assert KubernetesSecretsBackend(path=str(folder)).get_variable("x") is None


class TestProcesses:
    def test_threads(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        """A lookup that begins after a change sees the change."""
        path = folder / "x.yaml"
        replace(path, manifest("x", "0"))
        written = 0
        done = threading.Event()

        def look() -> int:
            looked = 0
            while not done.is_set() or looked == 0:
                least = written
                assert int(backend.get_variable("x") or -1) >= least
                looked += 1
            return looked

        with ThreadPoolExecutor(4) as threads:
            running = [threads.submit(look) for _ in range(4)]
            try:
                for number in range(1, 100):
                    replace(path, manifest("x", str(number)))
                    written = number
            finally:
                done.set()
            assert all(each.result(timeout=180) for each in running)

    def test_a_child_that_is_forked_while_a_thread_reads(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        """The child has the data of its parent, waits for no lock of the parent, and sees changes."""
        for number in range(300):
            (folder / f"{number}.yaml").write_text(manifest(f"x{number}", "found"))
        thread = threading.Thread(target=backend.get_variable, args=("x1",))
        thread.start()
        time.sleep(0.05)
        assert thread.is_alive()

        def check() -> bool:
            found = backend.get_variable("x299")
            (folder / "299.yaml").write_text(manifest("x299", "new"))
            return (found, backend.get_variable("x299")) == ("found", "new")

        join(fork(check))
        thread.join()

    def test_a_child_warns_again(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The child's log is separate from its parent's."""
        (folder / "x.yaml").write_text("[")
        assert backend.get_variable("x") is None
        caplog.clear()

        join(fork(lambda: backend.get_variable("x") is None and len(log_messages(caplog)) == 1))

    def test_the_event_loop_reads_no_files(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        (folder / "x.yaml").write_text(manifest("x", "http://found", labels={CONNECTION: "x"}))

        assert (
            folder_module.Folder(str(folder), Options()).find_in_memory(LabelQuery(None, CONNECTION, "x", "x")) is None
        )
        for _ in range(2):
            assert asyncio.run(backend.aget_connection("x")).host == "found"
