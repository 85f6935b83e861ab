"""All problem codes, in one place. A code keeps its name and meaning from release to release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

SecretCode = Literal[
    "unreadable",
    "duplicate-id",
    "hidden",
    "blocked",
    "missing-secret",
    "not-looked-up",
    "outside-pattern",
    "missing-id-annotation",
    "id-label-mismatch",
    "unknown-label",
    "unknown-annotation",
    "trailing-newline",
    "unescaped-uri",
    "extra-not-json",
    "not-everywhere",
    "half-connection",
    "unused-settings",
    "hook-misreads",
    "repeated-parameter",
    "unknown-type",
    "being-deleted",
]

ManifestCode = Literal[
    "unreadable-manifest",
    "invalid-manifest",
    "invalid-label",
    "duplicate-key",
    "duplicate-secret",
    "label-lost",
    "annotation-lost",
    "not-created",
    "old-api",
    "unescaped-json",
    "not-checked",
]

DeploymentCode = Literal[
    "no-backend",
    "another-backend",
    "backend-missing",
    "kwargs-dropped",
    "airflow-unreadable",
    "option-unusable",
    "deny-unknown",
    "airflow-cache",
    "workers-give-up",
    "not-configured",
    "token-expired",
    "token-without-end",
    "certificate-unchecked",
    "no-tls",
    "ca-unreadable",
    "ca-ends",
    "unreachable",
    "slow",
    "may-not-list",
    "may-not-watch",
    "may-not-get",
    "may-list-everywhere",
    "may-write",
    "manifest",
    "unlisted",
    "teams-off",
    "many",
    "not-taken",
    "only-in-environment",
    "option-missing",
    "option-fails",
]

# The codes of findings that are no problem.
FineCode = Literal["ok", "skipped"]

ProblemCode = SecretCode | ManifestCode | DeploymentCode

# The problems of a Secret, which `list`, `explain`, `doctor` and `check` report.
OF_SECRETS: Mapping[SecretCode, str] = {
    "unreadable": "Airflow cannot be given what the Secret holds: no such key, not UTF-8, blank, no URI and no JSON, "
    "a wrong port …",
    "duplicate-id": "another Secret has the same id",
    "hidden": "another Secret answers for the id, from an earlier namespace or by a reference",
    "blocked": "the lookup of the id ends with an error, because of another Secret",
    "missing-secret": "a reference in the options leads to a Secret that is not there",
    "not-looked-up": "the backend never asks for the id",
    "outside-pattern": "the id does not match the lookup pattern in the options",
    "missing-id-annotation": "the label's value stands for another id, and no annotation says which",
    "id-label-mismatch": "label and annotation are for different ids",
    "unknown-label": "a label begins as Airflow's and is none, most likely misspelt",
    "unknown-annotation": "an annotation begins as Airflow's and is none, is blank, or lacks its label",
    "trailing-newline": "the value of a variable, a login or a password ends with a newline",
    "unescaped-uri": "login or password in a URI hold a character that has to be percent-encoded",
    "extra-not-json": "the extra of a connection is no JSON object, and Airflow 3 loses the connection",
    "not-everywhere": "another version of Airflow, or a part of this one, cannot use the connection",
    "half-connection": "a connection has no host, or no password, and a key that nothing reads may hold it",
    "unused-settings": "keys that nothing reads look like settings of TLS, or like a database's name",
    "hook-misreads": "the hook of the provider makes something else of a connection than it says",
    "repeated-parameter": "the query of a URI has a parameter more than once, and only the last value counts",
    "unknown-type": "no installed provider knows the connection type, or nothing says it",
    "being-deleted": "the Secret is being deleted, and waits for a finalizer",
}

# The problems of a manifest, which only `check` reports.
OF_MANIFESTS: Mapping[ManifestCode, str] = {
    "unreadable-manifest": "a document is not YAML or JSON as kubectl reads it",
    "invalid-manifest": "kubectl, Kustomize or the API server would refuse the Secret",
    "invalid-label": "a label cannot be one, or holds an id as no label can",
    "duplicate-key": "a mapping has one key twice: kubectl takes the last one, Kustomize refuses the file",
    "duplicate-secret": "two manifests make the same Secret",
    "label-lost": "a label does not reach the Secret: a template leaves it out",
    "annotation-lost": "an annotation does not reach the Secret",
    "not-created": "the operator is told to create no Secret",
    "old-api": "current releases of the operator do not know the API version",
    "unescaped-json": "a template puts a value between quotation marks of JSON as it is",
    "not-checked": "a notice, no problem: values or labels are encrypted, or another tool puts them there, so they are "
    "not checked",
}

# The problems of a deployment, which `doctor` reports. Other commands also report the first ones, which are about
# Airflow's configuration.
OF_DEPLOYMENTS: Mapping[DeploymentCode, str] = {
    "no-backend": "no secrets backend is configured",
    "another-backend": "another secrets backend is configured",
    "backend-missing": "the configured class cannot be imported",
    "kwargs-dropped": "`backend_kwargs` is no JSON object, so Airflow drops all of it",
    "airflow-unreadable": "Airflow's configuration cannot be read",
    "option-unusable": "an option is unknown or cannot be used, so Airflow does not start",
    "deny-unknown": "`on_error` is `deny`, which this Airflow does not know",
    "airflow-cache": "Airflow's own cache keeps values for longer than `cache_ttl`",
    "workers-give-up": "`timeout` is longer than workers wait for Airflow's API server",
    "not-configured": "there is no way to an API server, or no namespace to look in",
    "token-expired": "the service account's token has expired",
    "token-without-end": "the token does not expire",
    "certificate-unchecked": "a kubeconfig says `insecure-skip-tls-verify`, so the API server may be somebody else",
    "no-tls": "the API server is asked over plain HTTP, and not on this machine",
    "ca-unreadable": "the file with the CA holds no certificate",
    "ca-ends": "a CA certificate ends within 30 days",
    "unreachable": "the API server, or the folder, cannot be asked",
    "slow": "the API server takes a large part of `timeout` to answer",
    "may-not-list": "a permission is missing",
    "may-not-watch": "the permission to watch is missing, so everything is listed again and again",
    "may-not-get": "the permission to get a Secret that a reference names is missing",
    "may-list-everywhere": "the permission to list is for every namespace",
    "may-write": "there is a permission to change Secrets",
    "manifest": "a file in the folder cannot be read, or a Secret is there twice",
    "unlisted": "the Secrets of a namespace cannot be listed",
    "teams-off": "Secrets belong to teams, and Airflow has no teams",
    "many": "a namespace has so many Secrets that each lookup costs the API server much",
    "not-taken": "an option of Airflow's names a Secret, and Airflow takes something else",
    "only-in-environment": "the Secret of the metadata database is found through environment variables alone, which "
    "other pods may lack",
    "option-missing": "an option of Airflow's names a Secret that is not there",
    "option-fails": "an option of Airflow's names a Secret that cannot be read",
}
