"""User names and ids cannot forge the output of commands that contains messages of the real servers."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from airflow_kubernetes_secrets.messages.printable import printable
from support.cluster import Cluster
from support.commands import Commands
from support.hostile import assert_harmless, assert_one_message
from support.hostile_commands import NUMBERED
from support.secrets import CONNECTION, Put
from support.servers import on_the_devserver


# The messages do not depend on the time between the refusals.
@pytest.mark.usefixtures("refusals_confirmed_at_once")
class TestRealServers:
    """The messages of both servers, for hostile user names."""

    def test_missing_permission_to_impersonate(self, commands: Commands, tmp_path: Path) -> None:
        for user in ("x; touch forged", "a'b", 'a"b\\c', "$(touch forged)", "##[error]x", "::error::x"):
            done = commands.run("list", "--as", user, status=2)
            assert_one_message(done.err.rstrip("\n"))
            role, binding = (line for line in done.err.split("\n") if line.startswith("  kubectl"))
            assert f"--resource-name={printable(user)}" in shlex.split(role.partition(" | ")[0])
            assert shlex.split(binding)[-1] == f"--serviceaccount={commands.namespace}:{commands.account.name}"

    def test_missing_permission_to_list(self, commands: Commands, cluster: Cluster) -> None:
        kubeconfig = cluster.kubeconfig(cluster.admin_token, commands.namespace)
        for user in (
            "x; touch forged",
            "a'b",
            'a"b\\c',
            "$(touch forged)",
            "##[error]x",
        ):
            done = commands.run("list", "--as", user, "--kubeconfig", str(kubeconfig), status=2)
            assert_one_message(done.err.rstrip("\n"))
            grant = done.err.rstrip("\n").split("\n")[-1]
            assert shlex.split(grant)[-1] == f"--user={printable(user)}"

    def test_ids(self, commands: Commands, put: Put, cluster: Cluster) -> None:
        """An annotation can contain any text."""
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

    @on_the_devserver
    def test_on_a_terminal(self, commands: Commands, put: Put, cluster: Cluster) -> None:
        """On a terminal there are escape sequences for colours, and no others."""
        self.test_ids(commands, put, cluster)
        printed = commands.run_on_a_terminal("list", NO_COLOR="1", COLUMNS="40").out
        for escape in ("\x1b]", "\x9b", "\x07", "\x1b[2J\x1b[H", "\u202e"):
            assert escape not in printed.partition("KIND")[2]
