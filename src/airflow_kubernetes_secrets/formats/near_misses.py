"""What is missing if the keys of a Secret almost make a connection: a remedy for each rule that nearly applies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from airflow_kubernetes_secrets.formats.aliases import URI
from airflow_kubernetes_secrets.formats.annotations import (
    CONNECTION_EXTRA,
    CONNECTION_TYPE,
    FIELD,
    KEY_PREFIX,
    LITERALS,
    Description,
)
from airflow_kubernetes_secrets.formats.fields import fields_of, is_name_after_prefix, texts_of_keys
from airflow_kubernetes_secrets.formats.known_formats import EXTRA, KnownFormat, may_have
from airflow_kubernetes_secrets.formats.variables import PREFIXES, grouped
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.listing import first_names

# What else the hook needs, or what it expects in the host.
_USEFUL: Mapping[str, Sequence[str]] = {"ssh": (LITERALS["login"],)}
_HOST: Mapping[str, str] = {"git": " (the URL of the repository, such as git@host:path.git)"}

_ENDS_OF_PREFIXES = "_-."


def near_misses(secret: Secret) -> list[str]:
    """Return a sentence for each rule that nearly makes a connection of a Secret. None contains a value.

    Raises:
        MalformedSecretError: an annotation is invalid.
    """
    description = fields_of(secret).description
    found = remedies_of_near_formats(secret)
    if description.key_prefix:
        found += _longer_prefix(secret, description.key_prefix)
    elif not description.named:
        found += _variables(secret)
    return found


def remedies_of_near_formats(secret: Secret, unused: Collection[str] | None = None) -> list[str]:
    """Return a sentence for each known format that would apply with more annotations, which it names.

    Args:
        unused: the data keys that are not used, if others are. A format whose keys are used does not count.

    Raises:
        MalformedSecretError: an annotation is invalid.
    """
    description = fields_of(secret).description
    known = _formats(secret, description)
    if unused is not None:
        known = [each for each in known if {*unused}.issuperset(name for name in each.keys if name in secret.data)]
    return [_remedy(each, description) for each in known]


def keys_of_near_formats(secret: Secret) -> frozenset[str]:
    """Return the data keys of the known formats that would apply with more annotations."""
    description = fields_of(secret).description
    return frozenset(key for known in _formats(secret, description) for key in secret.data if key in known.keys)


def _formats(secret: Secret, description: Description) -> list[KnownFormat]:
    """Return the known formats that a Secret has, except that annotations do not contain what is missing."""
    if description.named or description.key_prefix or description.others_to_extra:
        return []
    candidates = [
        known
        for known in may_have(secret.data, secret.labels)
        if known.missing
        and description.connection_type in ("", known.conn_type)
        and not description.contained.issuperset(known.missing)
    ]
    if not candidates:
        return []
    values = texts_of_keys(secret)
    return [known for known in candidates if known.meanings(secret.labels, values) is not None]


def _remedy(known: KnownFormat, description: Description) -> str:
    needed = []
    for name in known.missing:
        if name in description.contained:
            continue
        if name == "conn_type":
            needed.append(f"{CONNECTION_TYPE}: {known.conn_type}")
        elif name.startswith(EXTRA):
            needed.append(f'{CONNECTION_EXTRA}: {{"{name[len(EXTRA) :]}": …}}')
        else:
            needed.append(LITERALS[name] + (_HOST.get(known.conn_type, "") if name == "host" else ""))
    needed += (each for each in _USEFUL.get(known.conn_type, ()) if each not in needed)
    return f"Its keys make a connection of the type {known.conn_type!r} with the annotations {', '.join(needed)}"


def _variables(secret: Secret) -> Iterator[str]:
    """Yield why variables of products make no connection."""
    prefixes, by_meaning = grouped(sorted(texts_of_keys(secret)))
    if len(prefixes) > 1:
        shown = [f"{prefix!r} ({first_names(map(repr, keys), len(keys))})" for prefix, keys in prefixes.items()]
        yield (
            f"Its keys are variables of several products, and may be for different servers: {', '.join(shown)}. Name "
            f"one of these beginnings in {KEY_PREFIX} and the type in {CONNECTION_TYPE}, or a key with a URI in "
            f"{FIELD}uri"
        )
    elif several := [(name, keys) for name, keys in by_meaning.items() if len(keys) > 1]:
        [(name, keys), *_others] = several
        yield (
            f"Its keys {first_names(map(repr, keys), len(keys))} are variables for the same field, {name!r}. Name "
            f"their beginning {next(iter(prefixes))!r} in {KEY_PREFIX} and the type in {CONNECTION_TYPE}, so that the "
            "first of these names in the documentation is used"
        )
    elif prefixes and not {URI, "host"} & by_meaning.keys():
        [prefix] = prefixes
        more = "" if PREFIXES[prefix] else f" and {CONNECTION_TYPE}"
        yield f"Its keys are variables without a host. Set {LITERALS['host']}{more}"


def _longer_prefix(secret: Secret, prefix: str) -> Iterator[str]:
    """Yield the beginning of the keys that was probably meant: people omit the ``_`` at its end."""
    longer: Counter[str] = Counter()
    for key in secret.keys_to_show():
        if key.startswith(prefix):
            ends = range(len(prefix), len(key))
            longer.update(
                key[: end + 1] for end in ends if key[end] in _ENDS_OF_PREFIXES and is_name_after_prefix(key[end + 1 :])
            )
    for meant, _count in longer.most_common(1):
        yield f"Behind the beginning in {KEY_PREFIX}, no key has a known name; did you mean {meant!r}?"
