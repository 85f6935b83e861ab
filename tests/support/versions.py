"""Differences between versions of Kubernetes: messages and features of an API server, by its minor version."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from support.cluster import Cluster

Each = TypeVar("Each")


class Since(dict[int, Each]):
    """Values by the minor version since which they apply; 0 is for all earlier versions."""


@overload
def at(cluster: Cluster, found: Since[Each]) -> Each: ...


@overload
def at(cluster: Cluster, found: Any) -> Any: ...


def at(cluster: Cluster, found: Any) -> Any:
    """Return the value for this server: the one of the latest version that is not newer than the server."""
    if not isinstance(found, Since):
        return found
    return found[max(minor for minor in found if minor <= cluster.minor_version)]
