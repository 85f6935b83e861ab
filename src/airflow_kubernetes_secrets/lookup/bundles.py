"""Bundles: Secrets, and ConfigMaps with variables, in which every key of the data is an id.

``docs/how-to/bundles.md`` describes them for users. The data of a bundle is a mapping, so an entry is found without
reading the others.
"""

from __future__ import annotations

from collections.abc import Iterable

from airflow_kubernetes_secrets.kubernetes.labels import is_data_key
from airflow_kubernetes_secrets.kubernetes.objects import DerivedValues, Resource, Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.messages.listing import quoted

_PREFIXES = tuple(kind.env_prefix for kind in Kind)

# In Airflow 3.2 and later, a connection of the team `sales` is in the variable AIRFLOW_CONN__SALES___ID. No lookup uses
# a key of this form, because the label of a bundle contains its team.
TEAM_SEPARATOR = "___"


class BundleEntry(Secret):
    """One id of a bundle, as a Secret whose data is one key with the whole value.

    Resource, name, age and labels are those of the bundle. It has no annotations, because those of a bundle do not
    describe a single value.
    """

    __slots__ = ("bundle_key", "resource")

    can_be_annotated = False
    resource: Resource
    bundle_key: str

    def __init__(self, bundle: Secret, key: str) -> None:
        super().__init__(bundle.namespace, bundle.name, bundle.created, bundle.labels, {key: bundle.data[key]})
        object.__setattr__(self, "resource", bundle.resource)
        object.__setattr__(self, "bundle_key", key)


# An index returns the same bundle again and again, so each entry is made once and read once.
_entries: DerivedValues[Secret, dict[str, BundleEntry]] = DerivedValues()


def entries_of(bundle: Secret, keys: Iterable[str]) -> list[BundleEntry]:
    """Return the entries of a bundle for these keys, in this order. Keys that the bundle does not have are skipped."""
    data, found = bundle.data, []
    for key in keys:
        if key in data:
            known = _entries.get(bundle)
            if known is None:
                known = {}
                _entries.put(bundle, known)
            found.append(known.get(key) or known.setdefault(key, BundleEntry(bundle, key)))
    return found


def name_with_key(secret: Secret) -> str:
    """Return the description of a Secret for a message. For an entry of a bundle, it names the bundle and the key."""
    return f"{secret}, key {quoted(secret.bundle_key)}" if secret.bundle_key else str(secret)


def are_of_one_bundle(one: Secret, other: Secret) -> bool:
    """Return whether both are entries of one bundle. Of these, a lookup uses the key that equals the id."""
    return bool(one.bundle_key and other.bundle_key) and one.full_name == other.full_name


def keys_of(kind: Kind, identifier: str) -> tuple[str, ...]:
    """Return the keys that can contain an id in a bundle: the id, and the name from :func:`env_name_of`.

    A key with the prefix of environment variables is never an id itself, because it means the id behind the prefix.
    """
    env_name = env_name_of(kind, identifier)
    if identifier.startswith(_PREFIXES):
        return (env_name,) if env_name else ()
    return (identifier, env_name) if env_name else (identifier,)


def env_name_of(kind: Kind, identifier: str) -> str:
    """Return the name of the environment variable that Airflow derives from an id; empty if it derives none."""
    prefix = kind.env_prefix
    if kind is Kind.CONFIG:
        section, _slash, option = identifier.partition("/")
        return f"{prefix}{section.replace('.', '_')}__{option}".upper() if section and option else ""
    return "" if _is_of_a_team(identifier) else f"{prefix}{identifier}".upper()


def identifier_of_key(kind: Kind, key: str) -> str:
    """Return the id of a key in a bundle of a kind; empty if a lookup of the intended id does not find this key.

    If the key is the name of an environment variable, the case of the id is unknown, and the result is in lower case.
    """
    if not key.startswith(_PREFIXES):
        return key
    name = key.removeprefix(kind.env_prefix)
    if kind is Kind.CONFIG:
        section, _, option = name.partition("__")
        identifier = f"{section}/{option}".lower() if section and option else ""
    else:
        identifier = name.lower()
    return identifier if key == env_name_of(kind, identifier) else ""


def key_for(kind: Kind, identifier: str) -> str | None:
    """Return the key under which an id is written to a bundle; ``None`` if no key can have this id."""
    return identifier if is_data_key(identifier) and identifier_of_key(kind, identifier) == identifier else None


def problem_of_key(kind: Kind, key: str) -> str:
    """Return what is wrong with a key in a bundle of a kind, with the remedy; empty if the key is an id."""
    if identifier_of_key(kind, key):
        return ""
    prefix = kind.env_prefix
    if not key.startswith(prefix):
        return f"the prefix in this bundle is {prefix}. Move the key to a bundle of its own kind"
    if key == prefix:
        return "the id after the prefix is missing. Add it"
    if kind is Kind.CONFIG:
        return "it is not AIRFLOW__SECTION__KEY in capitals, the name for the id section/key. Correct it"
    if key != key.upper():
        return f"such a name must be in capitals. Write {key.upper()}, or the id without {prefix}"
    return "it names a team, as Airflow's environment variables do. Put the team in the label of a bundle of its own"


def _is_of_a_team(identifier: str) -> bool:
    """Return whether Airflow would read the environment variable of this id as that of a team."""
    return identifier.startswith("_") and TEAM_SEPARATOR in identifier
