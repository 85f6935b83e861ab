"""What differs between versions of Kubernetes: the words and features of an API server, by its minor version."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from support.cluster import Cluster

Each = TypeVar("Each")


class Since(dict[int, Each]):
    """What is so since which minor version; 0 is for what was before all others."""


@overload
def at(cluster: Cluster, found: Since[Each]) -> Each: ...


@overload
def at(cluster: Cluster, found: Any) -> Any: ...


def at(cluster: Cluster, found: Any) -> Any:
    """What is so at this server: the only one, or that of the last version which is not after the server's."""
    if not isinstance(found, Since):
        return found
    return found[max(minor for minor in found if minor <= cluster.minor_version)]
