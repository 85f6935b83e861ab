"""The page and its JSON routes, as an application that Airflow's API server mounts.

Every route requires a login, except that of the script which opens the login.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache, partial
from importlib.metadata import metadata
from pathlib import Path
from threading import BoundedSemaphore
from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import get_user
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, status
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.exceptions import HTTPException as AnyHTTPException

from airflow_kubernetes_secrets.diagnosis.explain import explain
from airflow_kubernetes_secrets.diagnosis.explanation_text import configuration_lines, problem_sections, trace_sections
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.inventory.labelled_secrets import LabelledSecrets
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.kubernetes.kubectl_commands import secrets_in
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.messages.advice import advice_of
from airflow_kubernetes_secrets.messages.tracebacks import without_variables
from airflow_kubernetes_secrets.ui.export import Format, exported
from airflow_kubernetes_secrets.ui.snapshot_cache import SnapshotCache, configured_options, failures_of, take_snapshot
from airflow_kubernetes_secrets.ui.table import Order, TableQuery, matching_rows, page_of
from airflow_kubernetes_secrets.ui.used_ids import UsedIds, UsedIdsCache, read_used_ids
from airflow_kubernetes_secrets.ui.viewer import Viewer

_STATIC = Path(__file__).parent / "static"

# The page loads only what this application serves, and only Airflow's own UI may frame it.
# https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Content-Security-Policy
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_SCRIPTS = ("page", "details", "dom", "messages", "requests", "state", "summary", "table", "theme", "times")
_ASSETS = {
    **{f"{name}.js": "text/javascript" for name in _SCRIPTS},
    "page.css": "text/css",
    "icon.svg": "image/svg+xml",
    "icon-dark.svg": "image/svg+xml",
}

# What is shown in place of the page.
_PAGES = {status.HTTP_401_UNAUTHORIZED: "login.html", status.HTTP_403_FORBIDDEN: "forbidden.html"}

_MAY_NOT = (
    "You may read neither connections nor variables nor configuration in this Airflow. Ask an administrator for "
    "the permission to read one of them"
)
# The most characters in a parameter. An id in Airflow has at most 250, but one in an annotation can be longer.
_LONGEST = 1_000
# How many lookups may be explained at once. Each makes several requests to Kubernetes, and occupies a thread that other
# requests need too.
_explaining = BoundedSemaphore(4)


class _NotPermittedError(HTTPException):
    """The user is logged in, and may not read something."""

    def __init__(self, detail: str) -> None:
        super().__init__(status.HTTP_403_FORBIDDEN, detail)


def _viewer(user: Annotated[Any, Depends(get_user)]) -> Viewer:
    return Viewer(user)


def _permitted(viewer: Annotated[Viewer, Depends(_viewer)]) -> list[Kind]:
    """Return the kinds that the user may see.

    Raises:
        HTTPException: with status 403 if there are none.
    """
    if kinds := viewer.kinds:
        return kinds
    raise _NotPermittedError(_MAY_NOT)


SomeViewer = Annotated[Viewer, Depends(_viewer)]
Permitted = Annotated[list[Kind], Depends(_permitted)]
Text = Annotated[str, Query(max_length=_LONGEST)]


class _AsciiResponse(JSONResponse):
    """A response of JSON in ASCII.

    A host in a connection can contain half of a surrogate pair, which UTF-8 cannot encode.
    """

    def render(self, content: Any) -> bytes:
        """Return the content as bytes."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


router = APIRouter(default_response_class=_AsciiResponse)


@router.get("/", dependencies=[Depends(_permitted)])
def page() -> Response:
    """Return the page, which is identical for all users. Its data comes from the other routes."""
    return FileResponse(_STATIC / "page.html", media_type="text/html")


# The page that leads to the login needs it, so it is the only file that is served without a login.
@router.get("/login.js")
def login_script() -> Response:
    """Return the script that opens Airflow's login in the whole window."""
    return FileResponse(_STATIC / "login.js", media_type="text/javascript")


# Every user who is logged in may load these, because the page for users without permissions has the same style.
@router.get("/{name}", dependencies=[Depends(_viewer)])
def asset(name: str) -> Response:
    """Return a script, the style or an icon."""
    if name not in _ASSETS:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such page")
    return FileResponse(_STATIC / name, media_type=_ASSETS[name])


def _filters(
    *,
    search: Text = "",
    kind: Text = "",
    team: Text = "",
    problem: Text = "",
    order: Order = Order.ID,
    descending: bool = False,
) -> TableQuery:
    return TableQuery(search, kind, team, problem, order, descending)


Filters = Annotated[TableQuery, Depends(_filters)]


@router.get("/api/entries")
def entries(
    *,
    request: Request,
    viewer: SomeViewer,
    kinds: Permitted,
    filters: Filters,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    refresh: bool = False,
) -> dict[str, Any]:
    """Return one page of the table, and what ``list`` shows besides its table.

    Args:
        refresh: whether to list the Secrets again now.
    """
    cache: SnapshotCache = request.app.state.snapshot_cache
    snapshot = cache.snapshot(refresh=refresh)
    if refresh:
        # An outage may be over. The next snapshot has the result.
        request.app.state.used_ids.retry(snapshot.used)
    requested = replace(filters, offset=offset, limit=limit)
    return {
        **page_of(viewer.rows(snapshot, kinds), requested),
        "labels": {kind.name.lower(): label for kind, label in snapshot.labels.items()},
        "place": snapshot.location,
        "searched": list(snapshot.searched),
        "documentation": _documentation(),
        "reads_dags": snapshot.used is None,
        "checks": [secrets_in(snapshot.kubectl, namespace) for namespace in snapshot.searched],
        "taken_at": snapshot.taken_at.isoformat(),
        "failures": _messages(snapshot.failures),
        "not_permitted": [each.plural for each in Kind if each not in kinds],
    }


@router.get("/api/export")
def export(*, request: Request, viewer: SomeViewer, kinds: Permitted, filters: Filters, format: Format) -> Response:
    """Return all rows that match, as a file."""
    cache: SnapshotCache = request.app.state.snapshot_cache
    text = exported(matching_rows(viewer.rows(cache.snapshot(), kinds), filters), format)
    disposition = {"Content-Disposition": f'attachment; filename="kubernetes-secrets.{format.value}"'}
    # Part of a surrogate pair in a host cannot be encoded.
    content = text.encode("utf-8", "backslashreplace")
    return Response(content, media_type=format.media_type, headers=disposition)


@router.get("/api/explanation")
def explanation(
    *, request: Request, viewer: SomeViewer, kinds: Permitted, kind: Text, id: Text, team: Text = ""
) -> dict[str, Any]:
    """Return what ``explain`` shows for one id."""
    # Airflow looks up configuration options without a team.
    lookup = Lookup(_kind(kind), id, (team or None) if _kind(kind) is not Kind.CONFIG else None)
    if not viewer.may_see(lookup.kind, lookup.id, lookup.team):
        raise _NotPermittedError(f"You may not read this {lookup.kind.word} in Airflow")
    if not _explaining.acquire(blocking=False):
        # requests.js sends the request again after this time.
        text, headers = "Other lookups are running. Try again in a moment", {"Retry-After": "1"}
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, text, headers)
    try:
        cache: SnapshotCache = request.app.state.snapshot_cache
        return _explanation(
            lookup, viewer, request.app.state.used_ids.latest(), partial(_labelled, cache, viewer, kinds)
        )
    finally:
        _explaining.release()


@without_variables
def _explanation(
    lookup: Lookup, viewer: Viewer, used: UsedIds | None, labelled: Callable[[], LabelledSecrets | None]
) -> dict[str, Any]:
    """Return the explanation of a lookup, with the names of the options but without their values."""
    configured, options = configured_options()
    with closing(location_of(options)) as location:
        found = explain(lookup, options, location, may_reveal=viewer.may_see, labelled=labelled)
    if used is not None and not used.failures:
        selected = next((each.stored.secret.listed_name for each in found.candidates if each.is_selected), "")
        found.uses = viewer.visible_uses(used.uses_of_lookup(lookup, selected), used)
    # Only the names: not every user of the page may read Airflow's configuration.
    names = ", ".join(sorted(configured.kwargs))
    configuration = configuration_lines(configured, [f"options {names}"] if names else [])
    return {
        **found.as_json(),
        "configuration": configured.as_json(),
        "findings": [section.as_json() for section in problem_sections(found)],
        "trace": [section.as_json() for section in trace_sections(found, configuration)],
    }


def _labelled(cache: SnapshotCache, viewer: Viewer, kinds: Sequence[Kind]) -> LabelledSecrets | None:
    """Return the Secrets of the snapshot that the user may see, for suggestions; ``None`` without a snapshot.

    So other Secrets, which can be thousands, take no place among those that are compared with the id.
    """
    try:
        snapshot = cache.snapshot()
    except KubernetesSecretsError:
        return None
    if snapshot.labelled is None:
        return None
    entries = [row.entry for row in viewer.rows(snapshot, kinds)]
    visible = {(each.kind, each.object_kind, each.namespace, each.secret) for each in entries}
    return snapshot.labelled.only(lambda kind, each: (kind, each.object_kind, each.namespace, each.name) in visible)


@cache
def _documentation() -> str:
    """Return the address of the problem codes in the documentation, which the package's metadata contains."""
    urls = dict(each.split(", ", 1) for each in metadata("airflow-kubernetes-secrets").get_all("Project-URL") or [])
    return f"{urls['Documentation']}reference/cli.html" if "Documentation" in urls else ""


def create_app() -> FastAPI:
    """Return the application. It reads nothing before the first request."""
    # There are no pages about this API, because they would load scripts from other sites.
    app = FastAPI(title="Kubernetes Secrets", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.used_ids = UsedIdsCache(read_used_ids)
    app.state.snapshot_cache = SnapshotCache(lambda last: take_snapshot(app.state.used_ids.latest(), last))
    app.include_router(router)
    app.middleware("http")(_with_headers)
    app.add_exception_handler(KubernetesSecretsError, _unavailable)
    app.add_exception_handler(AnyHTTPException, _refused)
    return app


async def _with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Add the security headers to every response."""
    response = await call_next(request)
    response.headers.update(_HEADERS)
    return response


async def _unavailable(_request: Request, error: Exception) -> Response:
    """Return the response for an error of this package."""
    content = {"detail": str(error), "failures": _messages(failures_of(error))}
    return _AsciiResponse(content, status.HTTP_503_SERVICE_UNAVAILABLE)


def _messages(texts: Iterable[str]) -> list[dict[str, object]]:
    """Return messages with their parts, as the page shows them."""
    return [{"text": text, **advice_of(text).as_json()} for text in texts]


async def _refused(request: Request, error: Exception) -> Response:
    """Return the response for an HTTP error.

    If the page itself was requested, the response is a page that leads to the login, or one that shows why the user
    cannot see anything. A redirect would show the login inside the frame.
    """
    assert isinstance(error, AnyHTTPException)  # noqa: S101  # the handler is registered for this class
    code = error.status_code
    if code == status.HTTP_403_FORBIDDEN and not isinstance(error, _NotPermittedError):
        # Airflow's own 403 means that the token is invalid, for example because Airflow was restarted with another key.
        # Airflow's UI opens the login then, as after a 401.
        code = status.HTTP_401_UNAUTHORIZED
    is_page = request.scope["path"].removeprefix(request.scope.get("root_path", "")) == "/"
    page = _PAGES.get(code) if is_page else None
    if page is None:
        return _AsciiResponse({"detail": error.detail}, code, error.headers)
    return FileResponse(_STATIC / page, code, media_type="text/html")


def _kind(name: str) -> Kind:
    """Return the kind with this name.

    Raises:
        HTTPException: with status 422 if there is none.
    """
    try:
        return Kind[name.upper()]
    except KeyError:
        names = ", ".join(kind.name.lower() for kind in Kind)
        raise HTTPException(422, f"kind must be one of {names}") from None
