"""The Secret that ``put`` has to write, and its manifest. No API server is needed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from airflow_kubernetes_secrets.formats.reading import IN_FIELDS
from airflow_kubernetes_secrets.inventory.connection_types import problems_of_connection_type
from airflow_kubernetes_secrets.kubernetes.encoded_ids import is_unicode
from airflow_kubernetes_secrets.kubernetes.labels import SUBDOMAIN_RULE, is_label_value, is_subdomain
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.bundles import entries_of, key_for, keys_of
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.manifests.secret_manifest import (
    NotWritableError,
    bundle_manifest,
    check_entry,
    decide_alone,
    secret_manifest,
    secret_name,
    why_no_team_label,
)
from airflow_kubernetes_secrets.messages.problem import Problem
from airflow_kubernetes_secrets.options.backend_kwargs import Options

_ADD_TYPE = "Add --field conn_type="


@dataclass(frozen=True)
class RequestedSecret:
    """The Secret that is requested. Its ``repr`` shows no value.

    Attributes:
        lookup: the lookup that has to select the Secret.
        data: the values by data key.
        in_fields: whether the Secret has a key for each field of a connection, and not one whole value.
        namespace: the namespace; ``None`` for that of the credentials.
        name: the name of the Secret. ``None`` means that of the existing Secret, or else a name that is made from the
            id.
        bundle: the name of the bundle that gets the value; ``None`` for a Secret of its own.
    """

    lookup: Lookup
    data: Mapping[str, bytes] = field(repr=False)
    in_fields: bool
    namespace: str | None
    name: str | None = None
    bundle: str | None = None


@dataclass(frozen=True)
class CheckedManifest:
    """A manifest that was read back. Its ``repr`` does not show the manifest.

    Attributes:
        problems: what is probably unintended, but no reason to refuse the manifest.
    """

    manifest: dict[str, Any] = field(repr=False)
    problems: tuple[Problem, ...]


def namespace_for(lookup: Lookup, options: Options) -> str | None:
    """Return where the Secret of a lookup belongs: the team's own namespace, or else the first one in the options.

    ``None`` means the namespace of the credentials.
    """
    team_namespace = options.team_namespaces.get(lookup.team) if lookup.team else None
    return team_namespace or options.namespaces[0]


def why_not_read(owner: str | None, team: str | None, options: Options) -> str:
    """Return why lookups of ``team`` would not read a new Secret of ``owner``; empty if they would.

    Args:
        owner: the team in the Secret's label, if it is that of the lookups; ``None`` for no team.
        team: the team of the lookups; ``None`` for lookups without a team.
    """
    if owner is not None:
        return why_no_team_label(owner, options)
    if team and not options.team_fallback:
        return (
            f"team_fallback is false in backend_kwargs, so lookups of team {team!r} do not read a Secret without a "
            "team. Write one for the team with 'put --team'"
        )
    return ""


def why_it_would_hide(team: str | None, owners: Set[str], options: Options) -> str:
    """Return why a new Secret for an id would hide the entries of other teams; empty if it would not.

    Lookups of a team read a Secret without a team before the team's own environment variable or row.

    Args:
        team: the team of the lookups that the Secret is for; ``None`` for no team.
        owners: the teams that have an entry of their own with the id outside Kubernetes. The case of their names does
            not matter.
    """
    is_for_all = not team or (options.team_label is None and team not in options.team_namespaces)
    others = sorted(each for each in owners if each.lower() != (team or "").lower())
    if not others or not is_for_all or not options.team_fallback:
        return ""
    return (
        f"team {others[0]!r} has this id outside Kubernetes, and would read a new Secret without a team instead. "
        "Create the team's own Secret first, with 'put --team'"
    )


def checked_manifest(requested: RequestedSecret, options: Options, namespace: str | None) -> CheckedManifest:
    """Return the manifest of a requested Secret. Nothing is requested from the API server.

    Raises:
        NotWritableError: Airflow would not find the Secret, or would read another value than intended.
    """
    lookup = requested.lookup
    _check_lookup(lookup, options)
    labelled = labelled_lookup(lookup, options, namespace)
    name = requested.name or secret_name(lookup.kind, lookup.id, lookup.team)
    manifest, content = secret_manifest(labelled, requested.data, options, namespace=namespace, name=name)
    secret = secret_in_manifest(manifest)
    key = decide_alone(labelled, secret, options).data_key
    if requested.in_fields != (key == IN_FIELDS):
        raise NotWritableError(
            f"{lookup}: {lookup.kind.plural}_data_key in backend_kwargs is {key!r}, so the field of that name would "
            "be read as the whole connection. Pass the connection with --uri or --json"
        )
    of_type = problems_of_connection_type(
        lookup.kind, secret, key, content, give_type=_ADD_TYPE if requested.in_fields else ""
    )
    return CheckedManifest(manifest, (*content.problems, *of_type))


def checked_bundle(
    requested: RequestedSecret, bundle: str, options: Options, namespace: str | None, present: Collection[str] = ()
) -> CheckedManifest:
    """Return the manifest of a bundle with the requested value only. Nothing is requested from the API server.

    Args:
        bundle: the name of the bundle.
        present: the keys that the bundle has. If one of them is the id already, its value is replaced.

    Raises:
        NotWritableError: the id cannot be in a bundle, or Airflow would not find it, or could not read the value.
    """
    lookup = requested.lookup
    _check_lookup(lookup, options)
    if requested.name is not None:
        raise NotWritableError(f"{lookup}: --bundle is the name of the Secret; remove --name")
    if not is_subdomain(bundle):
        raise NotWritableError(f"{lookup}: {bundle!r} cannot be the name of a Secret. Use {SUBDOMAIN_RULE}")
    if requested.in_fields:
        raise NotWritableError(f"{lookup}: a bundle has one key for each id. Pass the connection with --uri or --json")
    known = (each for each in keys_of(lookup.kind, lookup.id) if each in present)
    key = next(known, key_for(lookup.kind, lookup.id))
    if key is None:
        raise NotWritableError(f"{lookup}: a key of a bundle cannot be this id. Omit --bundle")
    labelled = labelled_lookup(lookup, options, namespace)
    [value] = requested.data.values()
    content = check_entry(labelled, key, value, options, namespace=namespace, name=bundle)
    manifest = bundle_manifest({key: (labelled, value)}, options, namespace=namespace, name=bundle)
    [entry] = entries_of(secret_in_manifest(manifest), (key,))
    of_type = problems_of_connection_type(lookup.kind, entry, key, content)
    return CheckedManifest(manifest, (*content.problems, *of_type))


def _check_lookup(lookup: Lookup, options: Options) -> None:
    """Refuse an id or a team that no Secret with a label can have."""
    if not is_unicode(f"{lookup.id}{lookup.team}"):
        raise NotWritableError(
            f"{lookup}: the id is not valid Unicode, so no label and no annotation can contain it. Use another id"
        )
    if lookup.kind is Kind.CONFIG and lookup.team:
        raise NotWritableError(f"{lookup}: Airflow looks up options without a team; remove --team")
    reference = None if lookup.team else lookup.kind.reference(options, lookup.id)
    if reference is not None:
        raise NotWritableError(
            f"{lookup}: 'references' in backend_kwargs names Secret {reference} for it, so no Secret is selected "
            "by label. Change that Secret, or remove the id from 'references'"
        )


def labelled_lookup(lookup: Lookup, options: Options, namespace: str | None) -> Lookup:
    """Return the lookup that matches the labels of the Secret.

    In a team's own namespace the Secret needs no label of the team. If the team cannot have such a label, the Secret
    matches a lookup without a team there.
    """
    team = lookup.team or ""
    is_team_namespace = namespace is not None and options.team_namespaces.get(team) == namespace
    if is_team_namespace and (options.team_label is None or not is_label_value(team)):
        return Lookup(lookup.kind, lookup.id)
    return lookup


def secret_in_manifest(manifest: Mapping[str, Any]) -> Secret:
    """Return the Secret in a manifest of :func:`secret_manifest`."""
    metadata = manifest["metadata"]
    return Secret(
        metadata.get("namespace", "default"),
        metadata["name"],
        "",
        metadata["labels"],
        manifest["data"],
        annotations=metadata.get("annotations"),
    )
