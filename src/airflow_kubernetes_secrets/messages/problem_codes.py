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
    "byte-order-mark",
    "quoted-value",
    "surrounding-space",
    "encoded-value",
    "unescaped-uri",
    "extra-not-json",
    "not-everywhere",
    "half-connection",
    "placeholder",
    "unused-settings",
    "hook-misreads",
    "repeated-parameter",
    "unknown-type",
    "being-deleted",
    "bundle-not-read",
    "bundle-key",
    "folder-layout",
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
    "depends-on-value",
    "not-checked",
    "no-manifest",
    "unreadable-dag",
]

DeploymentCode = Literal[
    "no-backend",
    "another-backend",
    "reads-no-secrets",
    "backend-missing",
    "kwargs-dropped",
    "repeated-option",
    "misplaced-option",
    "airflow-unreadable",
    "option-unusable",
    "deny-unknown",
    "airflow-cache",
    "metrics-not-sent",
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
    "no-namespace",
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

# The codes of findings that are not problems.
FineCode = Literal["ok", "skipped"]

ProblemCode = SecretCode | ManifestCode | DeploymentCode

# The problems of a Secret, which `list`, `explain`, `doctor` and `check` report.
OF_SECRETS: Mapping[SecretCode, str] = {
    "unreadable": "Airflow cannot read the value: the key is missing, blank or not UTF-8, a connection is neither a "
    "URI nor JSON, a port is invalid …",
    "duplicate-id": "another Secret has the same id",
    "hidden": "another Secret is selected for the id, because lookups search it first: in an earlier namespace, by a "
    "reference, or before a bundle or ConfigMap",
    "blocked": "the lookup of the id fails because of another Secret",
    "missing-secret": "a reference in the options names a Secret that does not exist",
    "not-looked-up": "no lookup uses the Secret or ConfigMap for its id, because of the options or its labels",
    "outside-pattern": "the id does not match the lookup pattern in the options",
    "missing-id-annotation": "the label's value is a hash of an id, and the annotation with that id is missing",
    "id-label-mismatch": "label and annotation are for different ids",
    "unknown-label": "a label key is similar to one of Airflow's and is probably misspelt",
    "unknown-annotation": "an annotation begins like Airflow's but is unknown or blank, or the Secret lacks the label "
    "for it",
    "trailing-newline": "the value of a variable, a login or a password ends with a newline",
    "byte-order-mark": "the value of a variable begins with a byte order mark",
    "quoted-value": "a login, a password or the name of a database begins and ends with quotation marks",
    "surrounding-space": "a login, a password or the name of a database begins or ends with white space",
    "encoded-value": "a login or a password is percent-encoded, or all fields are base64, and Airflow decodes neither",
    "unescaped-uri": "the login or password in a URI contains a character that must be percent-encoded",
    "extra-not-json": "the extra of a connection is not a JSON object, and Airflow 3 cannot use the connection",
    "not-everywhere": "another version of Airflow, or a part of this one, cannot use the connection",
    "half-connection": "a connection lacks a host, login or password that it needs, or that an unused key may contain",
    "placeholder": "a field of a connection contains a placeholder that no template or tool has replaced, such as "
    "`<no value>`, `{{ .host }}`, `${HOST}` or `null`",
    "unused-settings": "nothing reads a key, a URI or a setting in JSON that the connection may need: for TLS, "
    "options, a port, the name of a database, or another setting of the hook",
    "hook-misreads": "the provider's hook silently misreads a part of the connection, or its driver refuses it",
    "repeated-parameter": "the query of a URI has a parameter more than once, and only the last value is used",
    "unknown-type": "no installed provider knows the connection type, or the type is missing",
    "being-deleted": "the Secret is being deleted and waits for a finalizer",
    "bundle-not-read": "lookups read nothing in a bundle: the option `bundles` is off, the label has an unknown value, "
    "the Secret also has the label of an id, or a ConfigMap contains other ids than those of variables",
    "bundle-key": "a key of a bundle is not an id or has no value, the bundle is empty, or its keys are the fields of "
    "one connection",
    "folder-layout": "nothing reads a file or folder in the folder of `path`, because of its name or place",
}

# The problems of a manifest, which only `check` reports.
OF_MANIFESTS: Mapping[ManifestCode, str] = {
    "unreadable-manifest": "a document is not YAML or JSON as kubectl reads it",
    "invalid-manifest": "kubectl, Kustomize or the API server would refuse the Secret",
    "invalid-label": "a label is invalid, or its value cannot represent an id",
    "duplicate-key": "a mapping has one key twice: kubectl uses the last one, Kustomize refuses the file",
    "duplicate-secret": "two manifests create the same Secret",
    "label-lost": "a label does not reach the Secret, because a template omits it",
    "annotation-lost": "an annotation does not reach the Secret",
    "not-created": "the operator is configured not to create the Secret",
    "old-api": "current releases of the operator do not support the API version",
    "unescaped-json": "a template inserts a value into a JSON string without escaping it",
    "depends-on-value": "the manifest does not contain the values, and the names of the keys do not show whether the "
    "Secret is a connection",
    "not-checked": "a notice, not a problem: values or labels are encrypted, or another tool inserts them, so they are "
    "not checked; or the code of a DAG computes an id",
    "no-manifest": "a DAG uses an id, and no checked manifest creates a Secret for it",
    "unreadable-dag": "a file with DAG code cannot be read or parsed",
}

# The problems of a deployment, which `doctor` reports. Other commands also report those up to `misplaced-option`, which
# are about Airflow's configuration of the backend.
OF_DEPLOYMENTS: Mapping[DeploymentCode, str] = {
    "no-backend": "no secrets backend is configured",
    "another-backend": "another secrets backend is configured",
    "reads-no-secrets": "`NoSecretsBackend` is configured, so lookups in this process read no Secrets",
    "backend-missing": "the configured class cannot be imported",
    "kwargs-dropped": "`backend_kwargs` is not a JSON object, so Airflow ignores all of it",
    "repeated-option": "an option is present twice in the JSON of `backend_kwargs`, so only its last value is used",
    "misplaced-option": "an option of `backend_kwargs` is set in a place where Airflow does not read it",
    "airflow-unreadable": "Airflow's configuration cannot be read",
    "option-unusable": "an option is unknown or invalid, so Airflow does not start",
    "deny-unknown": "`on_error` is `deny`, which this version of Airflow does not support",
    "airflow-cache": "Airflow's own cache keeps values for longer than `cache_ttl`",
    "metrics-not-sent": "`metrics` is true, but Airflow sends no metrics, or the package for it is not installed",
    "workers-give-up": "`timeout` is longer than workers wait for Airflow's API server",
    "not-configured": "no API server is configured, or the namespace is not known",
    "token-expired": "the service account's token has expired",
    "token-without-end": "the token does not expire",
    "certificate-unchecked": "a kubeconfig has `insecure-skip-tls-verify`, so another server could pose as the API "
    "server",
    "no-tls": "requests to an API server on another machine use plain HTTP",
    "ca-unreadable": "the CA file contains no certificate",
    "ca-ends": "a CA certificate expires within 30 days",
    "unreachable": "the API server, or the folder of `path`, cannot be read",
    "slow": "a response of the API server takes a large part of `timeout`",
    "no-namespace": "a namespace that lookups search does not exist",
    "may-not-list": "the permission to list Secrets or ConfigMaps is missing",
    "may-not-watch": "the permission to watch is missing, so all Secrets are listed again whenever the index expires",
    "may-not-get": "the permission to get a Secret that a reference names is missing",
    "may-list-everywhere": "the permission to list applies to every namespace",
    "may-write": "there is a permission to change Secrets",
    "manifest": "a file in the folder of `path` cannot be read, or a Secret exists twice",
    "unlisted": "the Secrets of a namespace cannot be listed",
    "teams-off": "Secrets belong to teams, but Airflow has no teams",
    "many": "a namespace has so many Secrets that each lookup is expensive for the API server",
    "not-taken": "a configuration option names a Secret, but Airflow uses another value, or has no option of this name",
    "only-in-environment": "only environment variables name the Secret with the URI of the metadata database, and pods "
    "without these variables use another database",
    "option-missing": "a configuration option names a Secret that does not exist",
    "option-fails": "a configuration option names a Secret that cannot be read",
}
