"""The plugin that adds the page to Airflow's API server.

Airflow imports it in every process that loads plugins, so it imports the page itself only where Airflow needs it.
https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/plugins.html
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from airflow_kubernetes_secrets.backend.airflow_versions import has_pages

PREFIX = "/kubernetes-secrets"

# The path is relative, because Airflow can be served below a path, which its UI sets as the base of every page.
_HREF = f"{PREFIX.removeprefix('/')}/"


class KubernetesSecretsPlugin(AirflowPlugin):
    """Adds *Admin → Kubernetes Secrets* to Airflow's UI."""

    name = "kubernetes_secrets"

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # Airflow only reads it
        """The applications that Airflow's API server mounts. No other process reads this."""
        if not has_pages():
            return []
        from airflow_kubernetes_secrets.ui.app import create_app

        return [{"name": "Kubernetes Secrets", "app": create_app(), "url_prefix": PREFIX}]

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # Airflow only reads it
        """The menu entry for the page in Airflow's UI."""
        if not has_pages():
            return []
        view = {"name": "Kubernetes Secrets", "href": _HREF, "destination": "nav", "category": "admin"}
        icons = {"icon": f"{_HREF}icon.svg", "icon_dark_mode": f"{_HREF}icon-dark.svg"}
        return [{**view, **icons, "url_route": "kubernetes-secrets"}]
