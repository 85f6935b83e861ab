"""``sources/folder.py`` and ``manifests/check.py``: manifests in files, for the option ``path`` and ``check``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats import values
from airflow_kubernetes_secrets.kubernetes.labels import (
    is_data_key,
    is_label_key,
    is_label_value,
    is_namespace,
    is_subdomain,
)
from airflow_kubernetes_secrets.kubernetes.manifest_documents import read_manifests
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.manifests.check import Check
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.folder import Folder
from fuzz.secrets import IDENTIFIERS
from fuzz.target import Target
from fuzz.trial import Trial

_OPTIONS = Options()

# The fields of a manifest with values that must never be shown.
_SECRET = ("data", "stringData", "encryptedData", "annotations")


def _run(trial: Trial, data: bytes) -> None:
    name = "input.json" if data.lstrip().startswith((b"{", b"[")) else "input.yaml"
    trial.allow(*_names(data))
    with TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        source = Folder(folder, _OPTIONS)
        secrets = source.secrets()
        trial.say(*source.problems())
        check = Check(_OPTIONS, "default")
        check.check_path(path)
        trial.say(*(f"{finding.position}: {finding.problem.text}" for finding in check.problems))
    for secret in secrets:
        trial.say(repr(secret))
        _check(trial, secret)


def _check(trial: Trial, secret: Secret) -> None:
    trial.claim(is_subdomain(secret.name) and is_namespace(secret.namespace), "a Secret has a name and a namespace")
    labels = secret.labels.items()
    trial.claim(all(is_label_key(key) for key, _value in labels), "the keys of labels are valid")
    trial.claim(all(not value or is_label_value(value) for _key, value in labels), "the values of labels are valid")
    for key in secret.data:
        trial.claim(is_data_key(key), "the keys of the data are valid")
        trial.attempt(MalformedSecretError, values.text, secret, key)


def _names(data: bytes) -> Iterator[str]:
    """Yield all names and strings of the manifests, except the values of the secret fields."""
    documents = [document.value for document in read_manifests(data)]
    while documents:
        found = documents.pop()
        if isinstance(found, list):
            documents += found
        elif isinstance(found, dict):
            yield from found
            yield from (str(found[key]) for key in IDENTIFIERS if key in found)
            hidden = [value for field, value in found.items() if field in _SECRET]
            yield from (key for value in hidden if isinstance(value, dict) for key in value)
            yield from (
                str(value[key]) for value in hidden if isinstance(value, dict) for key in IDENTIFIERS if key in value
            )
            documents += (value for field, value in found.items() if field not in _SECRET)
        else:
            yield str(found)


TARGET = Target(
    _run,
    tokens=(
        *(
            "apiVersion: v1\nkind: Secret\n",
            "metadata:\n  name: app\n",
            "  labels:\n",
            "  annotations:\n",
            "stringData:\n",
        ),
        *("    airflow.apache.org/connection-id: app\n", "    airflow.apache.org/field-uri: uri\n", "data:\n", "---\n"),
        *(
            "  value: ",
            "  uri: ",
            "kind: List\nitems:\n- ",
            "kind: SealedSecret\n",
            "apiVersion: bitnami.com/v1alpha1\n",
        ),
        *(
            "kind: ExternalSecret\n",
            "apiVersion: external-secrets.io/v1\n",
            "spec:\n",
            "  target:\n",
            "    template:\n",
        ),
        *("kind: ClusterExternalSecret\n", "creationPolicy: ", "secretKey: ", "templateFrom:\n", "dataFrom:\n", "null"),
        *('{"apiVersion":"v1","kind":"Secret","metadata":{"name":"app"', '"labels":{', '"data":{', '"stringData":{'),
    ),
)
