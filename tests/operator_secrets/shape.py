"""A Secret as an operator creates it, with its source, and the connection that Airflow makes of it.

A source is a repository and a path in it, or a page. If the source has values in its tests, the same values are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from support.shapes import secret_manifest, whole

BASIC_AUTH = "kubernetes.io/basic-auth"


@dataclass(frozen=True)
class Shape:
    """One Secret of an operator.

    Attributes:
        source: documents this format of the Secret.
        data: its content, as plain text.
        connection: the fields that Airflow reads; all others must be None.
        annotations: those added for Airflow, without the prefix of the keys.
    """

    name: str
    source: str
    data: Mapping[str, str]
    connection: Mapping[str, object]
    annotations: Mapping[str, str] = field(default_factory=dict)
    type: str = "Opaque"

    def manifest(self, namespace: str) -> dict[str, Any]:
        return secret_manifest(namespace, self.name, self.data, self.annotations, type=self.type)

    @property
    def expected(self) -> dict[str, object]:
        return whole(**self.connection)
