"""``formats/annotations.py`` and ``inventory/labels_and_annotations.py``: the labels and annotations of a Secret."""

from __future__ import annotations

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats.annotations import Description
from airflow_kubernetes_secrets.formats.fields import fields_of
from airflow_kubernetes_secrets.inventory.labels_and_annotations import problems_of_id, unknown_labels_and_annotations
from airflow_kubernetes_secrets.lookup.kinds import labels_of_ids
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from fuzz.secrets import allow_names, secret_from
from fuzz.target import Target
from fuzz.trial import Trial

_OPTIONS = Options()


def _run(trial: Trial, data: bytes) -> None:
    secret = secret_from(data)
    if secret is None:
        return
    allow_names(trial, secret)
    description = trial.attempt(MalformedSecretError, Description, secret)
    fields = trial.attempt(MalformedSecretError, fields_of, secret)
    trial.claim((description is None) is (fields is None), "an annotation is invalid for both, or for neither")
    if fields is not None:
        keys = {*fields.keys.values(), *fields.extra_keys.values()}
        trial.claim(keys <= secret.data.keys(), "fields are in keys that exist")
    trial.say(*(problem.text for problem in unknown_labels_and_annotations(secret, _OPTIONS)))
    for label in labels_of_ids(_OPTIONS):
        if label in secret.labels:
            trial.say(*(problem.text for problem in problems_of_id(secret, label)))


_PREFIX = "airflow.apache.org/"

TARGET = Target(
    _run,
    tokens=(
        *('"labels":{', '"annotations":{', '"data":{', '":"', '","'),
        *(f'"{_PREFIX}{name}":"' for name in ("connection-id", "variable-key", "config-key", "team", "data-key")),
        *(f'"{_PREFIX}{name}":"' for name in ("field-", "extra-", "other-keys", "connection-extra", "field-uri")),
        *(f'"{_PREFIX}connection-{name}":"' for name in ("type", "host", "login", "port", "schema")),
        *("extra-a", "exta-b", "{}", '{\\"a\\":1}', "65535", "field-password"),
    ),
)
