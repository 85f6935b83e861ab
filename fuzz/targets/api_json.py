"""JSON responses of an API server: ``kubernetes/decode.py``, ``watch_events.py``, ``inventory/stored_secret.py``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from airflow_kubernetes_secrets.errors import ExpiredVersionError
from airflow_kubernetes_secrets.inventory.stored_secret import StoredSecret, read_object, read_page
from airflow_kubernetes_secrets.kubernetes.decode import (
    MalformedBodyError,
    parse_list,
    parse_object,
    status_message,
)
from airflow_kubernetes_secrets.kubernetes.http1 import Response
from airflow_kubernetes_secrets.kubernetes.objects import CONFIG_MAPS, SECRETS, Resource, Secret
from airflow_kubernetes_secrets.kubernetes.watch_events import parse_watch_event
from fuzz.secrets import allow_names
from fuzz.target import Target
from fuzz.trial import Trial

# The namespace and name of the Secrets in the corpus.
_NAMESPACE = "shop"
_NAME = "app"


def _run(trial: Trial, data: bytes) -> None:
    # Errors quote the message of a Status.
    trial.allow(*_messages(data))
    response = Response(200, {}, bytearray(data), True)
    trial.say(status_message(data))
    for resource in (SECRETS, CONFIG_MAPS):
        _read(trial, data, response, resource)


def _read(trial: Trial, data: bytes, response: Response, resource: Resource) -> None:
    listed = trial.attempt(MalformedBodyError, parse_list, response, resource, _NAMESPACE)
    page = trial.attempt(MalformedBodyError, read_page, data, resource, _NAMESPACE)
    got = trial.attempt(MalformedBodyError, parse_object, response, resource, _NAMESPACE, _NAME)
    stored = trial.attempt(MalformedBodyError, read_object, data, resource, _NAMESPACE, _NAME)
    event = trial.attempt((MalformedBodyError, ExpiredVersionError), parse_watch_event, data, resource, _NAMESPACE)
    if listed is not None:
        _show(trial, listed.secrets)
    if listed is not None and page is not None:
        _compare(trial, listed.secrets, page.stored)
    if got is not None:
        _show(trial, [got])
    if got is not None and stored is not None:
        _compare(trial, [got], [stored])
    if event is not None and event.secret is not None:
        _show(trial, [event.secret])


def _messages(data: bytes) -> Iterator[str]:
    try:
        # Invalid UTF-8 is replaced, because msgspec does not check text that it skips.
        documents = [json.loads(data.decode("utf-8", "replace"))]
    except (ValueError, RecursionError):
        return
    while documents:
        found = documents.pop()
        if isinstance(found, dict):
            if isinstance(found.get("message"), str):
                yield found["message"]
            documents += found.values()


def _show(trial: Trial, secrets: Iterable[Secret]) -> None:
    for secret in secrets:
        allow_names(trial, secret)
        trial.say(secret, repr(secret), secret.keys_text())


def _compare(trial: Trial, secrets: list[Secret], stored: Iterable[StoredSecret]) -> None:
    for one in stored:
        trial.say(one.type, repr(one.secret))
    parts = [_parts(each) for each in secrets]
    trial.claim(parts == [_parts(each.secret) for each in stored], "a lookup and the inventory read the same Secret")


def _parts(secret: Secret) -> tuple[Any, ...]:
    return (secret.namespace, secret.name, secret.created, secret.labels, secret.data, secret.annotations)


TARGET = Target(
    _run,
    tokens=(
        *('"kind":"SecretList"', '"kind":"Secret"', '"kind":"Status"', '"items":[', '"metadata":{', '"data":{'),
        *('"resourceVersion":"1"', '"name":"app"', '"namespace":"shop"', '"creationTimestamp":', '"annotations":'),
        *('"labels":{', '"type":"ADDED"', '"type":"BOOKMARK"', '"type":"ERROR"', '"object":{', '"code":410', "null"),
        *('"message":"', '"ownerReferences":[{', '"controller":true', '"continue":"', '"remainingItemCount":', "1e999"),
        *("\\ud800", "airflow.apache.org/connection-id", "airflow.apache.org/"),
    ),
)
