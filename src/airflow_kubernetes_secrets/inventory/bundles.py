"""The entries of a bundle, and the reasons why lookups do not read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from airflow_kubernetes_secrets.formats.aliases import ALIASES, folded
from airflow_kubernetes_secrets.kubernetes.labels import BUNDLE
from airflow_kubernetes_secrets.kubernetes.objects import CONFIG_MAPS, Secret
from airflow_kubernetes_secrets.lookup.bundles import identifier_of_key, problem_of_key
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import problem_of_bundle
from airflow_kubernetes_secrets.messages.listing import first_items, first_names, quoted
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.messages.suggestions import nearest
from airflow_kubernetes_secrets.options.backend_kwargs import Options

BUNDLE_NOT_READ: Final = "bundle-not-read"
BUNDLE_KEY: Final = "bundle-key"

# The fields whose names are improbable ids of connections. A single one of them can still be an id.
_FIELDS = ("host", "login", "password", "port")
_LEAST_FIELDS = 2

_KINDS = {kind.plural: kind for kind in Kind}


def kind_of_bundle(secret: Secret) -> Kind | None:
    """Return the kind of the ids in a bundle; ``None`` if the label has another value, or is missing."""
    return _KINDS.get(secret.labels.get(BUNDLE, ""))


def ids_in_bundle(bundle: Secret, kind: Kind) -> list[tuple[str, str]]:
    """Return the keys of a bundle in order, each with its id.

    If a lookup of the intended id does not find a key, the key itself is shown as the id. Keys whose names may not be
    shown are omitted.
    """
    return [(key, identifier_of_key(kind, key) or key) for key in bundle.keys_to_show(blank=True)]


def problems_of_bundle(bundle: Secret, options: Options) -> Iterator[Problem]:
    """Yield the reasons why lookups read nothing in a bundle."""
    kind = kind_of_bundle(bundle)
    error = problem_of_bundle(bundle, options)
    if error is not None:
        yield Problem(BUNDLE_NOT_READ, str(error))
    elif kind is None:
        meant = nearest(bundle.labels[BUNDLE].lower(), tuple(_KINDS), 0.5)
        hint = f"; did you mean {meant!r}?" if meant else ""
        text = f"the value is none of {', '.join(map(repr, _KINDS))}, so nothing reads the {bundle.object_kind}{hint}"
        yield Problem(BUNDLE_NOT_READ, f"{bundle.full_name}, label {BUNDLE!r}: {text}")
    elif bundle.resource is CONFIG_MAPS and kind is not Kind.VARIABLE:
        text = f"only variables are read from ConfigMaps. Move these {kind.word}s to a Secret"
        yield Problem(BUNDLE_NOT_READ, f"{bundle.full_name}, label {BUNDLE!r}: {text}")
    elif bundle.resource is CONFIG_MAPS and not options.config_maps:
        text = "it is a ConfigMap, but lookups read ConfigMaps only if config_maps is true in backend_kwargs"
        yield Problem(BUNDLE_NOT_READ, f"{bundle.full_name}: {text}", Severity.WARNING)
    elif not options.bundles:
        text = "it is a bundle, but lookups read bundles only if bundles is true in backend_kwargs"
        yield Problem(BUNDLE_NOT_READ, f"{bundle.full_name}: {text}", Severity.WARNING)
    elif kind.label(options) is None:
        text = f"{kind.plural}_label is null in backend_kwargs, so bundles of this kind are not read either"
        yield Problem(BUNDLE_NOT_READ, f"{bundle.full_name}: {text}", Severity.WARNING)


def problems_of_keys(bundle: Secret, options: Options) -> Iterator[Problem]:
    """Yield what is wrong with the keys of a bundle as a whole.

    It can have no keys, or keys whose names may not be shown, or keys that are the fields of one connection.
    """
    if not bundle.data:
        yield Problem(BUNDLE_KEY, f"{bundle.full_name}: the bundle is empty. Add a key for each id", Severity.WARNING)
    hidden = len(bundle.data) - len(bundle.keys_to_show(blank=True))
    if hidden:
        count = (
            "1 key has no value, and its name is"
            if hidden == 1
            else f"{hidden} keys have no value, and their names are"
        )
        text = f"{count} not shown, because such a name can be a credential. Add the value, or remove the key"
        yield Problem(BUNDLE_KEY, f"{bundle.full_name}: {text}", Severity.WARNING)
    label = options.connections_label
    if kind_of_bundle(bundle) is Kind.CONNECTION and label is not None:
        yield from _problems_of_fields(bundle, label)


def _problems_of_fields(bundle: Secret, label: str) -> Iterator[Problem]:
    """Yield a warning if the keys of a bundle of connections look like the fields of one connection.

    Args:
        label: the label of a Secret with one connection.
    """
    found = {field: key for key in bundle.keys_to_show() for field in _FIELDS if folded(key) in ALIASES[field]}
    if len(found) >= _LEAST_FIELDS:
        text = f"each key of a bundle is an id, but {first_names(map(repr, found.values()), len(found))} look like the "
        text += f"fields of one connection. If they are, replace the label {BUNDLE!r} by {label!r} with the id"
        yield Problem(BUNDLE_KEY, f"{bundle.full_name}: {text}", Severity.WARNING)


def problem_of_entry(bundle: Secret, kind: Kind, key: str) -> Problem | None:
    """Return why a key of a bundle is not the id that was probably meant; ``None`` if it is an id."""
    problem = problem_of_key(kind, key)
    return (
        Problem(BUNDLE_KEY, f"{bundle.full_name}, key {quoted(key)}: {problem}", Severity.WARNING) if problem else None
    )


def problems_of_all_keys(bundle: Secret, kind: Kind) -> Iterator[Problem]:
    """Yield the problems of :func:`problem_of_entry` for all keys: the first ones, and how many more there are."""
    keys = [key for key in bundle.keys_to_show(blank=True) if problem_of_key(kind, key)]
    for key, more in first_items(keys):
        text = f"{bundle.full_name}, key {quoted(key)}{more}: {problem_of_key(kind, key)}"
        yield Problem(BUNDLE_KEY, text, Severity.WARNING)
