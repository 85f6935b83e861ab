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
from airflow_kubernetes_secrets.formats.env_names import PREFIXES, grouped
from airflow_kubernetes_secrets.formats.fields import fields_of, is_essential, is_name_after_prefix, texts_of_keys
from airflow_kubernetes_secrets.formats.known_formats import EXTRA, KnownFormat, may_have
from airflow_kubernetes_secrets.formats.remedies import described, set_field
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.listing import first_names, quoted

# What else the hook needs, or what it expects in the host.
_USEFUL: Mapping[str, Sequence[str]] = {"ssh": (LITERALS["login"],)}
_HOST: Mapping[str, str] = {"git": " (the URL of the repository, such as git@host:path.git)"}

# What environment variables can lack: the words for a field, and the annotation that contains it.
_LACKING: Mapping[str, tuple[str, str]] = {
    "host": ("the host", LITERALS["host"]),
    "conn_type": ("the type", CONNECTION_TYPE),
}

_NO_ENV_NAME = "Its keys are names of environment variables, and none of them is for"

_ENDS_OF_PREFIXES = "_-."
# No name of a field is longer.
_LONGEST_FIELD = 40


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
        found += _env_names(secret)
        found += () if found else _prefixes(secret)
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
    return [_remedy(secret, each, description) for each in known]


def keys_of_near_formats(secret: Secret) -> frozenset[str]:
    """Return the data keys of the known formats that would apply with more annotations."""
    description = fields_of(secret).description
    return frozenset(key for known in _formats(secret, description) for key in secret.data if key in known.keys)


def _formats(secret: Secret, description: Description) -> list[KnownFormat]:
    """Return the known formats whose keys a Secret has, but whose missing fields are in no annotation."""
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
    meanings = [known.meanings(secret.labels, values) for known in candidates]
    return [
        known
        for known, found in zip(candidates, meanings, strict=True)
        # Another key that makes a connection of its own would still take precedence.
        if found is not None and not any(map(is_essential, values.keys() - found.keys()))
    ]


def _remedy(secret: Secret, known: KnownFormat, description: Description) -> str:
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
    return f"Its keys make a connection of the type {known.conn_type!r} {described(secret, needed)}"


def _env_names(secret: Secret) -> Iterator[str]:
    """Yield why environment variables of products make no connection."""
    prefixes, by_meaning = grouped(sorted(texts_of_keys(secret)))
    if len(prefixes) > 1:
        shown = [f"{prefix!r} ({first_names(map(repr, keys), len(keys))})" for prefix, keys in prefixes.items()]
        yield (
            "Its keys are names of environment variables of several products, and may be for different servers: "
            f"{', '.join(shown)}. {_one_product(secret, has_uri=URI in by_meaning)}"
        )
    for prefix in prefixes if len(prefixes) == 1 else ():
        several = [(name, keys) for name, keys in by_meaning.items() if len(keys) > 1]
        if several:
            [(name, keys), *_others] = several
            yield (
                f"Its keys {first_names(map(repr, keys), len(keys))} are names of environment variables for the same "
                f"field, {name!r}. {_one_env_name(secret, prefix, by_meaning)}"
            )
        elif not {URI, "host"} & by_meaning.keys():
            yield f"{_NO_ENV_NAME} the host. {_other_fields(secret, prefix, by_meaning)}"
        elif not PREFIXES[prefix] and not {URI, "password"} & by_meaning.keys():
            yield f"{_NO_ENV_NAME} the password. {_other_names(secret, prefix, by_meaning)}"


def _one_product(secret: Secret, *, has_uri: bool) -> str:
    """Return the remedy for environment variables of several products."""
    if not secret.can_be_annotated:
        return "Mount only the files of one of them" + (", or name the file with a URI 'uri'" if has_uri else "")
    uri = f"; or set {FIELD}{URI} to a key with a URI" if has_uri else ""
    return (
        f"Set {KEY_PREFIX} to one of these prefixes, and {CONNECTION_TYPE} to the type{uri}{secret.annotation_suffix}"
    )


def _one_env_name(secret: Secret, prefix: str, by_meaning: Mapping[str, Sequence[str]]) -> str:
    """Return the remedy for several environment variables with one field."""
    if not secret.can_be_annotated:
        add = "" if _have_type(secret, prefix, by_meaning) else ", and add a file 'conn_type'"
        return f"Mount only one of these files{add}"
    return (
        f"Set {KEY_PREFIX} to their prefix {prefix!r}, and {CONNECTION_TYPE} to the type{secret.annotation_suffix}, "
        "so that the first of these names in the documentation is used"
    )


def _other_fields(secret: Secret, prefix: str, by_meaning: Mapping[str, Sequence[str]]) -> str:
    """Return the remedy for environment variables that only lack the host, and perhaps the type."""
    if not PREFIXES[prefix] and "password" not in by_meaning:
        return _other_names(secret, prefix, by_meaning)
    # A file `host` would be a connection of its own, without the environment variables.
    host = "host" if secret.can_be_annotated else f"{prefix}HOST"
    return set_field(secret, "", host, *(() if _have_type(secret, prefix, by_meaning) else ("conn_type",)))


def _other_names(secret: Secret, prefix: str, by_meaning: Mapping[str, Sequence[str]]) -> str:
    """Return the remedy for environment variables that are too few to be a connection under these names."""
    lacking = [field for field in _LACKING if field not in by_meaning]
    if secret.can_be_annotated:
        # With this annotation, keys with another prefix are not read.
        names = "".join(f", and {_LACKING[field][1]} to {_LACKING[field][0]}" for field in lacking)
        return f"Set {KEY_PREFIX} to their prefix {prefix!r}{names}{secret.annotation_suffix}"
    if fields_of(secret).have_type:
        lacking = [field for field in lacking if field != "conn_type"]
    renamed = [f"{key!r} to {name!r}" for name, [key] in by_meaning.items()]
    add = f"; and add a file {' and '.join(map(repr, lacking))}" if lacking else ""
    return f"Rename these files: {first_names(renamed, len(renamed))}{add}"


def _have_type(secret: Secret, prefix: str, by_meaning: Mapping[str, Sequence[str]]) -> bool:
    """Return whether the environment variables of a product, or another key or an annotation, determine the type."""
    return bool(PREFIXES[prefix]) or "conn_type" in by_meaning or fields_of(secret).have_type


def _prefixes(secret: Secret) -> Iterator[str]:
    """Yield the prefixes that several keys share, if the name of a field follows."""
    found = [prefix for prefix, count in _prefixes_of_fields(secret).most_common() if count > 1]
    if not found:
        return
    shown = first_names(map(quoted, found), len(found))
    if secret.can_be_annotated:
        meant = "this prefix" if len(found) == 1 else "the prefix that is meant"
        conn_type = "" if fields_of(secret).have_type else f", and {CONNECTION_TYPE} to the type"
        remedy = f"Set {KEY_PREFIX} to {meant}{conn_type}{secret.annotation_suffix}"
    else:
        remedy = "Rename these files without it"
    yield f"Its keys begin with {shown}. {remedy}"


def _longer_prefix(secret: Secret, prefix: str) -> Iterator[str]:
    """Yield the prefix of the keys that was probably meant: people omit the ``_`` at its end."""
    for meant, _count in _prefixes_of_fields(secret, prefix).most_common(1):
        annotation = f"{KEY_PREFIX}{secret.annotation_suffix}"
        yield f"No key has a known name after the prefix in {annotation}; did you mean {quoted(meant)}? Correct it"


def _prefixes_of_fields(secret: Secret, prefix: str = "") -> Counter[str]:
    """Return the prefixes of keys after which there is the name of a field, with the count of these keys.

    Args:
        prefix: the beginning of each of them.
    """
    found: Counter[str] = Counter()
    for key in secret.keys_to_show():
        if key.startswith(prefix):
            ends = range(max(len(prefix), len(key) - _LONGEST_FIELD), len(key))
            found.update(
                key[: end + 1] for end in ends if key[end] in _ENDS_OF_PREFIXES and is_name_after_prefix(key[end + 1 :])
            )
    return found
