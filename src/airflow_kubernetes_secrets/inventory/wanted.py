"""What is to be written for one id, as a manifest, without asking anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.inventory.manifest import (
    NotWritableError,
    decide_alone,
    is_unicode,
    secret_manifest,
    secret_name,
)
from airflow_kubernetes_secrets.inventory.problem import Problem
from airflow_kubernetes_secrets.labels import is_label_value
from airflow_kubernetes_secrets.lookup import Kind, Lookup
from airflow_kubernetes_secrets.options import Options
from airflow_kubernetes_secrets.reading import IN_FIELDS


@dataclass(frozen=True)
class Wanted:
    """What is to be written. Its ``repr`` shows no value.

    Attributes:
        lookup: the lookup that it has to answer.
        data: what the Secret holds, by key.
        in_fields: it is a connection with a key for each field, and not one whole value.
        namespace: where; ``None`` for the one that comes with the credentials.
        name: the Secret's name; ``None`` for that of the Secret that there is, else one made of the id.
    """

    lookup: Lookup
    data: Mapping[str, bytes] = field(repr=False)
    in_fields: bool
    namespace: str | None
    name: str | None = None


@dataclass(frozen=True)
class Made:
    """A manifest that has been read back. Its ``repr`` does not show it.

    Attributes:
        problems: what is hardly meant, but no reason to refuse it.
    """

    manifest: dict[str, Any] = field(repr=False)
    problems: tuple[Problem, ...]


def namespace_for(lookup: Lookup, options: Options) -> str | None:
    """Where the Secret of a lookup belongs: the team's own namespace, else the first; ``None`` as in the options."""
    home = options.team_namespaces.get(lookup.team) if lookup.team else None
    return home or options.namespaces[0]


def make(wanted: Wanted, options: Options, namespace: str | None) -> Made:
    """The manifest, without asking anybody.

    Raises:
        NotWritableError: Airflow would not find it, or not read it as it is meant.
    """
    lookup = wanted.lookup
    _check_lookup(lookup, options)
    labelled = labelled_lookup(lookup, options, namespace)
    name = wanted.name or secret_name(lookup.kind, lookup.id, lookup.team)
    manifest, content = secret_manifest(labelled, wanted.data, options, namespace=namespace, name=name)
    key = decide_alone(labelled, secret_of(manifest), options).data_key
    if wanted.in_fields != (key == IN_FIELDS):
        raise NotWritableError(
            f"{lookup}: {lookup.kind.plural}_data_key in backend_kwargs is {key!r}, so the field of that name would be "
            "taken for the whole connection. Give the connection by --uri or --json"
        )
    return Made(manifest, content.problems)


def _check_lookup(lookup: Lookup, options: Options) -> None:
    if not is_unicode(f"{lookup.id}{lookup.team}"):
        raise NotWritableError(f"{lookup}: that is no text in Unicode, so no label and no annotation can say it")
    if lookup.kind is Kind.CONFIG and lookup.team:
        raise NotWritableError(f"{lookup}: Airflow asks for options without a team; leave --team out")
    reference = None if lookup.team else lookup.kind.reference(options, lookup.id)
    if reference is not None:
        secret = "/".join(filter(None, reference))
        raise NotWritableError(
            f"{lookup}: 'references' in backend_kwargs names Secret {secret} for it, so none is looked for by "
            "label. Change that one, or take the id out of 'references'"
        )


def labelled_lookup(lookup: Lookup, options: Options, namespace: str | None) -> Lookup:
    """The lookup that the labels answer: in a team's own namespace it need not be the team's."""
    team = lookup.team or ""
    is_at_home = namespace is not None and options.team_namespaces.get(team) == namespace
    if is_at_home and (options.team_label is None or not is_label_value(team)):
        return Lookup(lookup.kind, lookup.id)
    return lookup


def secret_of(manifest: Mapping[str, Any]) -> Secret:
    """The Secret of a manifest that :func:`secret_manifest` made."""
    metadata = manifest["metadata"]
    return Secret(
        metadata.get("namespace", "default"),
        metadata["name"],
        "",
        metadata["labels"],
        manifest["data"],
        annotations=metadata.get("annotations"),
    )
