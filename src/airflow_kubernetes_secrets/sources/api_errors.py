"""The errors for responses with an error status, with their remedies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from airflow_kubernetes_secrets.errors import (
    ApiError,
    ForbiddenByProxyError,
    ForbiddenError,
    NotFoundError,
    UnauthorizedError,
    UnreadableCredentialsError,
)
from airflow_kubernetes_secrets.kubernetes.kubectl_commands import KUBECTL
from airflow_kubernetes_secrets.kubernetes.objects import CONFIG_MAPS, SECRETS, Resource
from airflow_kubernetes_secrets.kubernetes.permissions import (
    ANONYMOUS,
    Grant,
    described_user,
    forbidden_text,
    impersonation_text,
    refused_user,
)
from airflow_kubernetes_secrets.kubernetes.refusals import ErrorResponse
from airflow_kubernetes_secrets.messages.printable import printable

# What a process needs on the Secrets of a namespace to which it writes.
_WRITER_VERBS = ("list", "get", "create", "patch")

# The only verb of a request that stores something. Admission control, which comes after the permissions, can refuse it.
_WRITE = "patch"


class ApiErrors:
    """The errors for one set of options. A remedy grants all that lookups with these options need, in one step."""

    def __init__(
        self,
        verbs: tuple[str, ...],
        resources: tuple[Resource, ...],
        referenced: Mapping[str, tuple[str, ...]],
        writes_to: str | None = None,
        kubectl: str = KUBECTL,
    ) -> None:
        """Store what a remedy grants.

        Args:
            verbs: the verbs that this process uses on all objects of a resource.
            resources: the resources that it reads.
            referenced: the names of the Secrets that the process reads by name, for each namespace.
            writes_to: the namespace to which the process writes Secrets, if any.
            kubectl: the program in remedies, with the arguments that select the cluster.
        """
        self._verbs = verbs
        self._resources = resources
        self._referenced = referenced
        self._writes_to = writes_to
        self._kubectl = kubectl

    def error_of(self, response: ErrorResponse) -> ApiError:
        """Return the error to raise for the response."""
        if response.status == 403:
            return self._forbidden(response)
        if response.status == 401:
            return _unauthorized(response)
        kind = NotFoundError if response.status == 404 else ApiError
        return kind(f"{_answered(response)} {response.message}", response.status)

    def _forbidden(self, refusal: ErrorResponse) -> ApiError:
        verb, user = refusal.verb, refused_user(refusal.message)
        if not refusal.message:
            return ForbiddenByProxyError(
                f"{_answered(refusal)}, without a message of the API. Something in front of the API server refuses "
                "this request. Check the address, its path, and what responds there",
                refusal.status,
            )
        if verb == _WRITE and not user and not re.search("is forbidden: *$", refusal.message):
            # A missing permission names the user; if `create` is missing for an apply, the message has no reason at
            # all. So this is a rule of the cluster, such as a quota or a policy.
            return ApiError(f"{_answered(refusal)} {refusal.message}", refusal.status)
        may_not_act = "cannot impersonate" in refusal.message and user != ANONYMOUS
        if refusal.as_user is not None and may_not_act:
            text = impersonation_text(refusal.message, refusal.as_user, self._kubectl)
        elif (resource := _resource_of(refusal.path)) is None:
            text = (
                f"{described_user(user)} may not request {printable(refusal.path)} from the Kubernetes API. Have an "
                "administrator allow it, or use another user"
            )
        elif user == ANONYMOUS:
            return UnauthorizedError(
                f"the Kubernetes API at {refusal.server} received no credentials and treats this process as "
                f"{ANONYMOUS}: {refusal.source} provides none. If it has an exec plugin, the plugin failed, "
                "and its error is in the log. Otherwise, add credentials",
                refusal.status,
            )
        else:
            grant = self._grant(refusal, resource)
            text = forbidden_text(user, verb, resource, refusal.namespace, grant=grant, kubectl=self._kubectl)
        return ForbiddenError(text, refusal.status)

    def _grant(self, refusal: ErrorResponse, resource: Resource) -> Grant:
        """Return all that this process needs for requests of this kind, so that no second remedy is necessary."""
        if resource is SECRETS and refusal.namespace == self._writes_to:
            return Grant(_WRITER_VERBS)
        if refusal.verb == "get":
            return Grant(("get",), names=self._names(refusal))
        return Grant(self._verbs, self._resources)

    def _names(self, refusal: ErrorResponse) -> tuple[str, ...]:
        """Return the Secrets that a grant of ``get`` must cover: the requested one and the referenced ones."""
        requested = unquote(refusal.path.rpartition("/")[2])
        return tuple(sorted({*self._referenced.get(refusal.namespace, ()), requested}))


def _answered(response: ErrorResponse) -> str:
    """Return the beginning of the error for a response that is not explained."""
    return f"the Kubernetes API at {response.server} answered {response.status}"


def _resource_of(path: str) -> Resource | None:
    """Return the resource that a path leads to; ``None`` if lookups do not read it."""
    in_namespace = path.partition("/namespaces/")[2].split("/")[1:2]
    return next((each for each in (SECRETS, CONFIG_MAPS) if [each.plural] == in_namespace), None)


def _unauthorized(refusal: ErrorResponse) -> UnauthorizedError:
    does_not_accept = f"the Kubernetes API at {refusal.server} does not accept {refusal.source}"
    if refusal.unreadable:
        return UnreadableCredentialsError(f"{does_not_accept}, and it cannot be read again: {refusal.unreadable}", 401)
    return UnauthorizedError(f"{does_not_accept}, which was read again: {refusal.refusal_reason}", 401)
