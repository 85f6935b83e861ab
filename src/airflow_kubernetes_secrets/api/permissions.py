"""What a lookup needs to be allowed, in the words and commands of Kubernetes RBAC.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/#command-line-utilities
"""

from __future__ import annotations

import re
import shlex

ANONYMOUS = "system:anonymous"

_ROLE = "airflow-kubernetes-secrets"
_SERVICE_ACCOUNT = r"system:serviceaccount:(?P<namespace>[^:]+):(?P<name>[^:]+)"


def refused_user(server_message: str) -> str:
    """Whom the API server took a request to be from, by the words of its 403; empty if they do not say."""
    found = re.search(r'User "(?P<user>[^"]+)"', server_message)
    return found["user"] if found else ""


def impersonation_text(user: str, as_user: str) -> str:
    """One error: who may not act as whom, and the command that allows it.

    https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
    """
    account = re.fullmatch(_SERVICE_ACCOUNT, as_user)
    resource, name = ("serviceaccounts", account["name"]) if account else ("users", shlex.quote(as_user))
    return (
        f"the user {user!r} may not act as {as_user!r}. Ask without that, or have an administrator allow it:\n"
        f"  kubectl create clusterrole impersonate-{re.sub('[^a-z0-9]+', '-', as_user.lower()).strip('-')} "
        f"--verb=impersonate --resource={resource} --resource-name={name}"
    )


def forbidden_text(user: str, verb: str, verbs: tuple[str, ...], namespace: str, names: tuple[str, ...] = ()) -> str:
    """One error: who lacks which verb on what, and the commands that grant it, with all of ``verbs``.

    The commands can be run again, and for one service account after the other.

    Args:
        names: the Secrets to which the grant is limited; none for all.
    """
    account = re.fullmatch(_SERVICE_ACCOUNT, user)
    if account:
        who = f"the service account {account['name']!r} of namespace {account['namespace']!r}"
        subject = f"--serviceaccount={account['namespace']}:{account['name']}"
        binding = f"{_ROLE}-{account['namespace']}-{account['name']}"
    else:
        who = f"the user {user!r}" if user else "the user of this process"
        subject = f"--user={shlex.quote(user or 'USER')}"
        binding = f"{_ROLE}-{re.sub('[^a-z0-9]+', '-', (user or 'user').lower()).strip('-')}"
    # A role of its own for what is limited: rules with and without names cannot be made by one command. And for
    # writing: whoever looks things up is not to get that by the way.
    kind = "-by-name" if names else "-writer" if verb == "patch" else ""
    role, binding = f"{_ROLE}{kind}", f"{binding}{kind}"
    limit = "".join(f" --resource-name={name}" for name in names)
    return (
        f"{who} may not {verb} secrets in namespace {namespace!r}. Grant it:\n"
        f"  kubectl create role {role} --namespace={namespace} --verb={','.join(verbs)} --resource=secrets{limit}"
        " --dry-run=client -o yaml | kubectl apply -f -\n"
        f"  kubectl create rolebinding {binding} --namespace={namespace} --role={role} {subject}"
    )
