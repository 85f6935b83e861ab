"""A Secret as an operator writes it, with its source, and the connection that Airflow has of it.

Sources are a repository and a path in it, or a page. Where the source has values in its tests, they are these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from support.shapes import secret_manifest, whole

BASIC_AUTH = "kubernetes.io/basic-auth"


@dataclass(frozen=True)
class Shape:
    """One Secret of an operator's.

    Attributes:
        source: where it is written that the Secret looks like this.
        data: what it holds, as plain text.
        connection: all that Airflow has of it; what is not here is None there.
        annotations: what has been put on it for Airflow, without the prefix of the keys.
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
