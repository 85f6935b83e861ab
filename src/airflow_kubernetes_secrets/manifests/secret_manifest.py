"""The manifest of the Secret for an id. Each manifest is read back by the rules of a lookup before it is used."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from airflow_kubernetes_secrets.errors import KubernetesSecretsError, MalformedSecretError
from airflow_kubernetes_secrets.inventory.content import Content, content_of
from airflow_kubernetes_secrets.kubernetes.deadline import TimeBudget
from airflow_kubernetes_secrets.kubernetes.encoded_ids import is_unicode, label_value
from airflow_kubernetes_secrets.kubernetes.labels import (
    BUNDLE,
    NAMESPACE_RULE,
    SUBDOMAIN_RULE,
    is_data_key,
    is_label_value,
    is_namespace,
    is_subdomain,
)
from airflow_kubernetes_secrets.kubernetes.objects import Secret, kept_annotations
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Decision, Lookup, Outcome, decide
from airflow_kubernetes_secrets.options.backend_kwargs import CONTENT, OPTIONS, SELECTION, Options
from airflow_kubernetes_secrets.sources.query import Query

# etcd accepts objects of up to 1.5 MiB, and the API server accepts Secrets with up to 1 MiB of data.
# https://kubernetes.io/docs/concepts/configuration/secret/#restriction-data-size
LARGEST_BYTES = 1024 * 1024

# Kubernetes limits the size of all annotations of an object together. The annotation with the id may use nearly all of
# it.
# https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/
_LARGEST_ID_BYTES = 250 * 1024

_LONGEST_NAME = 63
_HASH_DIGITS = 8
_HASH_AT_END = f"-[0-9a-f]{{{_HASH_DIGITS}}}$"
_WORDS = {Kind.CONNECTION: "connection", Kind.VARIABLE: "variable", Kind.CONFIG: "config"}

# A manifest without a namespace is read back in this one, because its real namespace is unknown until it is applied.
_SOME_NAMESPACE = "default"

# The options that determine what a lookup reads from one Secret. Those for the place to search are missing, because the
# Secret does not exist there yet.
_OF_ONE_SECRET = tuple(name for name, option in OPTIONS.items() if option.topic in (SELECTION, CONTENT))


class NotWritableError(KubernetesSecretsError):
    """No Secret can be made that Airflow would read back. The message contains the reason, and no value."""


def secret_name(kind: Kind, identifier: str, team: str | None = None) -> str:
    """Return a readable name for the Secret of an id. Different ids have different names."""
    whole = "-".join(filter(None, ("airflow", _WORDS[kind], team, identifier)))
    name = re.sub("[^a-z0-9]+", "-", whole.lower()).strip("-")
    # An id that ends like a hash also gets a hash. So it cannot have the name of another id with a hash.
    if name == whole and len(name) <= _LONGEST_NAME and not team and not re.search(_HASH_AT_END, name):
        return name
    exact = f"{team or ''}/{identifier}".encode("utf-8", "surrogatepass")
    digits = sha256(exact).hexdigest()[:_HASH_DIGITS]
    return f"{name[: _LONGEST_NAME - _HASH_DIGITS - 1].rstrip('-')}-{digits}"


def secret_manifest(
    lookup: Lookup,
    data: Mapping[str, bytes],
    options: Options,
    *,
    namespace: str | None = None,
    name: str | None = None,
) -> tuple[dict[str, Any], Content]:
    """Return the manifest of the Secret for a lookup, and what Airflow reads from it.

    Args:
        lookup: the lookup that has to select the Secret. With a team, the Secret gets the label of the team.
        data: the values by data key.
        namespace: the namespace in the manifest; ``None`` omits it.
        name: the name of the Secret; ``None`` uses :func:`secret_name`.

    Raises:
        NotWritableError: Airflow would not find the Secret, or could not read it.
    """
    kind, label = lookup.kind, lookup.kind.label(options)
    if label is None:
        raise NotWritableError(
            f"{lookup}: {kind.plural}_label is null in backend_kwargs, so no Secret is selected by label. Set it to a "
            "label key; or create the Secret yourself, and name it in 'references'"
        )
    labels = {label: label_value(lookup.id)}
    # If a label cannot contain the id, an annotation does.
    annotations = {label: lookup.id} if labels[label] != lookup.id else {}
    if lookup.team:
        labels[_team_label(lookup, options)] = lookup.team
    name = name or secret_name(kind, lookup.id, lookup.team)
    _check(lookup, name, namespace, data)
    secret = Secret(
        namespace or _SOME_NAMESPACE,
        name,
        "",
        labels,
        {key: b64encode(value).decode("ascii") for key, value in data.items()},
        annotations=kept_annotations(annotations, labels),
    )
    content = _read_back(lookup, secret, options)
    return _manifest(name, namespace, labels, secret.data, annotations), content


def bundle_manifest(
    entries: Mapping[str, tuple[Lookup, bytes]], options: Options, *, namespace: str | None = None, name: str
) -> dict[str, Any]:
    """Return the manifest of a bundle. Each entry was checked with :func:`check_entry` before.

    Args:
        entries: the lookup that has to select each key, and the value. All have the same kind and team.
        namespace: the namespace in the manifest; ``None`` omits it.
        name: the name of the Secret.
    """
    first = next(iter(entries.values()))[0]
    data = {key: b64encode(value).decode("ascii") for key, (_lookup, value) in entries.items()}
    return _manifest(name, namespace, _labels_of_bundle(first, options), data, {})


def check_entry(
    lookup: Lookup, key: str, value: bytes, options: Options, *, namespace: str | None, name: str
) -> Content:
    """Return what Airflow reads from a value under this key of a bundle.

    Args:
        namespace: the namespace of the bundle, for errors.
        name: the name of the bundle.

    Raises:
        NotWritableError: Airflow would not find it, or could not read it.
    """
    _check(lookup, name, namespace, {key: value})
    data = {key: b64encode(value).decode("ascii")}
    bundle = Secret(namespace or _SOME_NAMESPACE, name, "", _labels_of_bundle(lookup, options), data)
    return _read_back(lookup, bundle, options.replace(bundles=True))


def bundle_name(kind: Kind, team: str | None, number: int) -> str:
    """Return the name of a bundle. Different teams have different names.

    Args:
        number: the number of the bundle among those of this kind and team, from 1.
    """
    whole = f"airflow-{kind.plural}"
    if team:
        readable = re.sub("[^a-z0-9]+", "-", team.lower()).strip("-")[:20].rstrip("-")
        whole = "-".join(filter(None, (whole, readable, sha256(team.encode()).hexdigest()[:_HASH_DIGITS])))
    return whole if number == 1 else f"{whole}-{number}"


def _manifest(
    name: str,
    namespace: str | None,
    labels: Mapping[str, str],
    data: Mapping[str, str],
    annotations: Mapping[str, str],
) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "labels": dict(labels),
        "annotations": dict(annotations),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {key: value for key, value in metadata.items() if value},
        "type": "Opaque",
        "data": dict(data),
    }


def _labels_of_bundle(lookup: Lookup, options: Options) -> dict[str, str]:
    labels = {BUNDLE: lookup.kind.plural}
    if lookup.team:
        labels[_team_label(lookup, options)] = lookup.team
    return labels


def _team_label(lookup: Lookup, options: Options) -> str:
    """Return the key of the team's label."""
    label, reason = options.team_label, why_no_team_label(lookup.team or "", options)
    if label is None or reason:
        raise NotWritableError(f"{lookup}: {reason}")
    return label


def why_no_team_label(team: str, options: Options) -> str:
    """Return why no Secret can have the label of a team, with the remedy; empty if one can."""
    instead = "give the team its own namespace in team_namespaces and use 'put --team'"
    if options.team_label is None:
        return f"team_label is null in backend_kwargs, so no label can assign a Secret to a team. Set it, or {instead}"
    return "" if is_label_value(team) else f"the team is not a valid label value. Rename it, or {instead}"


def _check(lookup: Lookup, name: str, namespace: str | None, data: Mapping[str, bytes]) -> None:
    """Raise an error if Kubernetes does not allow such a Secret."""
    if not is_subdomain(name):
        raise NotWritableError(f"{lookup}: {name!r} cannot be the name of a Secret. Use {SUBDOMAIN_RULE}")
    if namespace is not None and not is_namespace(namespace):
        raise NotWritableError(f"{lookup}: {namespace!r} cannot be the name of a namespace. Use {NAMESPACE_RULE}")
    if not is_unicode(lookup.id):
        raise NotWritableError(f"{lookup}: the id is not valid Unicode, so no annotation can contain it. Rename it")
    if len(lookup.id.encode("utf-8")) > _LARGEST_ID_BYTES:
        raise NotWritableError(
            f"{lookup.kind.word}: its id is too long for an annotation. Use at most {_LARGEST_ID_BYTES} bytes"
        )
    for key in data:
        if not is_data_key(key):
            raise NotWritableError(f"{lookup}: {key!r} cannot be a key of a Secret's data. Correct the data key")
    size = sum(map(len, data.values()))
    if size > LARGEST_BYTES:
        raise NotWritableError(f"{lookup}: it has {size} bytes, and a Secret can contain {LARGEST_BYTES}. Shorten it")


def decide_alone(lookup: Lookup, secret: Secret, options: Options) -> Decision:
    """Decide a lookup by its own rules, as if this were the only Secret.

    Raises:
        MalformedSecretError: the Secret cannot be read.
    """

    def find(query: Query, _time: TimeBudget) -> list[Secret]:
        return [secret] if query.matches(secret) else []

    alone = Options(**{name: getattr(options, name) for name in _OF_ONE_SECRET}, namespace=(secret.namespace,))
    return decide(lookup, alone, find)


def _read_back(lookup: Lookup, secret: Secret, options: Options) -> Content:
    """Return what Airflow would read from the Secret."""
    try:
        decision = decide_alone(lookup, secret, options)
    except MalformedSecretError as error:
        raise NotWritableError(f"{lookup}: {error}") from None
    if decision.outcome != Outcome.FOUND:
        reasons = "; ".join(map(str, decision.skipped)) or decision.outcome
        raise NotWritableError(f"{lookup}: Airflow would not find it: {reasons}")
    content = content_of(lookup.kind, decision.matches[0], decision.data_key)
    if not content.is_readable:
        raise NotWritableError(f"{lookup}: {'; '.join(problem.text for problem in content.problems)}")
    return content
