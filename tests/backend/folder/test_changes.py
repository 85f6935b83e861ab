"""Changes in a folder are found, and unchanged files are not read again."""

from __future__ import annotations

import mmap
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.kubernetes.deadline import TimeBudget
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources import folder as folder_module
from airflow_kubernetes_secrets.sources.query import LabelQuery
from support.call_counts import calls
from support.logs import log_messages
from support.manifest_texts import manifest, replace
from support.secrets import VARIABLE


def rewrite(path: Path, text: str) -> None:
    path.write_text(text)


def rewrite_with_the_old_time(path: Path, text: str) -> None:
    """Write a file as ``cp --preserve`` and ``rsync --times`` do."""
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


class TestChanges:
    @pytest.mark.parametrize("change", [rewrite, replace, rewrite_with_the_old_time])
    def test_a_file_of_the_same_size(
        self,
        backend: KubernetesSecretsBackend,
        folder: Path,
        change: Callable[[Path, str], None],
        settle: Callable[[], None],
    ) -> None:
        path = folder / "x.yaml"
        path.write_text(manifest("x", "first"))
        for _ in range(2):
            assert backend.get_variable("x") == "first"
            settle()

        change(path, manifest("x", "later"))
        settle()
        assert backend.get_variable("x") == "later"
        # These changes are faster than the clocks of most file systems tick.
        for number in range(100, 200):
            change(path, manifest("x", f"at{number}"))
            assert backend.get_variable("x") == f"at{number}"

    def test_change_without_a_new_modification_time(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        """It is like two changes in one tick of the clock: a memory page that is already dirty records no new times."""
        path = folder / "x.yaml"
        path.write_text(manifest("x", "first"))
        at = path.read_text().index("first")
        with path.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as memory:
            for value in ("after", "again", "later"):
                memory[at : at + 5] = value.encode()
                assert backend.get_variable("x") == value

    def test_files_and_folders_are_added_and_removed(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert backend.get_variable("x") is None
        (folder / "sub" / "sub").mkdir(parents=True)
        path = folder / "sub" / "sub" / "x.yml"
        path.write_text(manifest("x", "found"))
        assert backend.get_variable("x") == "found"
        path.rename(folder / "y.yaml")
        assert backend.get_variable("x") == "found"
        (folder / "y.yaml").unlink()
        assert backend.get_variable("x") is None
        assert log_messages(caplog) == []

    def test_unchanged_file_is_not_read_again(self, folder: Path, settle: Callable[[], None]) -> None:
        """A change of only the times is not read either: the same Secret object is returned."""
        path = folder / "x.yaml"
        path.write_text(manifest("x", "found"))
        source = folder_module.Folder(str(folder), Options())
        query = LabelQuery(None, VARIABLE, "x", "x")
        [first] = source.find(query, TimeBudget(10))
        [second] = source.find(query, TimeBudget(10))
        settle()
        [third] = source.find(query, TimeBudget(10))
        path.touch()
        [fourth] = source.find(query, TimeBudget(10))

        assert first is second is third is fourth

    def test_a_volume_of_kubernetes(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        """The kubelet stores versions in folders, and switches a link to the next one.

        https://pkg.go.dev/k8s.io/kubernetes/pkg/volume/util#AtomicWriter.Write
        """
        for version in ("one", "two"):
            (folder / f"..{version}" / "sub").mkdir(parents=True)
            (folder / f"..{version}" / "x.yaml").write_text(manifest("x", version))
            (folder / f"..{version}" / "sub" / "y.yaml").write_text(manifest("y", version))
        (folder / "..data").symlink_to("..one")
        (folder / "x.yaml").symlink_to("..data/x.yaml")
        (folder / "sub").symlink_to("..data/sub")
        assert (backend.get_variable("x"), backend.get_variable("y")) == ("one", "one")

        (folder / "..data_tmp").symlink_to("..two")
        (folder / "..data_tmp").replace(folder / "..data")
        assert (backend.get_variable("x"), backend.get_variable("y")) == ("two", "two")

    def test_links_to_a_parent_folder(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        for name in ("a", "b"):
            (folder / name).mkdir()
            for link in ("up", "again"):
                (folder / name / link).symlink_to("..")
        (folder / "a" / "x.yaml").write_text(manifest("x", "found"))

        assert backend.get_variable("x") == "found"
        assert log_messages(caplog) == []

    def test_link_to_the_folder_itself(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (folder / "loop").symlink_to(".")
        (folder / "x.yaml").write_text(manifest("x", "found"))

        assert backend.get_variable("x") == "found"
        assert log_messages(caplog) == []

    def test_previous_content_is_used_until_an_invalid_file_is_fixed(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = folder / "x.yaml"
        path.write_text(manifest("x", "good"))
        assert backend.get_variable("x") == "good"

        for good in ("better", "best"):
            path.write_text("a: 'hunter2")
            for _ in range(2):
                assert backend.get_variable("x") is not None
            path.write_text(manifest("x", good))
            assert backend.get_variable("x") == good

        # A file that becomes invalid again is reported again.
        assert (
            log_messages(caplog)
            == [f"{path}: line 1: found unexpected end of stream; its previous content is still used"] * 2
        )

    def test_removed_invalid_file_is_not_used(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        path = folder / "x.yaml"
        path.write_text(manifest("x", "good"))
        assert backend.get_variable("x") == "good"
        path.write_text("[")
        assert backend.get_variable("x") == "good"

        path.unlink()

        assert backend.get_variable("x") is None

    def test_unreadable_files_and_folders_keep_their_previous_content(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A link to itself represents all files that even root cannot read."""
        (folder / "sub").mkdir()
        for path in (folder / "x.yaml", folder / "sub" / "y.yaml"):
            path.write_text(manifest(path.stem, "found"))
        (folder / "z.yaml").write_text(manifest("z", "found"))
        assert backend.get_variable("y") == "found"

        (folder / "x.yaml").unlink()
        (folder / "x.yaml").symlink_to("x.yaml")
        (folder / "sub").rename(folder / ".elsewhere")
        (folder / "sub").symlink_to("sub")
        for _ in range(2):
            for key in "xyz":
                assert backend.get_variable(key) == "found"
        problem = "Too many levels of symbolic links"
        assert sorted(log_messages(caplog)) == [
            f"{folder}/sub: {problem}; nothing in it is used",
            f"{folder}/x.yaml: {problem}; its previous content is still used",
        ]

        (folder / "sub").unlink()
        (folder / "x.yaml").unlink()
        (folder / "x.yaml").write_text(manifest("x", "mended"))
        assert backend.get_variable("y") is None
        assert backend.get_variable("x") == "mended"

    def test_many_unreadable_files_take_linear_time(self, tmp_path: Path) -> None:
        def look_twice(count: int) -> None:
            folder = tmp_path / str(count)
            folder.mkdir(exist_ok=True)
            for number in range(count):
                (folder / f"x{number}").symlink_to(f"x{number}")
            source = folder_module.Folder(str(folder), Options())
            source.secrets()
            assert len(source.problems()) == count

        look_twice(20)
        assert calls(lambda: look_twice(800)) < 6 * calls(lambda: look_twice(200))

    def test_deeply_nested_folders(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        """The folders are nested deeper than Python's recursion limit."""
        inner = os.open(folder, os.O_RDONLY)
        for _ in range(1_200):
            os.mkdir("a", dir_fd=inner)
            outer, inner = inner, os.open("a", os.O_RDONLY, dir_fd=inner)
            os.close(outer)
        file = os.open("x.yaml", os.O_WRONLY | os.O_CREAT, dir_fd=inner)
        os.write(file, manifest("x", "found").encode())
        os.close(file)
        os.close(inner)
        try:
            assert backend.get_variable("x") == "found"
        finally:
            # Python's own function for this is recursive too.
            subprocess.run(["rm", "-r", str(folder)], check=True)

    def test_files_are_read_in_the_order_of_kubectl(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        """A folder is sorted among the files by its name."""
        (folder / "b").mkdir()
        for name in ("a.yaml", "b-c.yaml", "b.yaml", "b/x.yaml"):
            (folder / name).write_text(manifest(re.sub("[^a-z]", "", name), "x"))

        found = [secret.name for secret in folder_module.Folder(str(folder), Options()).secrets()]

        assert found == ["ayaml", "bxyaml", "bcyaml", "byaml"]
