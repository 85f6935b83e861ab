"""A Kubernetes API for Secrets in one process, for laptops without a cluster, demos and tests.

It serves Secrets and namespaces over HTTPS on loopback, enough for kubectl and the usual client libraries. It is no
Kubernetes: there are no other kinds, no controllers, no storage and no admission, and it trusts who may reach loopback.
It needs the extra ``devserver``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.devserver.server import DevServer
    from airflow_kubernetes_secrets.devserver.status import StatusError

__all__ = ["DevServer", "StatusError"]


def __getattr__(name: str) -> object:
    # pytest loads the plugin in this package in every run, and must not pay for a web server there.
    if name == "DevServer":
        from airflow_kubernetes_secrets.devserver.server import DevServer

        return DevServer
    if name == "StatusError":
        from airflow_kubernetes_secrets.devserver.status import StatusError

        return StatusError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
