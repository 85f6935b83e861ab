"""The plugin that brings the page to Airflow's API server.

Airflow imports it in every process that loads plugins, so the page itself is only loaded where it is asked for.
https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/plugins.html
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from airflow_kubernetes_secrets.compat import has_pages

PREFIX = "/kubernetes-secrets"

# Relative, since Airflow can be served below a path of its own: its UI has the base in every page.
_HREF = f"{PREFIX.removeprefix('/')}/"


class KubernetesSecretsPlugin(AirflowPlugin):
    """*Admin → Kubernetes Secrets* in Airflow's UI."""

    name = "kubernetes_secrets"

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # Airflow only reads it
        """What Airflow's API server mounts; no other process asks for it."""
        if not has_pages():
            return []
        from airflow_kubernetes_secrets.ui.app import create_app

        return [{"name": "Kubernetes Secrets", "app": create_app(), "url_prefix": PREFIX}]

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # Airflow only reads it
        """Where its UI shows that."""
        if not has_pages():
            return []
        view = {"name": "Kubernetes Secrets", "href": _HREF, "destination": "nav", "category": "admin"}
        icons = {"icon": f"{_HREF}icon.svg", "icon_dark_mode": f"{_HREF}icon-dark.svg"}
        return [{**view, **icons, "url_route": "kubernetes-secrets"}]
