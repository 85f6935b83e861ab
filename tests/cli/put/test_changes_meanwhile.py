"""``put`` while others change the Secret: what was checked is what is written, or nothing is written.

A proxy changes the Secret after ``put`` has read and checked it, and before its write arrives.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from support.cluster import checked
from support.commands import SECRET
from support.exchange import Exchange
from support.faults import forward
from support.proxy import Proxy
from support.put_command import PutCommand
from support.secrets import CONNECTION, VARIABLE


def before_writes(proxy: Proxy, change: Callable[[], object], times: int = 1) -> None:
    """Make a change before each of the first writes. A dry run is no write."""
    left = iter(range(times))

    def fault(exchange: Exchange) -> bool:
        is_write = exchange.request.method == "PATCH" and "dryRun" not in exchange.request.query
        if is_write and next(left, None) is not None:
            change()
        return forward(exchange)

    proxy.always = fault


def patch(put: PutCommand, name: str, document: dict[str, Any]) -> None:
    path = f"/api/v1/namespaces/{put.namespace}/secrets/{name}"
    headers = {"Content-Type": "application/merge-patch+json"}
    checked(put.cluster.admin.patch(path, content=json.dumps(document), headers=headers))


def test_an_operator_takes_the_secret_over(put: PutCommand, proxy: Proxy) -> None:
    assert put("variable", "key", "--name", "v", "--value", "-", stdin="old").status == 0
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "es", "uid": "1"}
    references = {"ownerReferences": [{**owner, "controller": True}]}
    before_writes(proxy, lambda: patch(put, "v", {"metadata": references}))

    done = put("variable", "key", "--force", "--value", "-", stdin=SECRET)

    assert done.status == 1
    assert "is managed by External Secrets Operator (ExternalSecret es)" in done.err
    assert put.data("v") == {"value": b"old"}


def test_another_put_adds_a_field(put: PutCommand, proxy: Proxy) -> None:
    """Both have the same field manager, so this one would remove the field."""
    assert (
        put("connection", "db", "--name", "db", "--field", "host=h", "--field", "password=-", stdin="old").status == 0
    )
    fields = ("--field", "host=h", "--field", "login=l", "--field", "password=-")

    def other() -> None:
        proxy.always = None
        assert put("connection", "db", *fields, stdin="other").status == 0

    before_writes(proxy, other)

    done = put("connection", "db", "--field", "host=new", "--field", "password=-", stdin=SECRET)

    assert done.status == 1
    assert f"Secret {put.namespace}/db would lose 'login'" in done.err
    assert put.data("db") == {"host": b"h", "login": b"l", "password": b"other"}


def test_a_key_that_would_be_read_instead(put: PutCommand, proxy: Proxy) -> None:
    assert (
        put("connection", "db", "--name", "db", "--field", "host=h", "--field", "password=-", stdin="old").status == 0
    )
    value = b64encode(b"postgres://theirs").decode()
    before_writes(proxy, lambda: patch(put, "db", {"data": {"value": value}}))

    done = put("connection", "db", "--field", "host=new", "--field", "password=-", stdin=SECRET)

    assert done.status == 1
    assert "has 'value' from other sources" in done.err
    assert put.data("db")["host"] == b"h"


def test_what_does_not_matter_is_no_obstacle(put: PutCommand, proxy: Proxy) -> None:
    put.secret("theirs", {"value": "old"}, labels={VARIABLE: "key"})
    before_writes(proxy, lambda: patch(put, "theirs", {"metadata": {"labels": {"app": "shop"}}}))

    done = put("variable", "key", "--force", "--value", "-", stdin=SECRET)

    assert (done.status, done.out) == (0, f"variable 'key' is in Secret {put.namespace}/theirs (updated)\n")
    assert put.data("theirs") == {"value": SECRET.encode()}
    assert put.stored("theirs")["metadata"]["labels"]["app"] == "shop"


def test_changes_without_end(put: PutCommand, proxy: Proxy) -> None:
    put.secret("theirs", {"value": "old"}, labels={VARIABLE: "key"})
    changes = iter(range(100))
    before_writes(
        proxy, lambda: patch(put, "theirs", {"metadata": {"labels": {"changes": str(next(changes))}}}), times=20
    )

    done = put("variable", "key", "--force", "--value", "-", stdin=SECRET)

    assert done.status == 2
    assert (
        f"Secret {put.namespace}/theirs: another client changed it before each of 10 attempts to write it" in done.err
    )
    assert "Nothing was written. Run the command again" in done.err
    assert put.data("theirs") == {"value": b"old"}


def test_a_secret_that_is_deleted_is_created(put: PutCommand, proxy: Proxy) -> None:
    put.secret("theirs", {"value": "old"}, labels={VARIABLE: "key"})
    path = f"/api/v1/namespaces/{put.namespace}/secrets/theirs"
    before_writes(proxy, lambda: checked(put.cluster.admin.delete(path)))

    assert put("variable", "key", "--force", "--value", "-", stdin=SECRET).status == 0
    assert put.data("theirs") == {"value": SECRET.encode()}


def test_a_secret_that_becomes_that_of_another_id(put: PutCommand, proxy: Proxy) -> None:
    put.secret("theirs", {"value": "old"}, labels={VARIABLE: "key"})
    labels = {VARIABLE: None, CONNECTION: "db"}
    before_writes(proxy, lambda: patch(put, "theirs", {"metadata": {"labels": labels}}))

    assert put("variable", "key", "--force", "--value", "-", stdin=SECRET).status == 0
    assert put.data("theirs") == {"value": b"old"}
    assert put.data("airflow-variable-key") == {"value": SECRET.encode()}


def test_a_bundle_that_an_operator_takes_over(put: PutCommand, proxy: Proxy) -> None:
    put.configure(bundles=True)
    assert put("variable", "a", "--bundle", "all", "--value", "-", stdin="old").status == 0
    owner = {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "all", "uid": "1"}
    references = {"ownerReferences": [{**owner, "controller": True}]}
    before_writes(proxy, lambda: patch(put, "all", {"metadata": references}))

    done = put("variable", "b", "--bundle", "all", "--value", "-", stdin=SECRET)

    assert done.status == 1
    assert "is managed by Sealed Secrets (SealedSecret all)" in done.err
    assert put.data("all") == {"a": b"old"}
