"""Messages of an API server and the content of its Secrets cannot forge the output of commands."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_kubernetes_secrets.inventory import cluster
from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from support.commands import PATIENCE
from support.fake_api import FakeApi, always, refusal
from support.hostile import NAMES, assert_one_message
from support.hostile_commands import NUMBERED, Program
from support.secrets import CONNECTION

NAMESPACE = "airflow"


def secret(number: int, name: str) -> dict[str, Any]:
    """Return a Secret in which every part from the API server is hostile."""
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
    """Responses of an API server, or of a proxy in its place."""

    @pytest.fixture
    def api(self, run: Program, tmp_path: Path) -> Iterator[FakeApi]:
        with FakeApi(lambda _method, _target: refusal(404, ""), tmp_path / "account") as api:
            for name, value in api.pod_environment().items():
                run.patch.setenv(name, value)
            run.configure(service_account_path=str(api.folder), namespace=NAMESPACE, timeout=20)
            yield api

    @staticmethod
    def answers(
        user: str = "a\x1b[31m", secrets: list[dict[str, Any]] | None = None, **others: tuple[int, Mapping[str, Any]]
    ) -> Any:
        """Return valid responses with hostile content."""
        secrets = [secret(number, name) for number, name in enumerate(NUMBERED)] if secrets is None else secrets

        def answer(_method: str, target: str) -> tuple[int, Mapping[str, Any]]:
            what = target.partition("?")[0].rpartition("/")[2]
            if what in others:
                return others[what]
            if what == "version":
                return 200, {"gitVersion": f"v1{user}"}
            if what == "selfsubjectreviews":
                return 201, {"status": {"userInfo": {"username": user}}}
            if what == "selfsubjectaccessreviews":
                return 201, {"status": {"allowed": True}}
            if what == "secrets":
                # All Secrets are connections.
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
            # The ids are exact, for programs.
            assert {each["id"] for each in document["entries"]} == set(NUMBERED)
            # None of the names looks like a host.
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
        # A host is only shown if it looks like one.
        assert (found["id"], found["host"], found["user"], found["extra"]) == (name, "", name, [name])
        assert yaml.safe_load(run("explain", "connection", name, "-o", "yaml").out) == found

    @staticmethod
    def plain(hostile: Mapping[str, Any]) -> dict[str, Any]:
        """Return the Secret with harmless names, and the same number of problems."""
        name = hostile["metadata"]["name"]
        harmless: dict[str, Any] = json.loads(json.dumps(secret(1, "plain")))
        harmless["metadata"]["name"] = "plain" if not name.endswith("b") else "plainb"
        # An id that is not a valid label value has an annotation.
        harmless["metadata"]["labels"] = {CONNECTION: "plain", "airflow.apache.org/x": "x"}
        harmless["metadata"]["annotations"] = {CONNECTION: "plain", "airflow.apache.org/x": "x"}
        return harmless

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

    # Each command is a new process, which would wait a second to confirm a 403.
    @pytest.mark.usefixtures("refusals_confirmed_at_once")
    @pytest.mark.parametrize("code", [400, 403, 404, 409, 422, 429, 500])
    def test_an_error(self, run: Program, api: FakeApi, code: int) -> None:
        # An error that is retried takes the whole timeout.
        is_retried = code >= 429
        run.patch.setattr(cluster, "_SHORTEST_TIMEOUT", 0.0)
        run.configure(service_account_path=str(api.folder), namespace=NAMESPACE, timeout=2)
        (api.folder / "value").write_text("x")
        commands = (
            ["list"],
            ["explain", "variable", "x"],
            ["put", "variable", "x", "--from-file", str(api.folder / "value")],
        )
        names = list(NAMES.values())[: 2 if is_retried else None]
        for name in names:
            message = f'secrets is forbidden: User "{name}" cannot list resource "secrets": {name}'
            api.answer = always(*refusal(code, message))
            for arguments in commands:
                done = run(*arguments)
                assert done.status in (1, 2)
                assert_one_message(done.err.rstrip("\n"))
                # Otherwise the command printed no hostile text, and nothing was tested.
                assert not is_retried or "forged" in done.err + done.out

    @pytest.mark.usefixtures("refusals_confirmed_at_once")
    def test_suggested_command_cannot_run_other_commands(self, run: Program, api: FakeApi, tmp_path: Path) -> None:
        """The remedy of a 403 is meant to be copied into a shell."""
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

    def test_hostile_secret_name_is_not_in_a_suggested_command(
        self, run: Program, api: FakeApi, tmp_path: Path
    ) -> None:
        """If another Secret has the id, ``put`` suggests to delete or label it."""
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
