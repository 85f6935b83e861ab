"""Which key of a Secret holds which field of a connection."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.shapes.aliases import ALIASES, EXACT, URI, folded
from airflow_kubernetes_secrets.shapes.annotations import Description

# One of them at least makes a connection of a Secret; a type or a port alone does not.
_TELLING = (URI, "host", "login", "password")

# The field that a name stands for, and its place among the names of that.
_NAMES = {name: (field, rank) for field, names in ALIASES.items() for rank, name in enumerate(names)}


class Fields:
    """The fields of a connection in one Secret; it can have none.

    Attributes:
        description: what the annotations say.
        keys: data keys by field; :data:`ALIASES` has the fields.
        extra_keys: data keys by the name that they get in ``extra``.
    """

    __slots__ = ("description", "extra_keys", "keys")

    def __init__(self, description: Description, keys: Mapping[str, str], extra_keys: Mapping[str, str]) -> None:
        self.description = description
        self.keys = keys
        self.extra_keys = extra_keys

    @property
    def make_a_connection(self) -> bool:
        """Whether there is enough: something that tells whom or what to connect to.

        Other annotations do not: CloudNativePG hands them on to Secrets with certificates too.
        """
        told = self.keys.keys() | self.description.literals.keys()
        return bool(self.extra_keys) or any(field in told for field in _TELLING)

    def beside(self, key: str) -> Fields:
        """Those that complete the connection which ``key`` holds whole: what annotations name, and nothing else."""
        named, extra = self.description.fields, self.extra_keys
        return Fields(self.description, named, {name: each for name, each in extra.items() if each != key})

    @property
    def complete(self) -> bool:
        """Whether they say anything beside a connection that one key holds whole."""
        said = self.description
        return bool(self.keys or self.extra_keys or said.literals or said.connection_type or said.extra)


def fields_of(secret: Secret) -> Fields:
    """The fields in a Secret: those that its annotations name, else by the names that others use.

    A Secret that is kept in memory is looked through once, also if that ends with an error.

    Raises:
        MalformedSecretError: an annotation cannot be used.
    """
    if secret.fields is None:
        try:
            secret.fields = _fields_of(secret)
        except MalformedSecretError as error:
            # Another object, which refers to no frames.
            secret.fields = error.again()
    if isinstance(secret.fields, MalformedSecretError):
        raise secret.fields.again()
    found: Fields = secret.fields
    return found


def key_of_whole(secret: Secret, data_key: str) -> str | None:
    """The key that holds a connection whole; ``None`` if none does.

    Args:
        data_key: the key that does so if no annotation says otherwise.

    Raises:
        MalformedSecretError: an annotation cannot be used, or says that another key holds it whole too.
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
    # Of two keys that differ in capitals only, the one in small letters. A blank one says nothing. What an annotation
    # names is that and nothing else: a webhook's `url` that is the password is no URI of a host.
    for key in sorted(secret.data.keys() - description.named):
        field, rank = _NAMES.get(folded(key), ("", 0))
        if not field:
            others.append(key)
        elif (field not in found or rank <= found[field][0]) and not _is_blank(secret, key, field):
            found[field] = (rank, key)
    keys = {field: found[field][1] for field in ALIASES if field in found} | description.fields
    extra_keys = dict(description.extra_fields)
    if description.others_to_extra:
        extra_keys = {key: key for key in others} | extra_keys
    return Fields(description, keys, extra_keys)


def _is_blank(secret: Secret, key: str, field: str) -> bool:
    try:
        value = secret.value(key)
        return not (value if field in EXACT else value.strip())
    except ValueError:
        return False  # no base64; who reads it says so
