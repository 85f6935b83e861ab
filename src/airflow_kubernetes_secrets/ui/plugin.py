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


class _WithSlash:
    """Redirects the page's address without the slash at the end to the one with it."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle a request, as ASGI specifies."""
        if scope["type"] == "http" and scope["path"].removeprefix(scope.get("root_path", "")) == PREFIX:
            query = b"?" + scope["query_string"] if scope["query_string"] else b""
            # It is relative, because only the browser knows the path below which a proxy serves Airflow.
            headers = [(b"location", _HREF.encode() + query), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 307, "headers": headers})
            await send({"type": "http.response.body"})
            return
        await self._app(scope, receive, send)


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
    def fastapi_root_middlewares(self) -> list[dict[str, Any]]:  # type: ignore[override]  # Airflow only reads it
        """The middleware that adds the slash at the end of the page's address, where Airflow would find no page."""
        return [{"name": "Kubernetes Secrets", "middleware": _WithSlash}] if has_pages() else []

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # Airflow only reads it
        """The menu entry for the page in Airflow's UI."""
        if not has_pages():
            return []
        view = {"name": "Kubernetes Secrets", "href": _HREF, "destination": "nav", "category": "admin"}
        icons = {"icon": f"{_HREF}icon.svg", "icon_dark_mode": f"{_HREF}icon-dark.svg"}
        return [{**view, **icons, "url_route": "kubernetes-secrets"}]
