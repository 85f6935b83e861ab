"""Authentication and authorization: bearer tokens, and verbs on Secrets and on ConfigMaps by namespace.

There are no roles: the permissions of a token are set when the token is created. Error messages are those of a
kube-apiserver with RBAC.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from airflow_kubernetes_secrets_devserver.status import Cause, StatusError, bad_request, invalid, unauthorized
from airflow_kubernetes_secrets_devserver.store import JsonObject

EVERYWHERE = "*"
AUTHORIZATION_GROUP = "authorization.k8s.io"
AUTHENTICATION_GROUP = "authentication.k8s.io"
_AUTHENTICATED = "system:authenticated"
# The group of those who may do everything.
_MASTERS = "system:masters"
# What everyone may read, and what every authenticated user may read too.
_PUBLIC_PATHS = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_DISCOVERY_PATHS = ("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*")


Verbs = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class User:
    """A user who sends requests.

    Attributes:
        grants: by resource, the verbs by namespace (``*`` for all namespaces). None permits everything.
    """

    name: str
    grants: Mapping[str, Verbs] | None
    groups: tuple[str, ...] = (_AUTHENTICATED,)

    def may(self, what: ResourceAttributes) -> bool:
        """Return whether the user may send this request for a resource."""
        if self.grants is None:
            return True
        if what.group or what.subresource or what.resource not in self.grants:
            # Every authenticated user may query their own permissions.
            return (
                _AUTHENTICATED in self.groups
                and what.group in (AUTHORIZATION_GROUP, AUTHENTICATION_GROUP)
                and (what.verb == "create" and what.resource.startswith("selfsubject") and not what.subresource)
            )
        verbs = self.verbs_in(what.resource, what.namespace)
        return what.verb in verbs or "*" in verbs

    def verbs_in(self, resource: str, namespace: str) -> frozenset[str]:
        """Return the verbs that the user may use on a resource in a namespace; empty if ``grants`` is None."""
        grants = (self.grants or {}).get(resource, {})
        return grants.get(EVERYWHERE, frozenset()) | grants.get(namespace, frozenset())

    def may_read(self, what: NonResourceAttributes) -> bool:
        """Return whether the user may send this request for a path that belongs to no resource."""
        if self.grants is None:
            return True
        paths = (*_PUBLIC_PATHS, *_DISCOVERY_PATHS) if _AUTHENTICATED in self.groups else _PUBLIC_PATHS
        return what.verb == "get" and any(
            what.path == path or (path.endswith("*") and what.path.startswith(path[:-1])) for path in paths
        )


ANONYMOUS = User("system:anonymous", {}, ("system:unauthenticated",))


@dataclass(frozen=True)
class ResourceAttributes:
    """What a request for a resource is authorized by.

    An empty namespace means the whole cluster, and an empty name all objects. A permission on a resource is none on
    its subresources.
    """

    verb: str
    resource: str
    namespace: str = ""
    name: str = ""
    group: str = ""
    subresource: str = ""


@dataclass(frozen=True)
class NonResourceAttributes:
    """What a request for a path that belongs to no resource is authorized by."""

    verb: str
    path: str


@dataclass
class Access:
    """The tokens and their users. ``repr`` does not show the tokens."""

    users: dict[str, User] = field(default_factory=dict, repr=False)

    def create_token(self, user: str, grants: Mapping[str, Mapping[str, Sequence[str]]] | None) -> str:
        """Create a token for ``user``. :class:`User` describes ``grants``."""
        token = secrets.token_urlsafe(32)
        verbs = None
        if grants is not None:
            verbs = {
                resource: {namespace: frozenset(each) for namespace, each in by_namespace.items()}
                for resource, by_namespace in grants.items()
            }
        groups = _groups_of(user) or ((_MASTERS,) if grants is None else ())
        self.users[token] = User(user, verbs, (*groups, _AUTHENTICATED))
        return token

    def user(self, authorization: str) -> User:
        """Return the user who sent this Authorization header; :data:`ANONYMOUS` if the header has no bearer token.

        Raises:
            StatusError: 401, the token is unknown.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return ANONYMOUS
        found = self.users.get(token.strip())
        if found is None:
            raise unauthorized()
        return found


def act_as(
    user: User,
    name: str,
    groups: Sequence[str],
    requested: ResourceAttributes | NonResourceAttributes,
    access: Access,
) -> User:
    """Return the user ``name`` in these groups, whom ``user`` impersonates.

    The API server checks the permissions of constrained impersonation first. So the error names the first of these that
    ``user`` does not have. Constrained impersonation of a service account or a node cannot name groups.
    https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/

    Raises:
        StatusError: 403, ``user`` does not have such a permission.
    """
    parts = name.split(":")
    if parts[:2] == ["system", "serviceaccount"] and len(parts) == 4:
        mode, whom = "serviceaccount", ResourceAttributes("", "serviceaccounts", parts[2], parts[3])
    elif parts[:2] == ["system", "node"] and len(parts) == 3:
        mode, whom = "arbitrary-node", ResourceAttributes("", "nodes", name=parts[2])
    else:
        mode, whom = "user-info", ResourceAttributes("", "users", name=name)
    if groups and mode != "user-info":
        whom = whom if mode == "serviceaccount" else ResourceAttributes("", "users", name=name)
        check(user, replace(whom, verb="impersonate"))
    else:
        check(user, replace(requested, verb=f"impersonate-on:{mode}:{requested.verb}"))
        check(user, replace(whom, verb=f"impersonate:{mode}", group=AUTHENTICATION_GROUP))
    member_of = (*(groups or _groups_of(name)),)
    if name == ANONYMOUS.name:
        member_of = (*member_of, *ANONYMOUS.groups)
    elif not {_AUTHENTICATED, *ANONYMOUS.groups} & {*member_of}:
        member_of = (*member_of, _AUTHENTICATED)
    # The permissions of a token belong to its user, or to the group of those who may do everything.
    same = (each for each in access.users.values() if each.name == name and _MASTERS not in each.groups)
    grants = None if _MASTERS in member_of else next((each.grants for each in same), {})
    return User(name, grants, member_of)


def _groups_of(name: str) -> tuple[str, ...]:
    """Return the groups of a service account; none for another user."""
    parts = name.split(":")
    if parts[:2] == ["system", "serviceaccount"] and len(parts) == 4:
        return "system:serviceaccounts", f"system:serviceaccounts:{parts[2]}"
    return ()


def check(user: User, requested: ResourceAttributes | NonResourceAttributes) -> None:
    """Check that ``user`` may send this request.

    Raises:
        StatusError: 403, the user may not.
    """
    if isinstance(requested, NonResourceAttributes):
        if not user.may_read(requested):
            text = f'forbidden: User {_quoted(user.name)} cannot {requested.verb} path "{requested.path}"'
            raise StatusError(403, "Forbidden", text, {})
        return
    if user.may(requested):
        return
    resource = f"{requested.resource}.{requested.group}" if requested.group else requested.resource
    subject = f'{resource} "{requested.name}"' if requested.name else resource
    where = f'in the namespace "{requested.namespace}"' if requested.namespace else "at the cluster scope"
    full_name = f"{requested.resource}/{requested.subresource}" if requested.subresource else requested.resource
    action = f'cannot {requested.verb} resource "{full_name}" in API group "{requested.group}" {where}'
    details = {"name": requested.name, "group": requested.group, "kind": requested.resource}
    raise StatusError(
        403,
        "Forbidden",
        f"{subject} is forbidden: User {_quoted(user.name)} {action}",
        {key: each for key, each in details.items() if each},
    )


def _quoted(name: str) -> str:
    """Return a name quoted as the API server does it; for printable ASCII, JSON quotes the same way."""
    return json.dumps(name)


def _part(document: JsonObject, field: str) -> JsonObject | None:
    """Return the object in a field of another object, or None; StatusError 400 for a value of another type."""
    found = document.get(field)
    if found is not None and not isinstance(found, dict):
        raise bad_request(f"{field} must be an object")
    return found


def _text(document: JsonObject, field: str) -> str:
    """Return the string in a field, empty if the field is missing; StatusError 400 for a value of another type."""
    found = document.get(field)
    if found is not None and not isinstance(found, str):
        raise bad_request(f"{field} must be a string")
    return found or ""


def review_access(user: User, document: JsonObject) -> JsonObject:
    """Return the response to a SelfSubjectAccessReview."""
    spec = _part(document, "spec") or {}
    attributes, path = _part(spec, "resourceAttributes"), _part(spec, "nonResourceAttributes")
    if (attributes is None) is (path is None):
        why = 'Invalid value: "null": exactly one of nonResourceAttributes or resourceAttributes must be specified'
        cause = Cause("FieldValueInvalid", why, "spec.resourceAttributes")
        raise invalid("", "", [cause], group=AUTHORIZATION_GROUP)
    if path is None:
        names = ("verb", "resource", "namespace", "name", "group", "subresource")
        found = {name: _text(attributes or {}, name) for name in names}
        allowed = user.may(ResourceAttributes(**found))
    else:
        allowed = user.may_read(NonResourceAttributes(_text(path, "verb"), _text(path, "path")))
    head = {"kind": "SelfSubjectAccessReview", "apiVersion": f"{AUTHORIZATION_GROUP}/v1"}
    return {**head, "metadata": {}, "spec": dict(spec), "status": {"allowed": allowed}}


def review_rules(user: User, document: JsonObject) -> JsonObject:
    """Return the response to a SelfSubjectRulesReview, which ``kubectl auth can-i --list`` sends."""
    namespace = _text(_part(document, "spec") or {}, "namespace")
    if not namespace:
        raise bad_request("no namespace on request")
    rules = [
        _rule(["create"], AUTHORIZATION_GROUP, "selfsubjectaccessreviews", "selfsubjectrulesreviews"),
        _rule(["create"], AUTHENTICATION_GROUP, "selfsubjectreviews"),
    ]
    paths, verbs = [*_PUBLIC_PATHS, *_DISCOVERY_PATHS], ["get"]
    if user.grants is None:
        rules.append(_rule(["*"], "*", "*"))
        paths, verbs = ["*"], ["*"]
    else:
        for resource in user.grants:
            if granted := user.verbs_in(resource, namespace):
                rules.append(_rule(sorted(granted), "", resource))
    found = {
        "resourceRules": rules,
        "nonResourceRules": [{"verbs": verbs, "nonResourceURLs": paths}],
        "incomplete": False,
    }
    head = {"kind": "SelfSubjectRulesReview", "apiVersion": f"{AUTHORIZATION_GROUP}/v1"}
    return {**head, "metadata": {}, "spec": {}, "status": found}


def _rule(verbs: Sequence[str], group: str, *resources: str) -> JsonObject:
    return {"verbs": list(verbs), "apiGroups": [group], "resources": list(resources)}


def review_self(user: User) -> JsonObject:
    """Return the response to a SelfSubjectReview, which ``kubectl auth whoami`` sends."""
    head = {"kind": "SelfSubjectReview", "apiVersion": f"{AUTHENTICATION_GROUP}/v1"}
    info = {"username": user.name, "groups": list(user.groups)}
    return {**head, "metadata": {}, "status": {"userInfo": info}}
