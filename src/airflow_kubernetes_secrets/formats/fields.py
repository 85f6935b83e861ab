"""Determine which key of a Secret contains which field of a connection."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from airflow_kubernetes_secrets.derived import DerivedValues
from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats.aliases import ALIASES, EXACT, URI, folded
from airflow_kubernetes_secrets.formats.annotations import Description
from airflow_kubernetes_secrets.formats.settings import PLAIN
from airflow_kubernetes_secrets.formats.variables import variables_in
from airflow_kubernetes_secrets.kubernetes.objects import Secret

# A connection needs at least one of these fields. A type or a port alone is not enough.
_ESSENTIAL = (URI, "host", "login", "password")

# The field of each name, and the position of the name among the names of that field.
_NAMES = {name: (field, rank) for field, names in ALIASES.items() for rank, name in enumerate(names)}


class Fields:
    """The fields of a connection in one Secret. There can be none.

    Attributes:
        description: the annotations.
        keys: the data keys by field; :data:`ALIASES` lists the fields.
        extra_keys: the data keys by their name in ``extra``.
        settings: the data keys by the name of a setting. Which of them a hook uses depends on the connection type.
        conn_type: the connection type that the names of the keys determine; empty if they do not.
    """

    __slots__ = ("conn_type", "description", "extra_keys", "keys", "settings")

    def __init__(
        self,
        description: Description,
        keys: Mapping[str, str],
        extra_keys: Mapping[str, str],
        settings: Mapping[str, str] = MappingProxyType({}),
        conn_type: str = "",
    ) -> None:
        self.description = description
        self.keys = keys
        self.extra_keys = extra_keys
        self.settings = settings
        self.conn_type = conn_type

    @property
    def are_sufficient(self) -> bool:
        """Whether the fields are enough for a connection: one must say what to connect to, or how to log in.

        Other annotations are not enough: CloudNativePG also copies them to Secrets with certificates.
        """
        present = self.keys.keys() | self.description.literals.keys()
        return bool(self.extra_keys) or any(field in present for field in _ESSENTIAL)

    def completing(self, key: str) -> Fields:
        """Return the fields that complete the connection in ``key``: those that annotations name, and no others."""
        named, extra = self.description.fields, self.extra_keys
        return Fields(self.description, named, {name: each for name, each in extra.items() if each != key})

    @property
    def add_anything(self) -> bool:
        """Whether the fields add anything to a connection that one key contains."""
        description = self.description
        return bool(
            self.keys or self.extra_keys or description.literals or description.connection_type or description.extra
        )


_known: DerivedValues[Secret, Fields | MalformedSecretError] = DerivedValues()


def fields_of(secret: Secret) -> Fields:
    """Return the fields in a Secret: those that its annotations name, and else those under known names.

    A Secret in memory is examined once, even if that ends with an error.

    Raises:
        MalformedSecretError: an annotation is invalid.
    """
    known = _known.get(secret)
    if known is None:
        try:
            known = _fields_of(secret)
        except MalformedSecretError as error:
            # Store a copy, which refers to no frames.
            known = error.again()
        _known.put(secret, known)
    if isinstance(known, MalformedSecretError):
        raise known.again()
    return known


def key_of_whole(secret: Secret, data_key: str) -> str | None:
    """Return the key that contains a whole connection; ``None`` if no key does.

    Args:
        data_key: the key to use if no annotation names one.

    Raises:
        MalformedSecretError: an annotation is invalid, or names a second key with the whole connection.
    """
    description = fields_of(secret).description
    key = description.data_key
    if key is None and data_key in secret.data and data_key not in description.named:
        key = data_key
    if key is not None:
        description.check_whole(secret, key)
    return key


def _fields_of(secret: Secret) -> Fields:
    description = Description(secret)
    found: dict[str, tuple[int, str]] = {}
    others = []
    settings: dict[str, str] = {}
    # Of two keys that differ only in case, the one in lower case is used. A blank value counts as missing. A key that
    # an annotation names has no other use: the `url` of a webhook, named as its password, is not the URI of a host.
    for key in sorted(secret.data.keys() - description.named):
        field, rank = _NAMES.get(folded(key), ("", 0))
        if not field:
            others.append(key)
            if folded(key) in PLAIN:
                settings.setdefault(folded(key), key)
        elif (field not in found or rank <= found[field][0]) and not _is_blank(secret, key, field):
            found[field] = (rank, key)
    keys = {field: found[field][1] for field in ALIASES if field in found} | description.fields
    extra_keys = dict(description.extra_fields)
    if description.others_to_extra:
        return Fields(description, keys, {key: key for key in others} | extra_keys)
    if not (description.named or any(field in found for field in _ESSENTIAL)):
        # Names of variables count only where no other name does.
        variables = variables_in((key for key in others if not _is_blank(secret, key, "")), description.literals)
        if variables is not None:
            return Fields(description, {**variables.keys, **keys}, extra_keys, variables.settings, variables.conn_type)
    return Fields(description, keys, extra_keys, settings)


def _is_blank(secret: Secret, key: str, field: str) -> bool:
    try:
        value = secret.value(key)
        return not (value if field in EXACT else value.strip())
    except ValueError:
        return False  # not base64; the code that reads the value reports it
