"""Nothing forges what commands print: no name of a file, no id or name in a Secret, no word of a server."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_kubernetes_secrets.api import refusals
from airflow_kubernetes_secrets.cli.definition import COMMANDS
from airflow_kubernetes_secrets.cli.main import main
from airflow_kubernetes_secrets.identifiers import label_value
from airflow_kubernetes_secrets.printable import printable
from support.cluster import Cluster
from support.commands import PATIENCE, PROGRAM, Commands, Done
from support.fake_api import FakeApi, always, refusal
from support.hostile import FILE_NAMES, NAMES, assert_harmless, assert_one_message
from support.secrets import CONNECTION, Put

devserver_alone = pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
each_name = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
each_file_name = pytest.mark.parametrize("name", FILE_NAMES.values(), ids=FILE_NAMES)

# What no other name of a label's begins with; it tells them apart where all are printed together.
NUMBERED = [f"{name}{number}" for number, name in enumerate(NAMES.values())]


class Program:
    """Runs commands in this process, where Airflow is not configured."""

    def __init__(self, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.patch = patch
        for name in ("AIRFLOW__SECRETS__BACKEND", "AIRFLOW__SECRETS__BACKEND_KWARGS", "KUBECONFIG"):
            patch.delenv(name, raising=False)

    def configure(self, **kwargs: object) -> None:
        self.patch.setenv("AIRFLOW__SECRETS__BACKEND", "airflow_kubernetes_secrets.KubernetesSecretsBackend")
        self.patch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(kwargs))

    def __call__(self, *arguments: str, commands: int = 0) -> Done:
        """Run a command, and see that nothing that it prints does harm."""
        self._capsys.readouterr()
        try:
            status = main(arguments)
        except SystemExit as end:
            status = int(end.code or 0)
        captured = self._capsys.readouterr()
        assert_harmless(captured.out, commands=commands)
        assert_harmless(captured.err)
        return Done(status, captured.out, captured.err)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    return Program(monkeypatch, capsys)


def broken_manifests(folder: Path, names: Iterable[str] = FILE_NAMES.values()) -> None:
    """One file for each hostile name, which is no YAML, and as many in folders of those names."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.yaml").write_text("kind: [\n")
        (folder / name).mkdir()
        (folder / name / "b.json").write_text('{"kind": ')


class TestArguments:
    """What argparse repeats of them, and what comes of paths that are not there."""

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
    def test_what_is_no_argument(self, run: Program, command: Any) -> None:
        for name in FILE_NAMES.values():
            done = run(command.name, f"--{name}=", "--no-such-argument", name, name)
            assert done.status == 2
            # The usage may have several lines.
            last = done.err.rstrip("\n").rpartition("\n")[2]
            assert re.match(f"airflow-kubernetes-secrets( {command.name})?: error: ", last)

    @each_file_name
    def test_paths_that_are_not_there(self, run: Program, tmp_path: Path, name: str) -> None:
        path = str(tmp_path / name)
        for arguments, status in (
            (["check", path], 2),
            (["export", "--from", path, "-o", str(tmp_path / "out")], 2),
            (["put", "variable", "x", "--from-file", path, "--dry-run", "client"], 2),
            (["list", "--kubeconfig", path], 2),
            (["list", "--kubeconfig", path, "--context", name], 2),
            (["explain", "connection", name, "--kubeconfig", path], 2),
            (["doctor", "--kubeconfig", path], 1),
            (["devserver", "--manifests", path], 1),
            (["rbac", "-s", name], 2),
            (["rbac", "-s", "a/b", "--namespace", name], 2),
            (["check", "--namespace", name, str(tmp_path)], 2),
        ):
            done = run(*arguments)
            assert done.status == status, (arguments, done)
            run(*arguments, "--debug")

    @each_file_name
    def test_a_traceback(self, run: Program, tmp_path: Path, name: str) -> None:
        done = run("check", str(tmp_path / name), "--debug")
        assert done.status == 2
        assert done.err.startswith("Traceback")
        assert (
            done.err.rstrip("\n")
            .rpartition("\n")[2]
            .startswith("airflow_kubernetes_secrets.inventory.manifests.PathError: ")
        )


class TestCheck:
    def test_names_of_files(self, run: Program, tmp_path: Path) -> None:
        broken_manifests(tmp_path)
        done = run("check", str(tmp_path))
        assert done.status == 1
        # One line for each file, and the sum.
        assert done.out.count("\n") == 2 * len(FILE_NAMES) + 1

    def test_for_github(self, run: Program, tmp_path: Path) -> None:
        broken_manifests(tmp_path)
        count = 2 * len(FILE_NAMES)
        done = run("check", str(tmp_path), "--output", "github", commands=count)
        commands = done.out.split("\n")[:count]
        for line in commands:
            given, data = line.removeprefix("::error ").split("::", 1)
            # As the runner takes it apart.
            properties = dict(each.split("=", 1) for each in given.split(","))
            assert properties.keys() == {"file", "line", "title"}
            assert properties["title"] == "unreadable-manifest"
            assert properties["line"].isdecimal()
            assert "::" not in data
        assert done.out.split("\n")[count:] == [f"0 manifests, {count} errors, 0 warnings", ""]

    def test_what_the_runner_makes_of_a_name(
        self, run: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        name = "a,line=1::error::x%0Ab:c.yaml"
        Path(name).write_text("kind: [\n")
        line = run("check", name, "--output", "github", commands=1).out.split("\n")[0]
        value = line.split("file=", 1)[1].split(",", 1)[0]
        for escape, character in (("%3A", ":"), ("%2C", ","), ("%0A", "\n"), ("%25", "%")):
            value = value.replace(escape, character)
        assert value == name

    def test_as_json(self, run: Program, tmp_path: Path) -> None:
        broken_manifests(tmp_path)
        done = run("check", str(tmp_path), "--output", "json")
        found = {each["path"] for each in json.loads(done.out)["problems"]}
        assert {f"{tmp_path}/{name}.yaml" for name in NAMES.values()} <= found

    @each_file_name
    def test_a_folder_without_anything(
        self, run: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        """A workflow may run ``check *``, where a pull request chooses the names."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / name).mkdir()
        arguments = ["check", "--output", "github", "--", name]
        done = run(*arguments)
        assert done.status == 0
        assert "nothing there has Airflow's labels" in done.err

    def test_in_a_process_of_its_own(self, tmp_path: Path) -> None:
        """With the bytes that come out of it."""
        broken_manifests(tmp_path)
        done = subprocess.run(
            [*PROGRAM, "check", str(tmp_path)], capture_output=True, timeout=PATIENCE, check=False, cwd=tmp_path
        )
        assert done.returncode == 1
        assert_harmless(done.stdout.decode("utf-8"))
        assert_harmless(done.stderr.decode("utf-8"))

    def test_what_is_in_manifests(self, run: Program, tmp_path: Path) -> None:
        documents = [
            {
                "apiVersion": version,
                "kind": kind,
                "metadata": {
                    "name": f"a{name}",
                    "namespace": name,
                    "labels": {CONNECTION: name, name: name, f"airflow.apache.org/{name}": "x"},
                    "annotations": {CONNECTION: name, f"airflow.apache.org/{name}": name},
                },
                "stringData": {name: name, "value": json.dumps({"host": "h", name: name})},
                "spec": {"target": {"name": name}, "data": [{"secretKey": name}]},
            }
            for name in NAMES.values()
            for version, kind in (
                ("v1", "Secret"),
                ("external-secrets.io/v1", "ExternalSecret"),
                ("bitnami.com/v1alpha1", "SealedSecret"),
            )
        ]
        (tmp_path / "x.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}))
        lines = run("check", str(tmp_path)).out.count("\n")
        found = json.loads(run("check", str(tmp_path), "-o", "json").out)["problems"]
        assert lines == len(found) + 1 > len(NAMES)
        run("check", str(tmp_path), "-o", "github", commands=len(found))


class TestFolder:
    """A folder of manifests in place of an API: its files are named by whoever writes there."""

    @pytest.fixture
    def folder(self, run: Program, tmp_path: Path) -> Path:
        folder = tmp_path / "a\u202e##[error]b"
        broken_manifests(folder)
        run.configure(path=str(folder))
        return folder

    @pytest.mark.parametrize("output", ["table", "plain", "json", "yaml"])
    def test_list(self, run: Program, folder: Path, output: str) -> None:
        done = run("list", "-o", output)
        assert done.err.count("error: ") == 2 * len(FILE_NAMES)
        assert done.err.count("\n") == 2 * len(FILE_NAMES) + (output in ("table", "plain"))

    @pytest.mark.parametrize("output", ["text", "json", "yaml"])
    def test_explain(self, run: Program, folder: Path, output: str) -> None:
        assert run("explain", "connection", "x", "-o", output).status == 1

    @pytest.mark.parametrize("output", ["text", "json", "yaml"])
    def test_doctor(self, run: Program, folder: Path, output: str) -> None:
        assert run("doctor", "-o", output).status == 1

    def test_put(self, run: Program, folder: Path) -> None:
        (folder.parent / "value").write_text("x")
        assert run("put", "variable", "x", "--from-file", str(folder.parent / "value")).status == 1

    def test_lines_of_a_checklist(self, run: Program, folder: Path) -> None:
        found = [line for line in run("doctor").out.split("\n") if "YAML" in line or "yaml" in line or "json" in line]
        assert all(line.startswith(("  ERROR", "  ok")) for line in found)


class TestConfiguration:
    """What Airflow is configured with, and what a kubeconfig says."""

    @each_name
    def test_options(self, run: Program, tmp_path: Path, name: str) -> None:
        every: tuple[dict[str, Any], ...] = (
            {name: 1},
            {"namespace": name},
            {"namespace": [name]},
            {"team_namespaces": {name: name}},
            {"references": {name: {}}},
            {"references": {"connections": {name: name}}},
            {"connections_label": name},
            {"connections_lookup_pattern": f"({name}"},
            {"path": str(tmp_path / name)},
            {"service_account_path": str(tmp_path / name)},
            {"kubeconfig": str(tmp_path / name)},
            {"timeout": name},
            {"context": name},
        )
        for kwargs in every:
            run.configure(**kwargs)
            assert run("list").err.count("\n") == 1
            assert run("doctor").status == 1
            run("doctor", "-o", "yaml")

    @each_name
    def test_a_class(self, run: Program, tmp_path: Path, name: str) -> None:
        run.configure(path=str(tmp_path))
        for backend in (name, f"airflow.{name}", f"airflow.models.{name}"):
            run.patch.setenv("AIRFLOW__SECRETS__BACKEND", backend)
            run.patch.setenv("AIRFLOW__WORKERS__SECRETS_BACKEND", backend)
            for arguments in (["doctor"], ["list"], ["explain", "variable", "x"], ["check", str(tmp_path)]):
                run(*arguments)
            assert run("rbac", "-s", "a/b", "-n", "a").err.count("\n") == 1

    @each_file_name
    def test_the_file(self, run: Program, tmp_path: Path, name: str) -> None:
        """airflow.cfg can be anywhere."""
        manifests = tmp_path / "manifests"
        manifests.mkdir()
        file = tmp_path / f"{name}.cfg"
        file.write_text("[database]\nsql_alchemy_conn_secret = x\n[core]\nfernet_key = x\nfernet_key_secret = y\n")
        run.configure(path=str(manifests))
        run.patch.setenv("AIRFLOW_CONFIG", str(file))
        before = run("doctor").out
        assert printable(file) in before
        assert all(line.startswith("  ") for line in before.split("\n") if "cfg" in line)
        assert printable(file) in run("explain", "config", "x").out

    @each_name
    def test_variables_of_the_environment(self, run: Program, tmp_path: Path, name: str) -> None:
        # Which none has in its name.
        name = name.replace("=", "-")
        manifest = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "x",
                "labels": {CONNECTION: label_value(name)},
                "annotations": {CONNECTION: name},
            },
            "stringData": {"value": "http://h"},
        }
        (tmp_path / "x.json").write_text(json.dumps(manifest))
        run.configure(path=str(tmp_path))
        run.patch.setenv(f"AIRFLOW_CONN_{name.upper()}", "http://h")
        done = run("explain", "connection", name)
        assert done.status == 0
        assert len([line for line in done.out.split("\n") if "of this process" in line]) == 1

    @each_name
    def test_a_kubeconfig(self, run: Program, tmp_path: Path, name: str) -> None:
        with FakeApi(lambda _method, _target: refusal(404, ""), tmp_path / "account") as api:
            server = "https://{KUBERNETES_SERVICE_HOST}:{KUBERNETES_SERVICE_PORT}".format(**api.pod_environment())
            cluster = {"server": server, "certificate-authority": str(api.folder / "ca.crt")}
            for changed, context in (
                ({"tls-server-name": name}, {}),
                ({"server": f"https://{name}"}, {}),
                ({"certificate-authority": str(tmp_path / name)}, {}),
                ({"proxy-url": name}, {}),
                ({}, {"namespace": name}),
                ({}, {"user": name}),
            ):
                config = {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "c", "cluster": {**cluster, **changed}}],
                    "users": [{"name": "u", "user": {"token": "a-token"}}],
                    "contexts": [{"name": name, "context": {"cluster": "c", "user": "u", **context}}],
                    "current-context": name,
                }
                file = tmp_path / "config"
                file.write_text(yaml.safe_dump(config))
                run.configure(timeout=1)
                for more in ([], ["--context", name], ["--context", f"{name}x"]):
                    done = run("list", "--kubeconfig", str(file), *more)
                    assert (done.status, done.err.count("\n")) == (2, 1)


NAMESPACE = "airflow"


def secret(number: int, name: str) -> dict[str, Any]:
    """A Secret in which everything that the API server could say of it is hostile."""
    value = {"conn_type": name, "host": name, "login": "x", "extra": json.dumps({name: "x"})}
    return {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "creationTimestamp": name,
            "labels": {CONNECTION: label_value(name), f"airflow.apache.org/{name}": name},
            "annotations": {CONNECTION: name, f"airflow.apache.org/{name}": name},
            "ownerReferences": [
                {"apiVersion": f"{name}/v1", "kind": name, "name": name, "uid": str(number), "controller": True}
            ],
        },
        "type": name,
        "data": {"value": b64encode(json.dumps(value).encode()).decode(), name: ""},
    }


class TestServer:
    """What an API server says, or something on the way in its place."""

    @pytest.fixture
    def api(self, run: Program, tmp_path: Path) -> Iterator[FakeApi]:
        with FakeApi(lambda _method, _target: refusal(404, ""), tmp_path / "account") as api:
            for name, value in api.pod_environment().items():
                run.patch.setenv(name, value)
            run.configure(service_account_path=str(api.folder), namespace=NAMESPACE, timeout=2)
            yield api

    @staticmethod
    def answers(user: str = "a\x1b[31m", secrets: list[dict[str, Any]] | None = None, **others: Any) -> Any:
        """Answers that are in order but for what they say."""
        secrets = [secret(number, name) for number, name in enumerate(NUMBERED)] if secrets is None else secrets

        def answer(_method: str, target: str) -> tuple[int, Mapping[str, Any]]:
            what = target.partition("?")[0].rpartition("/")[2]
            if what in others:
                return others[what]  # type: ignore[no-any-return]  # whatever a test wants
            if what == "version":
                return 200, {"gitVersion": f"v1{user}"}
            if what == "selfsubjectreviews":
                return 201, {"status": {"userInfo": {"username": user}}}
            if what == "selfsubjectaccessreviews":
                return 201, {"status": {"allowed": True}}
            if what == "secrets":
                # All are connections.
                items = secrets if "connection-id" in target else []
                return 200, {
                    "kind": "SecretList",
                    "apiVersion": "v1",
                    "metadata": {"resourceVersion": "1"},
                    "items": items,
                }
            return refusal(404, "not found")

        return answer

    @pytest.mark.parametrize("output", ["table", "plain", "json", "yaml"])
    def test_list(self, run: Program, api: FakeApi, output: str) -> None:
        api.answer = self.answers()
        done = run("list", "-o", output)
        assert done.status == 0
        if output in ("json", "yaml"):
            document = json.loads(done.out) if output == "json" else yaml.safe_load(done.out)
            # Exactly, for programs.
            assert {each["id"] for each in document["entries"]} == set(NUMBERED)
            # None of them looks like a host.
            assert {each["host"] for each in document["entries"]} == {""}
            assert {each["owner"]["name"] for each in document["entries"]} == set(NUMBERED)
        elif output == "plain":
            assert done.out.count("\n") == len(NUMBERED) + 1
            problems = json.loads(run("list", "-o", "json").out)["entries"]
            texts = {problem["text"] for each in problems for problem in each["problems"]}
            assert done.err.count("\n") == len(texts)

    @pytest.mark.parametrize("name", NUMBERED, ids=NAMES)
    def test_explain(self, run: Program, api: FakeApi, name: str) -> None:
        others = [secret(1, name), {**secret(2, name), "metadata": {**secret(2, name)["metadata"], "name": f"{name}b"}}]
        api.answer = self.answers(user=name, secrets=others)
        done = run("explain", "connection", name)
        assert done.status == 0, done
        plain = self.answers(user="x", secrets=[self.plain(each) for each in others])
        api.answer = plain
        assert done.out.count("\n") == run("explain", "connection", "plain").out.count("\n")
        api.answer = self.answers(user=name, secrets=others)
        found = json.loads(run("explain", "connection", name, "-o", "json").out)
        # A name that does not look like a host's is not shown.
        assert (found["id"], found["host"], found["user"], found["extra"]) == (name, "", name, [name])
        assert yaml.safe_load(run("explain", "connection", name, "-o", "yaml").out) == found

    @staticmethod
    def plain(hostile: Mapping[str, Any]) -> dict[str, Any]:
        """The same Secret with names that harm nobody, and as many problems."""
        name = hostile["metadata"]["name"]
        harmless = json.loads(json.dumps(secret(1, "plain")))
        harmless["metadata"]["name"] = "plain" if not name.endswith("b") else "plainb"
        # An id that is no label value has an annotation.
        harmless["metadata"]["labels"] = {CONNECTION: "plain", "airflow.apache.org/x": "x"}
        harmless["metadata"]["annotations"] = {CONNECTION: "plain", "airflow.apache.org/x1": "x"}
        return harmless  # type: ignore[no-any-return]  # json has no types

    @pytest.mark.parametrize("output", ["text", "json", "yaml"])
    def test_doctor(self, run: Program, api: FakeApi, output: str) -> None:
        for name in (
            NAMES["a workflow command in a line of its own"],
            NAMES["a link"],
            NAMES["a right-to-left override"],
        ):
            api.answer = self.answers(user=name)
            done = run("doctor", "-o", output)
            if output == "text":
                assert all(line.startswith("  ") or not line[:1].islower() for line in done.out.split("\n"))

    @pytest.mark.parametrize("code", [400, 403, 404, 409, 422, 429, 500])
    def test_an_error(self, run: Program, api: FakeApi, code: int) -> None:
        # Each command is a new process, which would wait a second to confirm a 403.
        run.patch.setattr(refusals, "CONFIRMED_AFTER_SECONDS", 0.0)
        (api.folder / "value").write_text("x")
        commands = (
            ["list"],
            ["explain", "variable", "x"],
            ["put", "variable", "x", "--from-file", str(api.folder / "value")],
        )
        # Those that are tried again take all of the time.
        names = list(NAMES.values()) if code in (400, 403, 404, 409, 422) else list(NAMES.values())[:2]
        for name in names:
            message = f'secrets is forbidden: User "{name}" cannot list resource "secrets": {name}'
            api.answer = always(*refusal(code, message))
            for arguments in commands:
                done = run(*arguments)
                assert done.status in (1, 2)
                assert_one_message(done.err.rstrip("\n"))

    def test_a_command_that_would_do_more(self, run: Program, api: FakeApi, tmp_path: Path) -> None:
        """The remedy of a 403 is there to be copied into a shell."""
        run.patch.chdir(tmp_path)
        for user in (
            "x; touch forged",
            "x' ; touch forged ; '",
            "$(touch forged)",
            "`touch forged`",
            "x\\ntouch forged",
            "x\ntouch forged",
            "system:serviceaccount:a;touch forged:b",
            "system:serviceaccount:a:b$(touch forged)",
            "system:serviceaccount:a:b\ntouch forged",
            "--all",
            "x && touch forged #",
        ):
            api.answer = always(*refusal(403, f'secrets is forbidden: User "{user}" cannot list'))
            err = run("list").err
            commands = [line for line in err.split("\n") if line.startswith("  ")]
            assert all(line.startswith("  kubectl create role") for line in commands), err
            assert len(commands) == 2
            script = "kubectl() { cat >/dev/null; printf '%s\\n' \"$@\"; }\n" + "\n".join(commands)
            done = subprocess.run(
                ["sh", "-c", script],
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=True,
                stdin=subprocess.DEVNULL,
            )
            words = done.stdout.split("\n")
            assert words.count("rolebinding") == 1
            assert not (tmp_path / "forged").exists()

    def test_a_name_in_a_command(self, run: Program, api: FakeApi, tmp_path: Path) -> None:
        """Where a Secret is in the way, ``put`` suggests to delete or label it."""
        for name in ("--all", "x; touch forged", "x\nkubectl delete ns", "$(touch forged)"):
            other = secret(1, name)
            other["metadata"]["ownerReferences"] = []
            other["metadata"]["labels"] = {CONNECTION: "x"}
            other["metadata"]["annotations"] = {}
            api.answer = self.answers(secrets=[other])
            (tmp_path / "value").write_text("http://h")
            done = run("put", "connection", "x", "--from-file", str(tmp_path / "value"), "--name", "mine")
            assert done.status == 1
            assert "kubectl delete secret -n airflow NAME" in done.err

    def test_a_long_message_is_cut_off(self, run: Program, api: FakeApi) -> None:
        for character in ("x", "\x1b", "ü", "\u202e"):
            api.answer = always(*refusal(400, character * 100_000))
            done = run("list")
            assert "[cut off: 100000 characters in all]" in done.err
            assert len(done.err.encode()) < 1400


class TestRealWords:
    """As both servers word them, for users that nobody should have."""

    def test_who_may_not_act_as_whom(self, commands: Commands, tmp_path: Path) -> None:
        for user in ("x; touch forged", "a'b", 'a"b\\c', "$(touch forged)", "##[error]x", "::error::x"):
            done = commands.run("list", "--as", user, status=2)
            assert_one_message(done.err.rstrip("\n"))
            role, binding = (line for line in done.err.split("\n") if line.startswith("  kubectl"))
            assert f"--resource-name={printable(user)}" in shlex.split(role.partition(" | ")[0])
            assert shlex.split(binding)[-1] == f"--serviceaccount={commands.namespace}:{commands.account.name}"

    def test_who_may_not_list(self, commands: Commands, cluster: Cluster) -> None:
        kubeconfig = cluster.kubeconfig(cluster.admin_token, commands.namespace)
        for user in (
            "x; touch forged",
            "a'b",
            'a"b\\c',
            "$(touch forged)",
            "##[error]x",
            "system:serviceaccount:a;b:c",
        ):
            done = commands.run("list", "--as", user, "--kubeconfig", str(kubeconfig), status=2)
            assert_one_message(done.err.rstrip("\n"))
            grant = done.err.rstrip("\n").split("\n")[-1]
            assert shlex.split(grant)[-1] == f"--user={printable(user)}"

    def test_ids(self, commands: Commands, put: Put, cluster: Cluster) -> None:
        """An annotation can hold anything."""
        for number, name in enumerate(NUMBERED):
            cluster.apply(
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {
                        "name": f"hostile-{number}",
                        "namespace": put.namespace,
                        "labels": {CONNECTION: label_value(name)},
                        "annotations": {CONNECTION: name},
                    },
                    "stringData": {"value": json.dumps({"conn_type": "http", "host": name})},
                }
            )
        for output in ("table", "plain", "json", "yaml"):
            done = commands.run("list", "-o", output)
            assert_harmless(done.out)
            assert_harmless(done.err)
        for name in NUMBERED[:12]:
            done = commands.run("explain", "connection", name)
            assert_harmless(done.out)

    @devserver_alone
    def test_on_a_terminal(self, commands: Commands, put: Put, cluster: Cluster) -> None:
        """There are escapes for colours on one, and no others."""
        self.test_ids(commands, put, cluster)
        printed = commands.run_on_a_terminal("list", NO_COLOR="1", COLUMNS="40").out
        for escape in ("\x1b]", "\x9b", "\x07", "\x1b[2J\x1b[H", "\u202e"):
            assert escape not in printed.partition("KIND")[2]


class TestPut:
    @each_name
    @pytest.mark.parametrize("output", ["yaml", "json"])
    def test_a_manifest(self, run: Program, tmp_path: Path, name: str, output: str) -> None:
        (tmp_path / "value").write_text("x")
        done = run("put", "variable", name, "--from-file", str(tmp_path / "value"), "--dry-run", "client", "-o", output)
        assert done.status == 0, done
        manifest = yaml.safe_load(done.out) if output == "yaml" else json.loads(done.out)
        assert manifest["metadata"]["annotations"] == {"airflow.apache.org/variable-key": name}
        assert done.err.count("\n") == done.err.count("variable '") + done.err.count('variable "') + 1

    @each_name
    def test_a_line(self, run: Program, tmp_path: Path, name: str) -> None:
        (tmp_path / "value").write_text("x")
        done = run(
            "put", "variable", name, "--from-file", str(tmp_path / "value"), "--dry-run", "client", "--team", "t"
        )
        assert done.out.count("\n") == 1


class TestRbac:
    def test_a_name(self, run: Program) -> None:
        run.configure()
        for name in (
            "a\u202eb",
            "a\x9bb",
            "a\u2028::error::x",
            "::error::x",
            "##[error]x",
            "\ufeffa",
            "\ufe0f",
            "a: b # c",
        ):
            if " " in name:
                assert run("rbac", "-s", "a/b", "-n", "a", "--name", name).status == 2
                continue
            done = run("rbac", "-s", "a/b", "-n", "a", "--name", name)
            assert done.status == 0
            assert {each["metadata"]["name"] for each in yaml.safe_load_all(done.out)} == {name}


class TestExport:
    @pytest.fixture
    def entries(self, tmp_path: Path) -> Path:
        path = tmp_path / "variables.json"
        path.write_text(json.dumps({**dict.fromkeys(NUMBERED, "x"), "a\0b": "x", "a\ud800b": "x"}))
        return path

    @pytest.mark.parametrize("report", ["text", "json"])
    @each_file_name
    def test_what_it_says(self, run: Program, tmp_path: Path, entries: Path, name: str, report: str) -> None:
        target = tmp_path / name
        done = run("export", "--from", str(entries), "-o", str(target), "--kind", "variables", "--report", report)
        assert done.status == 1
        if report == "json":
            document = json.loads(done.out)
            assert document["directory"] == str(target)
            assert shlex.split(document["apply"])[-1] == str(target)
            assert {each["id"] for each in document["entries"]} == {*NUMBERED, "a\0b", "a\ud800b"}
        else:
            assert f"variables: {len(NUMBERED) + 1} written, 1 not written" in done.out

    def test_its_files_say_exactly_what_they_are(self, run: Program, tmp_path: Path, entries: Path) -> None:
        run("export", "--from", str(entries), "-o", str(tmp_path / "out"), "--kind", "variables")
        files = sorted((tmp_path / "out" / "variables").iterdir())
        for file in files:
            assert_harmless(file.read_bytes().decode("utf-8"))
        ids = {
            yaml.safe_load(file.read_text())["metadata"]["annotations"]["airflow.apache.org/variable-key"]
            for file in files
        }
        assert ids == {*NUMBERED, "a\0b"}


class TestDevserver:
    def test_names_of_files(self, tmp_path: Path) -> None:
        manifests, ready = tmp_path / "manifests", tmp_path / "ready"
        # The library that follows the folder does not follow one with names of folders that are not UTF-8.
        broken_manifests(manifests, NAMES.values())
        for number, name in enumerate(NAMES.values()):
            (manifests / f"kind-{number}.json").write_text(json.dumps({"kind": name, "apiVersion": "v1"}))
        directory = tmp_path / FILE_NAMES["bytes that are no UTF-8"] / NAMES["several lines"] / NAMES["a link"]
        command = [
            *PROGRAM,
            "devserver",
            "--manifests",
            str(manifests),
            "--ready-file",
            str(ready),
            "--directory",
            str(directory),
        ]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        try:
            deadline = time.monotonic() + PATIENCE
            while not ready.exists():
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            # A shell reads the very paths out of it.
            script = f'. {shlex.quote(str(ready))}; printf %s "$KUBECONFIG"'
            read = subprocess.run(["sh", "-c", script], capture_output=True, timeout=PATIENCE, check=True)
            assert read.stdout == os.fsencode(directory / "kubeconfig")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
            process.communicate()
        assert process.returncode == 0, err
        assert err.decode() == ""
        text = out.decode("utf-8")
        assert_harmless(text)
        assert text.count("is not served") == len(NAMES)
        assert text.count("it held") == 0


@pytest.mark.parametrize("name", NUMBERED, ids=NAMES)
def test_the_script_that_deletes(name: str, tmp_path: Path) -> None:
    """Each of its lines can be read, and says exactly which entry is meant."""
    from airflow_kubernetes_secrets.cli.export import _command
    from airflow_kubernetes_secrets.lookup import Kind, Lookup

    for identifier in (name, f"{name}\n", f"-{name}", f"\\{name}\\", f"{name}\n\n"):
        line = _command(Lookup(Kind.VARIABLE, identifier))
        assert_harmless(line)
        airflow = f"airflow() {{ {shlex.quote(sys.executable)} -c 'import sys; print(ascii(sys.argv[1:]))' \"$@\"; }}"
        done = subprocess.run(
            ["sh", "-c", f"{airflow}\n{line}"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
            cwd=tmp_path,
        )
        end = ["--"] if identifier.startswith("-") else []
        assert done.stdout == f"{['variables', 'delete', *end, identifier]!a}\n"
        assert list(tmp_path.iterdir()) == []
