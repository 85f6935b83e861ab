"""Error messages of the API server: made printable, shortened, and harmless in the suggested commands."""

from __future__ import annotations

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_kubernetes_secrets.errors import ExpiredVersionError
from airflow_kubernetes_secrets.kubernetes.decode import MalformedBodyError, status_message
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS
from airflow_kubernetes_secrets.kubernetes.permissions import (
    Grant,
    described_user,
    forbidden_text,
    impersonation_text,
    refused_user,
)
from airflow_kubernetes_secrets.kubernetes.watch_events import parse_watch_event
from airflow_kubernetes_secrets.messages.printable import printable
from support.hostile import NAMES, assert_harmless, assert_one_message

each_name = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)

LONGEST = 1024


def status(message: str, code: int = 500) -> bytes:
    return json.dumps({"kind": "Status", "code": code, "message": message}).encode()


@each_name
def test_a_message(name: str) -> None:
    assert status_message(status(f"x {name}")) == printable(f"x {name}")


@pytest.mark.parametrize("character", ["x", "ü", "語", "😀", "\n", "\x1b", "\u202e", "\U000e0041"])
@pytest.mark.parametrize("length", [1, 100, 102, 256, 341, 342, 511, 512, 513, 1023, 1024, 1025, 5000])
def test_a_long_message(character: str, length: int) -> None:
    message = character * length
    found = status_message(status(message))
    assert_harmless(found)
    if len(printable(message).encode()) <= LONGEST:
        assert found == printable(message)
    else:
        mark = f" [cut off: {length} characters in all]"
        assert LONGEST - 4 < len(found.encode()) <= LONGEST
        assert found.endswith(mark)
        assert printable(message).startswith(found.removesuffix(mark))


@given(st.text(max_size=3000))
def test_any_message(message: str) -> None:
    found = status_message(status(message))
    assert "\n" not in found
    assert_harmless(f"said: {found}")
    assert len(found.encode()) <= LONGEST


@each_name
def test_an_error_in_a_watch(name: str) -> None:
    for code, error in ((500, MalformedBodyError), (410, ExpiredVersionError)):
        event = {"type": "ERROR", "object": json.loads(status(name * 500, code))}
        with pytest.raises(error) as raised:
            parse_watch_event(json.dumps(event).encode(), SECRETS, "airflow")
        assert_harmless(f"said: {raised.value}")
        assert len(str(raised.value).encode()) < LONGEST + 100


@pytest.mark.parametrize(
    ("quoted", "user"),
    [
        ("ada", "ada"),
        ("system:serviceaccount:airflow:worker", "system:serviceaccount:airflow:worker"),
        (r"a\"b", 'a"b'),
        (r"DOMAIN\\ada", r"DOMAIN\ada"),
        (r"a\x1bb\nc", r"a\x1bb\nc"),
        ("größe", "größe"),
    ],
)
def test_user_name_quoted_by_go(quoted: str, user: str) -> None:
    assert refused_user(f'secrets is forbidden: User "{quoted}" cannot list resource "secrets"') == user


@pytest.mark.parametrize("message", ["", "forbidden", 'User ""', 'User "', r'User "a\"', "User ada"])
def test_message_without_a_user(message: str) -> None:
    assert refused_user(message) == ""


@each_name
@pytest.mark.parametrize("form", ["{}", "system:serviceaccount:{}:b", "system:serviceaccount:a:{}"])
def test_a_remedy(name: str, form: str) -> None:
    user = refused_user(f'User "{form.format(name)}"')
    for text in (
        forbidden_text(user, "list", SECRETS, name, grant=Grant(("list",))),
        forbidden_text(user, "get", SECRETS, name, grant=Grant(("get",), names=(name, name))),
        impersonation_text(f'User "{form.format(name)}" cannot impersonate', form.format(name)),
    ):
        assert_one_message(text)
        for command in text.split("\n")[1:]:
            words = shlex.split(command.partition(" | ")[0])
            assert words[0] == "kubectl"
            assert all(
                word.startswith("-")
                or word in ("create", "role", "rolebinding", "clusterrole", "clusterrolebinding", "yaml")
                or word.startswith(("airflow-kubernetes-secrets", "impersonate-"))
                for word in words[1:]
            ), words


@pytest.mark.parametrize(
    ("server_says", "permission"),
    [
        ('cannot impersonate resource "users" in API group "" at the cluster scope', ""),
        (
            'cannot impersonate-on:serviceaccount:list resource "secrets" in API group "" in the namespace "airflow"',
            "the verb 'impersonate-on:serviceaccount:list' is missing on the resource 'secrets' in namespace 'airflow'",
        ),
        (
            'cannot impersonate-on:user-info:create resource "selfsubjectaccessreviews" in API group '
            '"authorization.k8s.io" at the cluster scope',
            "the verb 'impersonate-on:user-info:create' is missing on the resource 'selfsubjectaccessreviews' in the "
            "cluster",
        ),
        (
            'cannot impersonate:serviceaccount resource "serviceaccounts" in API group "authentication.k8s.io" '
            'in the namespace "airflow"',
            "the verb 'impersonate:serviceaccount' is missing on the resource 'serviceaccounts' in namespace 'airflow'",
        ),
        (
            'cannot impersonate-on:user-info:get path "/version"',
            "the verb 'impersonate-on:user-info:get' is missing on the path '/version'",
        ),
    ],
)
def test_missing_impersonation_permission_is_named(server_says: str, permission: str) -> None:
    """https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/"""
    text = impersonation_text(f'x is forbidden: User "ada" {server_says}', "bob")

    last = text.split("\n")[3:]
    assert last == ([f"  For constrained impersonation, {permission}"] if permission else [])
    assert text.startswith("the user 'ada' may not act as 'bob'")


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("", "the user of this process"),
        ("ada", "the user 'ada'"),
        ("system:serviceaccount:airflow:worker", "the service account 'worker' of namespace 'airflow'"),
    ],
)
def test_refused_user_is_described(user: str, words: str) -> None:
    assert described_user(user) == words
    assert impersonation_text(f'User "{user}" cannot impersonate', "bob").startswith(f"{words} may not act as 'bob'")


def test_impersonation_of_a_service_account_is_granted_in_its_namespace_only() -> None:
    """A cluster role would also permit service accounts of the same name in every namespace."""
    text = impersonation_text('User "ada" cannot impersonate', "system:serviceaccount:airflow:worker")

    assert "clusterrole" not in text
    assert text.count("--namespace=airflow") == 2
