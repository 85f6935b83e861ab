"""The label value for an id, and the Secret that ``put`` makes.

The modules are ``kubernetes/encoded_ids.py`` and ``manifests/secret_manifest.py``.
"""

from __future__ import annotations

from airflow_kubernetes_secrets.kubernetes.encoded_ids import is_uri, label_value, looks_hashed
from airflow_kubernetes_secrets.kubernetes.labels import is_label_value, is_subdomain
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup, shown_id
from airflow_kubernetes_secrets.manifests.secret_manifest import NotWritableError, secret_manifest, secret_name
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from fuzz.target import Target
from fuzz.trial import Trial

_OPTIONS = Options()


def _run(trial: Trial, data: bytes) -> None:
    identifier = data.decode("utf-8", "surrogateescape")
    if not is_uri(identifier):
        trial.allow(identifier)  # Only an id that is a URI can contain a password.
    value = label_value(identifier)
    trial.claim(is_label_value(value), "an id has a label value")
    trial.claim(value == identifier or looks_hashed(value), "another label value is a hashed one")
    trial.claim(label_value(value) == value, "a label value has itself as label value")
    trial.say(shown_id(identifier))
    for kind in Kind:
        lookup = Lookup(kind, identifier)
        trial.say(str(lookup))
        if not is_uri(identifier):
            trial.claim(is_subdomain(secret_name(kind, identifier)), "the name for an id can be that of a Secret")
        trial.attempt(NotWritableError, secret_manifest, lookup, {"value": b"http://localhost"}, _OPTIONS)


TARGET = Target(
    _run,
    tokens=(
        "://",
        "@",
        "postgresql://",
        "aws_default",
        "smtp://user:",
        "-",
        "_",
        ".",
        "/",
        "0" * 40,
        "." + "a" * 40,
        " ",
    ),
)
