"""The resources of the Kubernetes API that lookups and commands read."""

from __future__ import annotations


class Resource:
    """A resource of the API.

    Attributes:
        kind: the kind of its objects.
        plural: its name in paths and in RBAC.
    """

    __slots__ = ("kind", "plural")

    def __init__(self, kind: str, plural: str) -> None:
        self.kind = kind
        self.plural = plural

    def __repr__(self) -> str:
        return f"<Resource {self.plural}>"


SECRETS = Resource("Secret", "secrets")
CONFIG_MAPS = Resource("ConfigMap", "configmaps")
