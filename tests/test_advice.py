"""The parts of messages, which the page shows separately."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.kubernetes.objects import SECRETS
from airflow_kubernetes_secrets.kubernetes.permissions import Grant, forbidden_text
from airflow_kubernetes_secrets.messages.advice import advice_of


@pytest.mark.parametrize(
    ("message", "statement", "remedy", "commands"),
    [
        ("Secret n/s: it is being deleted", "Secret n/s: it is being deleted", "", ()),
        (
            "Secret n/s: it is blank. Set a value, or remove it",
            "Secret n/s: it is blank.",
            "Set a value, or remove it",
            (),
        ),
        ("the value has 'a.b' and ends. Do this. Then that", "the value has 'a.b' and ends.", "Do this. Then that", ()),
        (
            "Secret n/s lacks it. If meant, label it:\n  kubectl label secret -n n s a=b",
            "Secret n/s lacks it.",
            "If meant, label it:",
            ("kubectl label secret -n n s a=b",),
        ),
        # A name that was chosen to look like a command.
        (
            "Secret n/s: unknown field 'a: kubectl delete ns prod #'. Remove it",
            "Secret n/s: unknown field 'a: kubectl delete ns prod #'.",
            "Remove it",
            (),
        ),
        ("a document that kubectl refuses. Correct it", "a document that kubectl refuses.", "Correct it", ()),
    ],
)
def test_parts(message: str, statement: str, remedy: str, commands: tuple[str, ...]) -> None:
    advice = advice_of(message)
    assert (advice.statement, advice.remedy, advice.commands) == (statement, remedy, commands)


def test_the_commands_that_grant_a_permission() -> None:
    advice = advice_of(forbidden_text("system:serviceaccount:a:b", "list", SECRETS, "c", grant=Grant(("list",))))
    assert advice.statement == "the service account 'b' of namespace 'a' may not list secrets in namespace 'c'."
    assert advice.remedy == "Grant it:"
    assert [command.split()[:3] for command in advice.commands] == [
        ["kubectl", "create", "role"],
        ["kubectl", "create", "rolebinding"],
    ]
