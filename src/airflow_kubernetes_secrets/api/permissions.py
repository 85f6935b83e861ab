"""What a lookup needs to be allowed, in the words and commands of Kubernetes RBAC.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/#command-line-utilities
"""

from __future__ import annotations

import re

from airflow_kubernetes_secrets.printable import printable, printable_lines, shell_word

ANONYMOUS = "system:anonymous"

_ROLE = "airflow-kubernetes-secrets"
# Of the characters that Kubernetes lets their names have. Another user that begins so is none of its accounts.
_SERVICE_ACCOUNT = r"system:serviceaccount:(?P<namespace>[a-z0-9-]+):(?P<name>[a-z0-9.-]+)"

# https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/#constrained-impersonation
_CONSTRAINED = (
    r'cannot (impersonate(?:-on)?:[a-z:-]+) (resource|path) "((?:[^"\\]|\\.)+)"'
    r'(?: in API group "[^"]*"(?: in the namespace "([^"]+)")?)?'
)

# As Go quotes it: https://pkg.go.dev/strconv#Quote
_USER = r'User "(?P<user>(?:[^"\\]|\\.)+)"'


def refused_user(server_message: str) -> str:
    """Whom the API server took a request to be from, by the words of its 403; empty if they do not say.

    It is one printable line, whatever the API server says.
    """
    found = re.search(_USER, server_message)
    return re.sub(r'\\(["\\])', r"\1", printable(found["user"])) if found else ""


def impersonation_text(server_message: str, as_user: str) -> str:
    """One error: who may not act as whom, and the commands that allow it.

    The commands can be run again. They grant the verb ``impersonate``, which every version of Kubernetes knows: for a
    service account in its namespace alone, since a cluster role would be for its namesakes in all of them.

    Args:
        server_message: the words of the 403.

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
        f"the user {user!r} may not act as {as_user!r}. Ask without that, or have an administrator allow it:\n"
        f"  kubectl create {kind} {role}{where} --verb=impersonate {target}"
        " --dry-run=client -o yaml | kubectl apply -f -\n"
        f"  kubectl create {kind}binding {role}-by-{_slug(user)}{where} --{kind}={role} {_subject(user)}"
        f"{_constraint(server_message)}"
    )


def _constraint(server_message: str) -> str:
    """A line with the permission of constrained impersonation that was lacking; empty if the server does not have that.

    From Kubernetes 1.36 on, a user may be allowed to act as another one for some requests only.
    """
    found = re.search(_CONSTRAINED, server_message)
    if found is None:
        return ""
    verb, kind, what, namespace = found.groups()
    where = "" if kind == "path" else f" in namespace {printable(namespace)!r}" if namespace else " in the cluster"
    return f"\nOf constrained impersonation, it lacks the verb {verb!r} on the {kind} {printable(what)!r}{where}"


def forbidden_text(user: str, verb: str, verbs: tuple[str, ...], namespace: str, names: tuple[str, ...] = ()) -> str:
    """One error: who lacks which verb on what, and the commands that grant it, with all of ``verbs``.

    The commands can be run again, and for one service account after the other.

    Args:
        names: the Secrets to which the grant is limited; none for all.
    """
    account, subject = re.fullmatch(_SERVICE_ACCOUNT, user), _subject(user)
    if account:
        who = f"the service account {account['name']!r} of namespace {account['namespace']!r}"
        binding = f"{_ROLE}-{account['namespace']}-{account['name']}"
    else:
        who = f"the user {user!r}" if user else "the user of this process"
        binding = f"{_ROLE}-{_slug(user)}"
    # A role of its own for what is limited: rules with and without names cannot be made by one command. And for
    # writing: whoever looks things up is not to get that by the way.
    kind = "-by-name" if names else "-writer" if verb == "patch" else ""
    role, binding = f"{_ROLE}{kind}", f"{binding}{kind}"
    limit = "".join(f" --resource-name={shell_word(name)}" for name in names)
    where = f"--namespace={shell_word(namespace)}"
    return printable_lines(
        f"{who} may not {verb} secrets in namespace {namespace!r}. Grant it:\n"
        f"  kubectl create role {role} {where} --verb={','.join(verbs)} --resource=secrets{limit}"
        " --dry-run=client -o yaml | kubectl apply -f -\n"
        f"  kubectl create rolebinding {binding} {where} --role={role} {subject}"
    )


def _subject(user: str) -> str:
    """Whom a binding is for, as an argument of kubectl."""
    account = re.fullmatch(_SERVICE_ACCOUNT, user)
    return (
        f"--serviceaccount={account['namespace']}:{account['name']}"
        if account
        else f"--user={shell_word(user or 'USER')}"
    )


def _slug(user: str) -> str:
    """A part of the name of a role or binding, made of a user's."""
    return re.sub("[^a-z0-9]+", "-", user.lower()).strip("-") or "user"
