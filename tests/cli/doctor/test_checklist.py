"""The whole output of ``doctor``: a list of what was checked."""

from __future__ import annotations

from support.commands import SECRET, URI, Commands
from support.findings import doctor
from support.secrets import Put


def test_no_problems(commands: Commands, put: Put) -> None:
    put.connection("a", URI)
    put.connection("b", URI)
    put.variable("c", SECRET)
    findings = doctor(commands, status=0)
    assert {each["status"] for each in findings} == {"ok"}
    texts = [each["text"] for each in findings]
    me = f"system:serviceaccount:{commands.namespace}:{commands.account.name}"
    assert f"the API server authenticates this as {me}" in texts
    assert f"may list Secrets in {commands.namespace}" in texts
    assert "may not change Secrets in the namespaces that it searches" in texts
    assert "2 connections, 1 variable, 0 configuration options can be read" in texts


def test_plain_text_output(commands: Commands, put: Put) -> None:
    put.connection("a", SECRET, name="bad")
    put.variable("b", f"{SECRET}\n", name="newline")
    lines = commands.run("doctor", status=1).out.splitlines()
    titles = [line for line in lines if not line.startswith(" ")]
    assert titles[:-1] == ["Airflow", "Options", "Credentials", "API server", "Permissions", "Secrets"]
    assert titles[-1] == "1 error; 1 warning"
    assert sum(line.startswith("  ERROR ") for line in lines) == 1
    assert sum(line.startswith("  WARNING ") for line in lines) == 1
