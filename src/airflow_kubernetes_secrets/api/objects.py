"""Kubernetes objects, as far as a lookup needs them."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any


class Secret:
    """A Secret. Its data stays base64 text until a key is asked for; its ``repr`` never shows it.

    Attributes:
        created: the creation time as the API writes it (RFC 3339 in UTC, whole seconds), which sorts as text.
        data: the values in base64, by key.
    """

    __slots__ = ("created", "data", "labels", "name", "namespace")

    def __init__(
        self, namespace: str, name: str, created: str, labels: Mapping[str, str], data: Mapping[str, str]
    ) -> None:
        self.namespace = namespace
        self.name = name
        self.created = created
        self.labels = labels
        self.data = data

    @property
    def age_order(self) -> tuple[str, str]:
        """The order in which several matches are taken: the oldest first, then by name."""
        return (self.created, self.name)

    def value(self, key: str) -> bytes:
        """The bytes under ``key``.

        Raises:
            KeyError: there is no such key.
        """
        return b64decode(self.data[key])

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    def __repr__(self) -> str:
        return f"<Secret {self} created={self.created} labels={dict(self.labels)} keys={sorted(self.data)}>"


class MalformedBodyError(Exception):
    """A body is not what the API answers. Its text and its cause hold nothing of the body."""


def parse_secret_list(body: bytes) -> list[Secret]:
    """Read the answer to a LIST of Secrets.

    Raises:
        MalformedBodyError: it is not a SecretList.
    """
    secrets: list[Secret] | None
    try:
        document = json.loads(body)
        is_list = document["kind"] == "SecretList"
        secrets = [_secret(item) for item in document["items"] or ()] if is_list else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # A decoding error carries the whole body: it must not become the cause of ours.
        secrets = None
    if secrets is None:
        raise MalformedBodyError("the answer is not a list of Secrets")
    return secrets


def _secret(item: dict[str, Any]) -> Secret:
    metadata = item["metadata"]
    return Secret(
        namespace=metadata["namespace"],
        name=metadata["name"],
        created=metadata["creationTimestamp"] or "",
        labels=_texts(metadata.get("labels")),
        data=_texts(item.get("data")),
    )


def _texts(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise TypeError
    return value


def status_message(body: bytes) -> str:
    """The ``message`` of a Status, which is how the API words an error; empty if the body is something else.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, dict) or document.get("kind") != "Status":
        return ""
    return str(document.get("message") or "")
