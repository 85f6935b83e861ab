"""What the devserver writes, and that it replaces and removes nothing else."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from airflow_kubernetes_secrets import safe_files
from airflow_kubernetes_secrets.cli.main import main
from airflow_kubernetes_secrets.devserver import DevServer, own_files
from airflow_kubernetes_secrets.devserver.files import Files
from airflow_kubernetes_secrets.devserver.own_files import RECORD, OwnFiles
from support.kube_apiserver import bearer, trust
from support.proxy import until
from support.signals import PACKAGE, Moment, handled

PATIENCE = 30.0
ELSEWHERE = Path()

Make = Callable[[Path], None]
Start = Callable[[], "Command"]


class Command:
    """A devserver as a command, with both options; ``errors`` has what it says at its end."""

    def __init__(self, directory: Path, ready: Path) -> None:
        self.directory = directory
        self.ready = ready
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "airflow_kubernetes_secrets.cli.main", "devserver"),
                *("--directory", str(directory), "--ready-file", str(ready)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait(self) -> None:
        """Until requests are answered."""
        # A file of an earlier one may be there.
        until(lambda: self.is_ours() or self._process.poll() is not None)
        assert self._process.poll() is None, self._process.communicate()

    def is_ours(self) -> bool:
        """Whether the files lead to a server that runs."""
        try:
            port = self.ready.read_text().partition("KUBERNETES_SERVICE_PORT=")[2].split()[0]
            headers = bearer((self.directory / "serviceaccount" / "token").read_text())
            context = trust(self.directory / "ca.crt")
            path = f"https://127.0.0.1:{port}/api/v1/namespaces/airflow/secrets"
            return httpx.get(path, headers=headers, verify=context, timeout=5).is_success
        except (OSError, httpx.TransportError):
            return False

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def end(self) -> tuple[int, str, str]:
        """Status, output and errors."""
        self._process.send_signal(signal.SIGTERM)
        output, errors = self._process.communicate(timeout=PATIENCE)
        return self._process.returncode, output, errors


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts devservers with the same options. None outlives the test."""
    started: list[Command] = []

    def start() -> Command:
        started.append(Command(tmp_path / "directory", tmp_path / "ready"))
        return started[-1]

    yield start
    for command in started:
        command.kill()


def snapshot(folder: Path) -> dict[str, tuple[int, str]]:
    """Everything in a folder: what it is, and what it holds or where it leads."""

    def content(path: Path) -> str:
        if path.is_symlink():
            return str(path.readlink())
        return path.read_text() if path.is_file() else ""

    found = sorted(folder.rglob("*"))
    return {str(path.relative_to(folder)): (path.lstat().st_mode, content(path)) for path in found}


def a_file(path: Path) -> None:
    path.write_text("mine")


def an_empty_file(path: Path) -> None:
    path.touch()


def an_empty_folder(path: Path) -> None:
    path.mkdir()


def a_folder(path: Path) -> None:
    path.mkdir()
    (path / "token").write_text("mine")


def a_link_to_a_file(path: Path) -> None:
    a_file(ELSEWHERE / path.name)
    path.symlink_to(ELSEWHERE / path.name)


def a_link_to_a_folder(path: Path) -> None:
    a_folder(ELSEWHERE / path.name)
    path.symlink_to(ELSEWHERE / path.name)


def a_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


THINGS = [
    a_file,
    an_empty_file,
    an_empty_folder,
    a_folder,
    a_link_to_a_file,
    a_link_to_a_folder,
    a_dangling_link,
    a_pipe,
]


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where links lead."""
    folder = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setattr(sys.modules[__name__], "ELSEWHERE", folder)
    return folder


@pytest.fixture(params=THINGS, ids=lambda make: make.__name__)
def make_thing(request: pytest.FixtureRequest, elsewhere: Path) -> Iterator[Make]:
    """Makes what may be in the way. Where a link leads, everything is as it was at the end."""
    make: Make = request.param
    made: dict[str, tuple[int, str]] = {}

    def made_there(path: Path) -> None:
        make(path)
        made.update(snapshot(elsewhere))

    yield made_there
    assert snapshot(elsewhere) == made


class TestDirectory:
    @pytest.mark.parametrize("name", ["ca.crt", "kubeconfig", "serviceaccount"])
    def test_nothing_that_is_there_is_replaced(
        self, tmp_path: Path, name: str, make_thing: Make, capsys: pytest.CaptureFixture[str]
    ) -> None:
        directory = tmp_path / "directory"
        directory.mkdir()
        make_thing(directory / name)
        before = snapshot(tmp_path)

        assert main(["devserver", "--directory", str(directory)]) == 1

        assert capsys.readouterr().err == (
            f"airflow-kubernetes-secrets devserver: {directory / name} already exists, and the devserver does not "
            "replace it. Move it away, or choose another directory\n"
        )
        assert snapshot(tmp_path) == before

    def test_nor_is_a_folder_of_another_service_account(self, tmp_path: Path) -> None:
        with DevServer(directory=tmp_path) as server:
            (tmp_path / "serviceaccount-1").mkdir()
            with pytest.raises(FileExistsError, match="serviceaccount-1 already exists"):
                server.service_account("airflow", "worker", {"airflow": ["list"]})
            assert (server.service_account("airflow", "worker", {}) / "token").exists()
        assert snapshot(tmp_path).keys() == {"serviceaccount-1"}

    def test_other_files_stay(self, tmp_path: Path) -> None:
        a_file(tmp_path / "mine")
        a_folder(tmp_path / "folder")
        before = snapshot(tmp_path)

        with DevServer(directory=tmp_path) as server:
            assert server.kubeconfig.exists()

        assert snapshot(tmp_path) == before

    def test_what_is_put_there_meanwhile_stays(self, tmp_path: Path) -> None:
        """Also in a folder that the devserver has created."""
        directory = tmp_path / "directory"
        with DevServer(directory=directory):
            a_file(directory / "mine")
            a_file(directory / "serviceaccount" / "mine")

        assert {name for name, (_mode, content) in snapshot(directory).items() if content} == {
            "mine",
            "serviceaccount/mine",
        }

    @pytest.mark.parametrize("name", ["ca.crt", "kubeconfig", "serviceaccount/token", RECORD])
    def test_what_is_changed_meanwhile_stays(self, tmp_path: Path, name: str, make_thing: Make) -> None:
        lines: list[str] = []
        directory = tmp_path / "directory"
        with DevServer(directory=directory, report=lines.append):
            (directory / name).unlink()
            make_thing(directory / name)
            made = snapshot(tmp_path)[f"directory/{name}"]

        left = snapshot(tmp_path)
        assert left[f"directory/{name}"] == made
        others = {each for each in left if each.startswith("directory/") and not f"directory/{name}".startswith(each)}
        assert {each for each in others if not each.startswith(f"directory/{name}/")} == set()
        said = f"{directory / name} was changed since the devserver wrote it, so it is not removed"
        assert lines == ([] if name == RECORD else [said])

    def test_what_is_written_into_meanwhile_stays(self, tmp_path: Path) -> None:
        """As ``kubectl config`` does."""
        directory = tmp_path / "directory"
        with DevServer(directory=directory) as server:
            with server.kubeconfig.open("a") as kubeconfig:
                kubeconfig.write("# mine\n")
            text = server.kubeconfig.read_text()

        assert (directory / "kubeconfig").read_text() == text

    def test_what_somebody_has_removed_is_no_error(self, tmp_path: Path) -> None:
        lines: list[str] = []
        with DevServer(directory=tmp_path / "directory", report=lines.append) as server:
            server.kubeconfig.unlink()
            (server.service_account_path / "token").unlink()
        assert lines == []
        assert snapshot(tmp_path) == {}

        with DevServer(directory=tmp_path / "directory", report=lines.append) as server:
            subprocess.run(["rm", "-r", str(tmp_path / "directory")], check=True, timeout=PATIENCE)
        assert lines == []

    def test_it_may_be_a_link_to_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "link").symlink_to("folder")
        before = snapshot(tmp_path)

        with DevServer(directory=tmp_path / "link"):
            assert (tmp_path / "folder" / "kubeconfig").exists()

        assert snapshot(tmp_path) == before

    @pytest.mark.parametrize("make", [a_file, an_empty_file, a_dangling_link, a_pipe])
    def test_it_may_be_nothing_else(self, tmp_path: Path, make: Make, capsys: pytest.CaptureFixture[str]) -> None:
        make(tmp_path / "directory")
        before = snapshot(tmp_path)

        assert main(["devserver", "--directory", str(tmp_path / "directory")]) == 1

        assert capsys.readouterr().err.endswith(
            f": {tmp_path / 'directory'} is not a folder. Move it away, or choose another directory\n"
        )
        assert snapshot(tmp_path) == before

    def test_another_devserver_may_not_use_it(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        directory = tmp_path / "directory"
        with DevServer(directory=directory):
            before = snapshot(tmp_path)
            assert main(["devserver", "--directory", str(directory)]) == 1
            assert snapshot(tmp_path) == before
        assert capsys.readouterr().err.endswith(
            f": another devserver uses {directory}. Stop it, or choose another directory\n"
        )
        with DevServer(directory=directory):
            pass
        assert snapshot(tmp_path) == {}

    def test_a_forked_child_that_lives_on_does_not_keep_it(self, tmp_path: Path) -> None:
        read, write = os.pipe()
        with DevServer(directory=tmp_path / "directory"):
            child = os.fork()
            if child == 0:
                os.close(write)
                os.read(read, 1)
                os._exit(0)
        try:
            with DevServer(directory=tmp_path / "directory"):
                pass
        finally:
            os.close(write)
            os.close(read)
            os.waitpid(child, 0)

    def test_a_record_that_is_somebody_elses(self, tmp_path: Path, elsewhere: Path) -> None:
        for make in (a_file, a_folder, an_empty_folder, a_link_to_a_file, a_dangling_link, a_pipe):
            directory = tmp_path / make.__name__
            directory.mkdir()
            make(directory / RECORD)
            before = snapshot(tmp_path), snapshot(elsewhere)

            with pytest.raises(FileExistsError, match=f"{RECORD} already exists"):
                DevServer(directory=directory).start()

            assert (snapshot(tmp_path), snapshot(elsewhere)) == before

    def test_an_empty_record(self, tmp_path: Path) -> None:
        """A devserver leaves it that was killed in its first moment."""
        (tmp_path / RECORD).touch()
        with DevServer(directory=tmp_path):
            pass
        assert snapshot(tmp_path) == {}

    def test_a_temporary_one_is_removed_whatever_is_in_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody else can have named it before."""
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        with DevServer() as server:
            a_file(server.kubeconfig.parent / "another")
            server.kubeconfig.write_text("changed")
            assert len(list(tmp_path.iterdir())) == 1
        assert list(tmp_path.iterdir()) == []


class TestReadyFile:
    def test_nothing_that_is_there_is_replaced(
        self, tmp_path: Path, make_thing: Make, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "here").mkdir()
        ready, directory = tmp_path / "here" / "ready", tmp_path / "directory"
        make_thing(ready)
        before = snapshot(tmp_path)

        assert main(["devserver", "--ready-file", str(ready), "--directory", str(directory)]) == 1

        captured = capsys.readouterr()
        assert captured.err == (
            f"airflow-kubernetes-secrets devserver: {ready} already exists, and the devserver does not replace it. "
            "Move it away, or choose another ready file\n"
        )
        # Nobody is told of a server that does not stay.
        assert captured.out == ""
        assert snapshot(tmp_path) == before

    def test_a_folder_that_is_not_there(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["devserver", "--ready-file", str(tmp_path / "nowhere" / "ready")]) == 1
        assert capsys.readouterr().err == (
            f"airflow-kubernetes-secrets devserver: {tmp_path}/nowhere: No such file or directory. "
            "Look at --manifests, --directory and --ready-file\n"
        )
        assert snapshot(tmp_path) == {}

    @pytest.mark.parametrize("make", [a_file, a_dangling_link])
    def test_what_is_changed_meanwhile_stays(self, tmp_path: Path, start: Start, make: Make) -> None:
        server = start()
        server.wait()
        server.ready.unlink()
        make(server.ready)
        before = snapshot(tmp_path)

        status, output, errors = server.end()

        assert (status, errors) == (0, "")
        assert f"{server.ready} was changed since the devserver wrote it, so it is not removed" in output
        assert snapshot(tmp_path)["ready"] == before["ready"]
        assert not server.directory.exists()
        assert [each.name for each in tmp_path.iterdir()] == ["ready"]

    def test_it_is_whole_as_soon_as_it_is_there(self, tmp_path: Path, start: Start) -> None:
        server = start()
        until(server.ready.exists)
        assert server.ready.read_text().count("export ") == 5
        assert stat.S_IMODE(server.ready.stat().st_mode) == 0o666 & ~umask()


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def leave(directory: Path, ready: Path) -> None:
    """Leave what a devserver leaves that is killed."""
    child = os.fork()
    if child == 0:
        files = Files(directory)
        files.write_ca(b"certificate")
        files.write_kubeconfig("kubeconfig", "https://127.0.0.1:1", "token", "airflow")
        files.write_service_account("serviceaccount", "token", "airflow")
        OwnFiles.beside(ready).write(ready.name, b"export x=y")
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


class TestKilled:
    """What a devserver leaves that could not end."""

    def test_the_next_one_with_the_same_options_starts_and_removes_all(self, tmp_path: Path, start: Start) -> None:
        first = start()
        first.wait()
        first.kill()
        assert {each.name for each in tmp_path.iterdir()} >= {"directory", "ready"}

        second = start()
        second.wait()

        assert second.end()[0] == 0
        assert snapshot(tmp_path) == {}

    def test_a_directory_that_was_there_before_stays(self, tmp_path: Path, start: Start) -> None:
        (tmp_path / "directory").mkdir()
        a_file(tmp_path / "directory" / "mine")
        before = snapshot(tmp_path)
        first = start()
        first.wait()
        first.kill()

        second = start()
        second.wait()

        assert second.end()[0] == 0
        assert snapshot(tmp_path) == before

    def test_while_one_runs_another_is_refused(self, tmp_path: Path, start: Start) -> None:
        first = start()
        first.wait()
        other = tmp_path / "other"

        command = [sys.executable, "-m", "airflow_kubernetes_secrets.cli.main", "devserver"]
        for options, used in (
            (["--directory", str(first.directory), "--ready-file", str(other)], first.directory),
            (["--directory", str(other), "--ready-file", str(first.ready)], first.ready),
        ):
            done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=PATIENCE, check=False)
            assert done.returncode == 1
            assert f"another devserver uses {used}. Stop it, or choose another " in done.stderr
            assert not other.exists()

        assert first.is_ours()

    @pytest.mark.parametrize("name", ["directory/kubeconfig", "directory/serviceaccount/token", "ready"])
    def test_what_somebody_has_changed_since_is_not_replaced(
        self, tmp_path: Path, name: str, make_thing: Make, capsys: pytest.CaptureFixture[str]
    ) -> None:
        directory, ready = tmp_path / "directory", tmp_path / "ready"
        leave(directory, ready)
        (tmp_path / name).unlink()
        make_thing(tmp_path / name)
        before = snapshot(tmp_path)[name]

        assert main(["devserver", "--directory", str(directory), "--ready-file", str(ready)]) == 1

        errors = capsys.readouterr().err
        # What is in the way of a whole folder is named by the folder.
        assert f"{tmp_path / name}".startswith(errors.partition("devserver: ")[2].partition(" already exists")[0])
        assert snapshot(tmp_path)[name] == before

    def test_in_the_middle_of_writing(self, tmp_path: Path) -> None:
        """The last line of the record may be cut off, and a file may be there in part."""
        left = OwnFiles.in_folder(tmp_path)
        left.write("kubeconfig", b"whole")
        text = (tmp_path / RECORD).read_text()
        left.remove()
        (tmp_path / RECORD).write_text(f"{text}{'0' * 64}  ca.crt\n{'0' * 20}")
        (tmp_path / "kubeconfig").write_text("whole")
        (tmp_path / ".ca.crt.123.part").write_text("par")
        (tmp_path / ".ca.crt.part").write_text("mine")
        (tmp_path / ".other.123.part").write_text("mine")

        with DevServer(directory=tmp_path):
            assert not (tmp_path / ".ca.crt.123.part").exists()

        assert snapshot(tmp_path).keys() == {".ca.crt.part", ".other.123.part"}

    @pytest.mark.parametrize("name", ["../mine", "/{}/mine", "link/mine", "a/../../mine", "", ".", "..", "a//mine"])
    def test_a_record_leads_nowhere_else(self, tmp_path: Path, name: str) -> None:
        """Whoever may write into the folder could have written it."""
        digest = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
        directory = tmp_path / "directory"
        directory.mkdir()
        (tmp_path / "mine").write_text("foo")
        (directory / "link").symlink_to(tmp_path)
        header = own_files._HEADER.decode()
        (directory / RECORD).write_text(f"{header}{digest}  {name.format(tmp_path)}\nfolder  {name.format(tmp_path)}\n")

        with DevServer(directory=directory):
            pass

        assert (tmp_path / "mine").read_text() == "foo"
        assert (directory / "link").is_symlink()


class HandlerError(Exception):
    """What the handler of a signal raises."""


class TestDescriptors:
    """Of a process in which other threads open files too: one that is closed twice is theirs by then."""

    def test_what_is_no_file_leaves_none_open(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "link").symlink_to("folder")
        with safe_files.opened(tmp_path) as folder:
            before = sorted(Path("/proc/self/fd").iterdir())
            for name in ("folder", "pipe", "link"):
                assert safe_files.content(folder, name, 10) == b""
            assert sorted(Path("/proc/self/fd").iterdir()) == before

    def test_none_is_closed_twice_when_a_signal_interrupts(self, tmp_path: Path) -> None:
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
                    # Another kind of error can come of what was half done.
                    errors.append(error.errno)
                if not moment.where:
                    break
                moments.append(moment.where)
                shutil.rmtree(tmp_path / "new", ignore_errors=True)
                position += 1
        assert sum("after close" in each for each in moments) >= 4
        assert errno.EBADF not in errors
