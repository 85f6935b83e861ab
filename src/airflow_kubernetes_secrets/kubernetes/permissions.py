"""Errors about missing permissions, with the commands of Kubernetes RBAC that grant them.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/#command-line-utilities
"""

from __future__ import annotations

import re

from airflow_kubernetes_secrets.kubernetes.kubectl_commands import KUBECTL
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS, Resource
from airflow_kubernetes_secrets.messages.printable import printable, printable_lines, shell_word

ANONYMOUS = "system:anonymous"

_ROLE = "airflow-kubernetes-secrets"
# Only characters that Kubernetes allows in these names. A user with any other name after this prefix is not a service
# account.
_SERVICE_ACCOUNT = r"system:serviceaccount:(?P<namespace>[a-z0-9-]+):(?P<name>[a-z0-9.-]+)"

# https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/#constrained-impersonation
_CONSTRAINED = (
    r'cannot (impersonate(?:-on)?:[a-z:-]+) (resource|path) "((?:[^"\\]|\\.)+)"'
    r'(?: in API group "[^"]*"(?: in the namespace "([^"]+)")?)?'
)

# The form in which Go quotes a string: https://pkg.go.dev/strconv#Quote
_USER = r'User "(?P<user>(?:[^"\\]|\\.)+)"'


def refused_user(server_message: str) -> str:
    """Return the user of a refused request, from the message of a 403; empty if the message does not contain it.

    The result is one printable line, whatever the API server sent.
    """
    found = re.search(_USER, server_message)
    return re.sub(r'\\(["\\])', r"\1", printable(found["user"])) if found else ""


def described_user(user: str) -> str:
    """Return the words for a refused user in a message.

    Args:
        user: the result of :func:`refused_user`.
    """
    if account := re.fullmatch(_SERVICE_ACCOUNT, user):
        return f"the service account {account['name']!r} of namespace {account['namespace']!r}"
    return f"the user {user!r}" if user else "the user of this process"


def impersonation_text(server_message: str, as_user: str, kubectl: str = KUBECTL) -> str:
    """Return the error about a missing permission to impersonate, with the commands that grant it.

    The commands can be run again. They grant the verb ``impersonate``, which every version of Kubernetes has. For a
    service account they grant it in its namespace only: a cluster role would cover accounts of that name everywhere.

    Args:
        server_message: the message of the 403.
        kubectl: the program in the commands, with the arguments that select the cluster.

    https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/
    """
    user = refused_user(server_message)
    account, role = re.fullmatch(_SERVICE_ACCOUNT, as_user), f"impersonate-{_slug(as_user)}"
    if account:
        kind, where = "role", f" --namespace={account['namespace']}"
        target = f"--resource=serviceaccounts --resource-name={account['name']}"
    else:
        kind, where, target = "clusterrole", "", f"--resource=users --resource-name={shell_word(as_user)}"
    return printable_lines(
        f"{described_user(user)} may not act as {as_user!r}. Remove --as, or have an administrator allow it:\n"
        f"  {kubectl} create {kind} {role}{where} --verb=impersonate {target}"
        f" --dry-run=client -o yaml | {kubectl} auth reconcile -f -\n"
        f"  {kubectl} create {kind}binding {role}-by-{_slug(user)}{where} --{kind}={role} {_subject(user)}"
        f"{_constraint(server_message)}"
    )


def _constraint(server_message: str) -> str:
    """Return a line with the missing permission of constrained impersonation; empty if the message names none.

    From Kubernetes 1.36 on, a user may be allowed to impersonate another one for some requests only.
    """
    found = re.search(_CONSTRAINED, server_message)
    if found is None:
        return ""
    verb, kind, what, namespace = found.groups()
    where = "" if kind == "path" else f" in namespace {printable(namespace)!r}" if namespace else " in the cluster"
    return f"\nFor constrained impersonation, the verb {verb!r} is missing on the {kind} {printable(what)!r}{where}"


class Grant:
    """Permissions that a remedy grants in a namespace.

    Attributes:
        verbs: the verbs on all of these resources.
        resources: the resources; one role grants all of them.
        names: the Secrets to which the grant is limited; empty for all.
    """

    __slots__ = ("names", "resources", "verbs")

    def __init__(
        self, verbs: tuple[str, ...], resources: tuple[Resource, ...] = (SECRETS,), names: tuple[str, ...] = ()
    ) -> None:
        self.verbs = verbs
        self.resources = resources
        self.names = names


def forbidden_text(
    user: str, verb: str, resource: Resource, namespace: str, *, grant: Grant, kubectl: str = KUBECTL
) -> str:
    """Return the error about a missing permission on a resource, with the commands that grant it.

    The commands can be run again, and for one service account after the other. They add to the rules that the role
    already has, because other components can need more of it: their options can differ.

    Args:
        verb: the refused verb.
        grant: what the commands grant.
        kubectl: the program in the commands, with the arguments that select the cluster.
    """
    account, subject = re.fullmatch(_SERVICE_ACCOUNT, user), _subject(user)
    binding = f"{_ROLE}-{account['namespace']}-{account['name']}" if account else f"{_ROLE}-{_slug(user)}"
    # A limited grant has a role of its own, because one command cannot create rules with and without names. So has a
    # grant for writing, because an account that looks things up must not receive it as well.
    kind = "-by-name" if grant.names else "-writer" if "patch" in grant.verbs else ""
    role, binding = f"{_ROLE}{kind}", f"{binding}{kind}"
    limit = "".join(f" --resource-name={shell_word(name)}" for name in grant.names)
    where = f"--namespace={shell_word(namespace)}"
    verbs, resources = ",".join(grant.verbs), ",".join(each.plural for each in grant.resources)
    return printable_lines(
        f"{described_user(user)} may not {verb} {resource.plural} in namespace {namespace!r}. Grant it:\n"
        f"  {kubectl} create role {role} {where} --verb={verbs} --resource={resources}{limit}"
        f" --dry-run=client -o yaml | {kubectl} auth reconcile -f -\n"
        f"  {kubectl} create rolebinding {binding} {where} --role={role} {subject}"
    )


def _subject(user: str) -> str:
    """Return the subject of a binding, as an argument of kubectl."""
    account = re.fullmatch(_SERVICE_ACCOUNT, user)
    return (
        f"--serviceaccount={account['namespace']}:{account['name']}"
        if account
        else f"--user={shell_word(user or 'USER')}"
    )


def _slug(user: str) -> str:
    """Return a part of the name of a role or binding, made from the name of a user."""
    return re.sub("[^a-z0-9]+", "-", user.lower()).strip("-") or "user"
