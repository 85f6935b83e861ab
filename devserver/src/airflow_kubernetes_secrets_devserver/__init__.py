"""A Kubernetes API for Secrets in one process, for laptops without a cluster, demos and tests.

It serves Secrets, ConfigMaps and namespaces over HTTPS on loopback, enough for kubectl and the usual client libraries.
It is not a Kubernetes cluster: it has no other resources, controllers, persistent storage or admission. Everyone who
can reach loopback is trusted. It needs the extra ``devserver``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_kubernetes_secrets_devserver.server import DevServer
    from airflow_kubernetes_secrets_devserver.status import StatusError

__all__ = ["DevServer", "StatusError"]


def __getattr__(name: str) -> object:
    # pytest loads the plugin of this package in every run, so the web server is imported only when it is used.
    if name == "DevServer":
        from airflow_kubernetes_secrets_devserver.server import DevServer

        return DevServer
    if name == "StatusError":
        from airflow_kubernetes_secrets_devserver.status import StatusError

        return StatusError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
