"""Who asks, and what they may do: bearer tokens, and verbs on Secrets by namespace.

There are no roles: a token is given its verbs when it is made. The texts are those of kube-apiserver with RBAC.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_kubernetes_secrets.devserver.status import Cause, StatusError, invalid, unauthorized
from airflow_kubernetes_secrets.devserver.store import JsonObject

EVERYWHERE = "*"
AUTHORIZATION_GROUP = "authorization.k8s.io"
AUTHENTICATION_GROUP = "authentication.k8s.io"
_PUBLIC_PATHS = ("/healthz", "/livez", "/readyz", "/version")


@dataclass(frozen=True)
class User:
    """Who asks. ``grants`` are verbs on Secrets by namespace (``*`` for all); None may do everything."""

    name: str
    grants: Mapping[str, frozenset[str]] | None
    groups: tuple[str, ...] = ("system:authenticated",)

    def may(self, what: Attributes) -> bool:
        if self.grants is None:
            return True
        if (what.group, what.resource) != ("", "secrets"):
            # Everyone who is known may ask what they may do.
            return (
                self is not ANONYMOUS
                and what.group in (AUTHORIZATION_GROUP, AUTHENTICATION_GROUP)
                and (what.verb == "create" and what.resource.startswith("selfsubject"))
            )
        verbs = self.grants.get(EVERYWHERE, frozenset()) | self.grants.get(what.namespace, frozenset())
        return what.verb in verbs or "*" in verbs

    def may_read(self, path: str) -> bool:
        """Whether the user may read what belongs to no resource, such as the discovery."""
        return self is not ANONYMOUS or path.rstrip("/") in _PUBLIC_PATHS


ANONYMOUS = User("system:anonymous", {}, ("system:unauthenticated",))


@dataclass(frozen=True)
class Attributes:
    """What is asked: a verb on a resource, in a namespace (empty: the cluster), of a name (empty: all)."""

    verb: str
    resource: str
    namespace: str = ""
    name: str = ""
    group: str = ""


@dataclass
class Access:
    """The tokens. ``repr`` does not show them."""

    users: dict[str, User] = field(default_factory=dict, repr=False)

    def create_token(self, user: str, grants: Mapping[str, Sequence[str]] | None) -> str:
        """A new token for ``user``; see :class:`User` for ``grants``."""
        token = secrets.token_urlsafe(32)
        verbs = None if grants is None else {namespace: frozenset(each) for namespace, each in grants.items()}
        groups: tuple[str, ...] = ("system:authenticated",)
        if user.startswith("system:serviceaccount:"):
            groups = ("system:serviceaccounts", f"system:serviceaccounts:{user.split(':')[2]}", *groups)
        elif grants is None:
            groups = ("system:masters", *groups)
        self.users[token] = User(user, verbs, groups)
        return token

    def user(self, authorization: str) -> User:
        """Who sent this Authorization header; nobody known when there is none, or none with a bearer token.

        Raises:
            StatusError: 401, the token is none of ours.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return ANONYMOUS
        found = self.users.get(token.strip())
        if found is None:
            raise unauthorized()
        return found


def act_as(user: User, name: str, access: Access) -> User:
    """Whom a request is from that asks to impersonate ``name``: the user of a token, or one that may do nothing.

    https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation

    Raises:
        StatusError: 403, ``user`` may not.
    """
    parts = name.split(":")
    if parts[:2] == ["system", "serviceaccount"] and len(parts) == 4:
        check(user, Attributes("impersonate", "serviceaccounts", parts[2], parts[3]))
    else:
        check(user, Attributes("impersonate", "users", name=name))
    return next((each for each in access.users.values() if each.name == name), User(name, {}))


def check(user: User, what: Attributes) -> None:
    """Raises StatusError 403 unless ``user`` may do it."""
    if user.may(what):
        return
    resource = f"{what.resource}.{what.group}" if what.group else what.resource
    subject = f'{resource} "{what.name}"' if what.name else resource
    where = f'in the namespace "{what.namespace}"' if what.namespace else "at the cluster scope"
    action = f'cannot {what.verb} resource "{what.resource}" in API group "{what.group}" {where}'
    details = {"name": what.name, "group": what.group, "kind": what.resource}
    raise StatusError(
        403,
        "Forbidden",
        f"{subject} is forbidden: User {_quoted(user.name)} {action}",
        {key: each for key, each in details.items() if each},
    )


def check_creation(user: User, what: Attributes) -> None:
    """Raises StatusError 403 unless ``user`` may create what they apply; it does not say who lacks what."""
    if not user.may(what):
        details = {"name": what.name, "kind": what.resource}
        raise StatusError(403, "Forbidden", f'{what.resource} "{what.name}" is forbidden: ', details)


def check_path(user: User, verb: str, path: str) -> None:
    """Raises StatusError 403 unless ``user`` may read a path that belongs to no resource."""
    if not user.may_read(path):
        text = f'forbidden: User {_quoted(user.name)} cannot {verb} path "{path}"'
        raise StatusError(403, "Forbidden", text, {})


def _quoted(name: str) -> str:
    """A name as the API server quotes it, which for printable ASCII is as JSON does."""
    return json.dumps(name)


def review_access(user: User, document: JsonObject) -> JsonObject:
    """The answer to a SelfSubjectAccessReview."""
    spec: Mapping[str, Any] = document.get("spec") or {}
    attributes, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (attributes is None) is (path is None):
        why = 'Invalid value: "null": exactly one of nonResourceAttributes or resourceAttributes must be specified'
        cause = Cause("FieldValueInvalid", why, "spec.resourceAttributes")
        raise invalid("", "", [cause], group=AUTHORIZATION_GROUP)
    if path is None:
        fields = {
            name: str((attributes or {}).get(name) or "") for name in ("verb", "resource", "namespace", "name", "group")
        }
        allowed = user.may(Attributes(**fields))
    else:
        allowed = user.grants is None or user.may_read(str(path.get("path", "")))
    head = {"kind": "SelfSubjectAccessReview", "apiVersion": f"{AUTHORIZATION_GROUP}/v1"}
    return {**head, "metadata": {"creationTimestamp": None}, "spec": dict(spec), "status": {"allowed": allowed}}


def review_self(user: User) -> JsonObject:
    """The answer to a SelfSubjectReview, which ``kubectl auth whoami`` asks for."""
    head = {"kind": "SelfSubjectReview", "apiVersion": f"{AUTHENTICATION_GROUP}/v1"}
    info = {"username": user.name, "groups": list(user.groups)}
    return {**head, "metadata": {"creationTimestamp": None}, "status": {"userInfo": info}}
