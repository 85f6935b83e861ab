"""What Airflow reads from each version of an object. A later inventory does not read unchanged objects again."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from types import MappingProxyType

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS
from airflow_kubernetes_secrets.inventory.connection_types import problems_of_connection_type
from airflow_kubernetes_secrets.inventory.content import UNREADABLE, Content, content_of
from airflow_kubernetes_secrets.inventory.lookup_results import identity_of
from airflow_kubernetes_secrets.inventory.stored_secret import StoredSecret
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import data_key_of, missing_key
from airflow_kubernetes_secrets.messages.problem import Problem
from airflow_kubernetes_secrets.options.backend_kwargs import Options

# What Airflow reads from objects, and the problems with connection types, by the version of the object and by the way
# in which it was read. It contains no secret value.
KnownContents = Mapping[Hashable, tuple[Content, Sequence[Problem]]]

NO_CONTENTS: KnownContents = MappingProxyType({})


class Contents:
    """Reads the content of objects, each version once.

    Attributes:
        by_version: what was read from the objects whose version is known.
    """

    def __init__(self, options: Options, known: KnownContents) -> None:
        """Read nothing yet.

        Args:
            known: what an earlier inventory has read.
        """
        self._options = options
        self._known = known
        self.by_version: dict[Hashable, tuple[Content, Sequence[Problem]]] = {}

    def of(self, kind: Kind, stored: StoredSecret) -> tuple[Content, Sequence[Problem]]:
        """Return what Airflow reads from a Secret, and the problems with its connection type."""
        secret, data_key = stored.secret, kind.data_key(self._options)
        if not stored.version:
            return _read(kind, secret, data_key)
        # A real API server never gives two objects the same version. The name prevents a mix-up with one that does.
        key = (identity_of(secret), stored.version, kind, data_key)
        found = self._known.get(key) or self.by_version.get(key) or _read(kind, secret, data_key)
        self.by_version[key] = found
        return found


def _read(kind: Kind, secret: Secret, data_key: str) -> tuple[Content, Sequence[Problem]]:
    """Return what Airflow reads from a Secret, and the problems with its connection type.

    Args:
        data_key: the key to use if no annotation names one.
    """
    key = IN_FIELDS
    try:
        missing = missing_key(kind, secret, data_key)
        if not missing:
            key = data_key_of(kind, secret, data_key)
        content = _unreadable(missing) if missing else content_of(kind, secret, key)
    except MalformedSecretError as error:
        content = _unreadable(error)
    return content, list(problems_of_connection_type(kind, secret, key, content))


def _unreadable(error: MalformedSecretError) -> Content:
    return Content("", is_readable=False, problems=(Problem(UNREADABLE, str(error)),))
