"""Output that is closed early, that cannot be written, or that cannot encode all characters."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from support.commands import PATIENCE, PROGRAM, SECRET, Commands, forked_program
from support.secrets import Put
from support.servers import on_the_devserver


class TestPipes:
    def test_output_pipe_that_is_closed_early(self) -> None:
        """The program that reads the output can end first."""
        program = " ".join([forked_program(), "rbac", "--service-account", "a/b", "--namespace", "a"])
        done = subprocess.run(
            ["sh", "-c", f"{program} | head -c 0"], capture_output=True, timeout=PATIENCE, check=False
        )
        assert b"Traceback" not in done.stderr

    @on_the_devserver
    @pytest.mark.parametrize("command", ["list", "doctor", "explain connection x", "devserver"])
    def test_status_141_if_the_output_pipe_is_closed(self, commands: Commands, put: Put, command: str) -> None:
        """The status is 141, as for other programs, and differs from all documented statuses."""
        put.connection("x", f"postgres://u:{SECRET}@db/x")
        process = subprocess.Popen([forked_program(), *command.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()
        assert process.wait(PATIENCE) == 141
        assert b"Traceback" not in err

    @on_the_devserver
    def test_no_standard_output(self, commands: Commands) -> None:
        line = " ".join([*PROGRAM, "explain", "connection", "x", ">&-"])
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert (done.returncode, done.stderr) == (1, "")


class TestFullDisks:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("rbac", "--service-account", "a/b", "--namespace", "a"),
            ("put", "variable", "x", "--from-file", "/dev/null", "--dry-run=client", "-o", "yaml"),
            ("check", "/dev/null"),
        ],
    )
    def test_a_full_disk(self, arguments: tuple[str, ...]) -> None:
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [forked_program(), *arguments],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1] == (
            f"airflow-kubernetes-secrets {arguments[0]}: the output cannot be written: No space left on device. Free "
            "some space, or redirect it to another place"
        )

    def test_a_full_disk_after_an_export(self, tmp_path: Path) -> None:
        (tmp_path / "v.json").write_text('{"a": "x"}')
        command = [forked_program(), "export", "--from", "v.json", "--kind", "variables", "-o", "out"]
        for report in ("text", "json"):
            with Path("/dev/full").open("wb") as full:
                done = subprocess.run(
                    [*command, "--report", report],
                    stdout=full,
                    stderr=subprocess.PIPE,
                    text=True,
                    timeout=PATIENCE,
                    check=False,
                    cwd=tmp_path,
                )
            assert done.returncode == 2
            assert done.stderr.splitlines()[-1].startswith(
                "airflow-kubernetes-secrets export: the export to out has ended, but the output cannot be written: "
            )
        assert (tmp_path / "out/variables/airflow-variable-a.yaml").exists()

    @pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("list", "--help")])
    def test_a_full_disk_for_the_help(self, arguments: tuple[str, ...]) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [*PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, env=environment, check=False
            )
        assert done.returncode == 2
        assert done.stderr == (
            "airflow-kubernetes-secrets: the output cannot be written: No space left on device. Free some space, or "
            "redirect it to another place\n"
        )

    def test_a_full_disk_for_output_and_errors(self) -> None:
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [forked_program(), "check", "nowhere"], stdout=full, stderr=full, timeout=PATIENCE, check=False
            )
        assert done.returncode == 2


class TestEncodings:
    @pytest.mark.parametrize(
        ("encoding", "name"),
        [
            ("ascii", r"\u043a\u043b\u044e\u0447"),
            ("latin-1", r"\u043a\u043b\u044e\u0447"),
            ("ascii:surrogateescape", r"\u043a\u043b\u044e\u0447"),
            ("ascii:replace", "????"),
        ],
    )
    def test_an_encoding_that_lacks_characters(self, tmp_path: Path, encoding: str, name: str) -> None:
        manifest = tmp_path / "ключ.yaml"
        manifest.write_text("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {airflow.apache.org: 1}\n{")
        done = _encoded(encoding, "check", str(manifest))
        assert done.returncode == 1, done.stderr
        assert done.stdout.startswith(f"{tmp_path}/{name}.yaml:5: error: ")

    def test_help_in_ascii(self) -> None:
        done = _encoded("ascii", "export", "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert r"AIRFLOW_CONN_\u2026 and AIRFLOW_VAR_\u2026" in " ".join(done.stdout.split())

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
    def test_a_document_is_the_same_in_every_encoding(self, encoding: str) -> None:
        fields = ("--field", "conn_type=http", "--field", "host=h")
        done = _encoded(encoding, "put", "connection", "ключ 😀", *fields, "--dry-run=client", "-o", "yaml")
        manifest = yaml.safe_load(done.stdout)
        assert manifest["metadata"]["annotations"] == {"airflow.apache.org/connection-id": "ключ 😀"}
        assert ("ключ" in done.stdout) is (encoding == "utf-8")


def _encoded(encoding: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose output has this encoding, and optionally an error handler."""
    return subprocess.run(
        [forked_program(), *arguments],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        encoding=encoding.partition(":")[0],
        timeout=PATIENCE,
        check=False,
    )
