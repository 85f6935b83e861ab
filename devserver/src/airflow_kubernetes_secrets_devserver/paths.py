"""What the path of a request means: the object that it names, and what the request is authorized by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from airflow_kubernetes_secrets_devserver.access import NonResourceAttributes, ResourceAttributes
from airflow_kubernetes_secrets_devserver.objects import NAMESPACES, RESOURCES, ServedResource
from airflow_kubernetes_secrets_devserver.selection import flag, named_by

VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True)
class Target:
    """The target of a path: one object, all objects in a namespace, or (``namespace`` None) those in all namespaces."""

    resource: ServedResource
    namespace: str | None
    name: str

    @classmethod
    def of(cls, path: str) -> Target | None:
        """Return the target of ``path``; ``None`` if the path names no object of this API."""
        match path.strip("/").split("/"):
            case ["api", "v1", "namespaces"]:
                return cls(NAMESPACES, "", "")
            case ["api", "v1", "namespaces", name]:
                return cls(NAMESPACES, "", name)
            case ["api", "v1", "namespaces", namespace, plural, *rest] if len(rest) < 2 and plural in RESOURCES:
                return cls(RESOURCES[plural], namespace, "".join(rest)) if plural != NAMESPACES.plural else None
            case ["api", "v1", plural] if plural in RESOURCES:
                return cls(RESOURCES[plural], None, "")
        return None


def requested_by(method: str, path: str, query: Mapping[str, str]) -> ResourceAttributes | NonResourceAttributes:
    """Return what a request is authorized by. The resource does not have to exist."""
    group, namespace = "", ""
    match path.strip("/").split("/"):
        case ["api", _version, *rest] if rest:
            pass
        case ["apis", group, _version, *rest] if rest:
            pass
        case _:
            return NonResourceAttributes(method.lower(), path)
    match rest:
        case ["namespaces", namespace, plural, *_] if plural not in ("status", "finalize"):
            rest = rest[2:]
        case ["namespaces", namespace, *_]:
            pass
    resource, name, subresource, *_ = [*rest, "", ""]
    verb = "get" if method == "HEAD" else VERBS.get(method, "")
    if verb == "get" and not name:
        verb, name = "watch" if flag(query, "watch") else "list", named_by(query)
    elif verb == "delete" and not name:
        verb = "deletecollection"
    return ResourceAttributes(verb, resource, namespace, name, group, subresource)
