"""The HTTP layer: authenticates each request, checks its permissions, dispatches it and builds the response.

https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import StatelessLifespan

from airflow_kubernetes_secrets.kubernetes.json_and_yaml import UnreadableError
from airflow_kubernetes_secrets.messages.printable import printable, printable_lines
from airflow_kubernetes_secrets_devserver import discovery, patch, protobuf, strategic
from airflow_kubernetes_secrets_devserver.access import (
    AUTHENTICATION_GROUP,
    AUTHORIZATION_GROUP,
    Access,
    ResourceAttributes,
    User,
    act_as,
    check,
    review_access,
    review_rules,
    review_self,
)
from airflow_kubernetes_secrets_devserver.deletion import DeleteOptions
from airflow_kubernetes_secrets_devserver.objects import NAMESPACES, RESOURCES, ServedResource
from airflow_kubernetes_secrets_devserver.paths import VERBS, Target, requested_by
from airflow_kubernetes_secrets_devserver.received import Received
from airflow_kubernetes_secrets_devserver.registry import Registry, WriteOptions
from airflow_kubernetes_secrets_devserver.representation import Representation
from airflow_kubernetes_secrets_devserver.selection import Page, Selection, flag, version_of_object
from airflow_kubernetes_secrets_devserver.status import (
    Cause,
    StatusError,
    bad_request,
    invalid,
    method_not_allowed,
    no_such_path,
)
from airflow_kubernetes_secrets_devserver.store import JsonObject, Key
from airflow_kubernetes_secrets_devserver.validation import is_dry_run, validate_manager
from airflow_kubernetes_secrets_devserver.watching import ServedWatch

log = logging.getLogger(__name__)

MAXIMUM_BODY_BYTES = 3 * 1024 * 1024
# The API server refuses the methods without a verb itself, after it has authenticated the request.
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"]
_FORMS = ["application/json", "application/yaml", protobuf.MEDIA_TYPE]
_VALIDATIONS = ("Ignore", "Strict", "Warn")
_REVIEWS: dict[str, Callable[[User, JsonObject], JsonObject]] = {
    f"/apis/{AUTHORIZATION_GROUP}/v1/selfsubjectaccessreviews": review_access,
    f"/apis/{AUTHORIZATION_GROUP}/v1/selfsubjectrulesreviews": review_rules,
    f"/apis/{AUTHENTICATION_GROUP}/v1/selfsubjectreviews": lambda user, _document: review_self(user),
}
_PATCHES: dict[str, Callable[[JsonObject, object], Any]] = {
    "application/merge-patch+json": patch.merge,
    "application/strategic-merge-patch+json": strategic.merge,
    "application/json-patch+json": patch.json_patch,
}
_HEALTH = ("/healthz", "/livez", "/readyz")
_NO_BODY = (
    "the object provided is unrecognized: couldn't get version/kind; json parse error: unexpected end of JSON input "
    "(<empty>)"
)
_APPLY = "application/apply-patch+yaml"

# Without this list, `kubectl describe configmap` fails. There never are any events.
_EVENTS = re.compile("/api/v1(/namespaces/[^/]+)?/events")


class Api:
    """The API over a registry and its tokens.

    Args:
        bookmark_seconds: the seconds between the bookmarks of a watch.
    """

    def __init__(self, registry: Registry, access: Access, bookmark_seconds: float) -> None:
        self._registry = registry
        self._access = access
        self._bookmark_seconds = bookmark_seconds
        self._documents = discovery.documents()

    def app(self, lifespan: StatelessLifespan[Starlette]) -> Starlette:
        """Return the ASGI application."""
        return Starlette(routes=[Route("/{path:path}", self._respond, methods=_METHODS)], lifespan=lifespan)

    async def _respond(self, request: Request) -> Response:
        """Return the response to a request; 500 for an error of the devserver itself."""
        try:
            return await self._dispatch_or_refuse(request)
        except ClientDisconnect:
            # The client has closed the connection before the end of its request, for example because its time is over.
            # Nothing of this response is sent.
            return Response(status_code=400)
        except Exception as error:
            # Log only the location and the type: the message of an exception may contain a value.
            where = "".join(traceback.format_tb(error.__traceback__))
            text = f"{type(error).__name__} in {request.method} {printable(request.url.path)}\n{where}"
            log.error("%s", printable_lines(text))  # noqa: TRY400  # the exception may hold a value
            return JSONResponse(StatusError(500, "InternalError", "Internal error of the devserver").status(), 500)

    async def _dispatch_or_refuse(self, request: Request) -> Response:
        """Return the response to a request; if it is refused, the ``Status`` with the reason."""
        try:
            return await self._dispatch(request)
        except StatusError as error:
            headers = {"Retry-After": str(error.retry_after)} if error.retry_after else None
            return JSONResponse(error.status(), error.code, headers)

    async def _dispatch(self, request: Request) -> Response:
        # The path of the URL is still encoded.
        path, method = str(request.scope["path"]), request.method
        user = self._access.user(request.headers.get("authorization", ""))
        target, review = Target.of(path), _REVIEWS.get(path)
        requested = requested_by(method, path, request.query_params)
        impersonated, groups = request.headers.get("impersonate-user"), request.headers.getlist("impersonate-group")
        if impersonated:
            user = act_as(user, impersonated, groups, requested, self._access)
        elif groups:
            raise bad_request("requested groups without impersonating a user name")
        check(user, requested)
        if (target is not None and method not in VERBS) or (review is not None and method != "POST"):
            raise method_not_allowed()
        if target is not None:
            return await self._act(request, target, requested.verb, user)
        if review is not None:
            return JSONResponse(review(user, _mapping((await _document(request)).document)), 201)
        return self._fixed(path.rstrip("/"), method)

    def _fixed(self, path: str, method: str) -> Response:
        """Return a response that depends on nothing but the path."""
        if path in _HEALTH:
            return PlainTextResponse("ok")
        is_list_of_events = _EVENTS.fullmatch(path) is not None
        if path not in self._documents and path != "/openapi/v2" and not is_list_of_events:
            raise no_such_path()
        if method != "GET":
            raise method_not_allowed()
        if path == "/openapi/v2":
            return Response(discovery.openapi_v2(), media_type="application/octet-stream")
        if is_list_of_events:
            return JSONResponse(
                {
                    "kind": "EventList",
                    "apiVersion": "v1",
                    "metadata": {"resourceVersion": str(self._registry.store.version)},
                    "items": [],
                }
            )
        return JSONResponse(self._documents[path])

    async def _act(self, request: Request, target: Target, verb: str, user: User) -> Response:
        resource, namespace, name = target.resource, target.namespace, target.name
        _representation(request)  # A request that nothing can respond to changes nothing.
        if verb == "list":
            selection = Selection.from_query(resource, request.query_params)
            page = Page.from_query(request.query_params, namespace)
            return self._object_response(request, resource, self._registry.list(resource, namespace, selection, page))
        if verb == "watch":
            watch = ServedWatch.from_query(resource, namespace, request.query_params, self._bookmark_seconds)
            return StreamingResponse(self._lines(request, watch), media_type="application/json")
        if namespace is None or (verb in ("create", "deletecollection")) is bool(name):
            raise method_not_allowed()
        if verb == "get":
            at_least = version_of_object(request.query_params.get("resourceVersion", ""))
            return self._object_response(request, resource, self._registry.get(resource, namespace, name, at_least))
        return await self._write(request, Key(resource.plural, namespace, name), user)

    async def _write(self, request: Request, key: Key, user: User) -> Response:
        options = _write_options(request)
        write = self._patch if request.method == "PATCH" else self._change
        response = await write(request, key, user, options)
        for text in options.warnings:
            response.headers.append("Warning", f"299 - {json.dumps(text)}")
        return response

    async def _change(self, request: Request, key: Key, _user: User, options: WriteOptions) -> Response:
        registry, resource, (_, namespace, name) = self._registry, RESOURCES[key.plural], key
        if request.method == "DELETE":
            return await self._delete(request, key)
        received = await _document(request)
        options, document = replace(options, repeated=received.repeated), received.document
        if request.method == "POST":
            return self._object_response(
                request, resource, registry.create(resource, namespace, document, options), 201
            )
        return self._object_response(request, resource, registry.update(resource, namespace, name, document, options))

    async def _delete(self, request: Request, key: Key) -> Response:
        registry, resource, (_, namespace, name) = self._registry, RESOURCES[key.plural], key
        body, query = await _body(request), request.query_params
        # The parameters of the query count only if there is no body.
        if body:
            options = DeleteOptions.from_document(_mapping(_read(_media_type(request), body).document))
        else:
            options = DeleteOptions.from_query(query)
        if name:
            return JSONResponse(registry.delete(resource, namespace, name, options))
        if resource is NAMESPACES:
            raise method_not_allowed()
        selection, page = Selection.from_query(resource, query), Page.from_query(query, namespace)
        found = registry.delete_collection(resource, namespace, selection, page, options)
        return self._object_response(request, resource, found)

    async def _patch(self, request: Request, key: Key, user: User, options: WriteOptions) -> Response:
        registry, resource, (_, namespace, name) = self._registry, RESOURCES[key.plural], key
        form = _media_type(request)
        body = await _body(request)
        if form == _APPLY:
            if not request.query_params.get("fieldManager"):
                cause = Cause("FieldValueRequired", "Required value: is required for apply patch", "fieldManager")
                raise invalid("PatchOptions", "", [cause], group="meta.k8s.io")
            if registry.store.get(key) is None:
                check(user, ResourceAttributes("create", resource.plural, namespace, name))
            received = _parse(body, yaml=True)
            options = replace(options, repeated=received.repeated)
            found, new = registry.apply(resource, namespace, name, received.document, options)
            return self._object_response(request, resource, found, 201 if new else 200)
        if form not in _PATCHES:
            raise _unknown_form([*_PATCHES, _APPLY])
        if "force" in request.query_params:
            cause = Cause("FieldValueForbidden", "Forbidden: may not be specified for non-apply patch", "force")
            raise invalid("PatchOptions", "", [cause], group="meta.k8s.io")
        received = _parse(body, merge=False)
        change, document = _PATCHES[form], received.document
        if form != "application/json-patch+json":
            _mapping(document)
            options = replace(options, repeated=received.repeated)
        found = registry.patch(resource, namespace, name, lambda current: change(current, document), options)
        return self._object_response(request, resource, found)

    def _object_response(
        self, request: Request, resource: ServedResource, found: JsonObject, code: int = 200
    ) -> Response:
        """Return an object or a list in the format that the request accepts."""
        return JSONResponse(_representation(request).of(resource, found), code)

    async def _lines(self, request: Request, watch: ServedWatch) -> AsyncIterator[bytes]:
        representation = _representation(request)
        async for kind, found in watch.events(self._registry.store):
            shown = found if kind == "ERROR" else representation.of_event(watch.resource, found)
            event = {"type": kind, "object": shown}
            yield json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _representation(request: Request) -> Representation:
    return Representation.requested(request.headers.get("accept", ""), request.query_params.get("includeObject", ""))


def _write_options(request: Request) -> WriteOptions:
    query = request.query_params
    kind = f"{VERBS[request.method].capitalize()}Options"
    validation = query.get("fieldValidation", "") or "Warn"
    if validation not in _VALIDATIONS:
        known = ", ".join(f'"{each}"' for each in ("", *_VALIDATIONS))
        cause = Cause(
            "FieldValueNotSupported", f'Unsupported value: "{validation}": supported values: {known}', "fieldValidation"
        )
        raise invalid(kind, "", [cause], group="meta.k8s.io")
    validate_manager(query.get("fieldManager", ""), kind)
    return WriteOptions(
        manager=query.get("fieldManager") or request.headers.get("user-agent", "").partition("/")[0] or "unknown",
        dry_run=request.method != "DELETE" and is_dry_run(query.get("dryRun", "")),
        validation=validation,
        force=flag(query, "force"),
    )


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _unknown_form(known: list[str]) -> StatusError:
    listed = ", ".join(known)
    text = f"the body of the request was in an unknown format - accepted media types include: {listed}"
    return StatusError(415, "UnsupportedMediaType", text)


async def _body(request: Request) -> bytes:
    received = bytearray()
    async for part in request.stream():
        received += part
        if len(received) > MAXIMUM_BODY_BYTES:
            text = f"Request entity too large: limit is {MAXIMUM_BODY_BYTES}"
            raise StatusError(413, "RequestEntityTooLarge", text)
    return bytes(received)


async def _document(request: Request) -> Received:
    form = _media_type(request)
    if form not in ("", *_FORMS):
        raise _unknown_form(_FORMS)
    body = await _body(request)
    if not body:
        raise bad_request(_NO_BODY)
    return _read(form, body)


def _read(form: str, body: bytes) -> Received:
    """Return the document in a body of one of the media types for objects."""
    if form not in ("", *_FORMS):
        raise _unknown_form(_FORMS)
    if form != protobuf.MEDIA_TYPE:
        return _parse(body, yaml=form == "application/yaml")
    try:
        return Received(protobuf.decode(body))
    except protobuf.UndecodableError as error:
        raise bad_request(f"the object provided is unrecognized: {error}") from None


def _mapping(document: object) -> JsonObject:
    if not isinstance(document, dict):
        raise bad_request("the body of the request is no object")
    return document


def _parse(body: bytes, *, yaml: bool = False, merge: bool = True) -> Received:
    try:
        # Python would also read JSON in other encodings. Go replaces what is not UTF-8.
        return Received.yaml(body) if yaml else Received.json(body.decode(errors="replace"), merge=merge)
    except UnreadableError as error:
        raise bad_request(f"the object provided is unrecognized: {error}") from None
