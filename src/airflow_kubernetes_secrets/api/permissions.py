"""What a lookup needs to be allowed, in the words and commands of Kubernetes RBAC.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/#command-line-utilities
"""

from __future__ import annotations

import re

_ROLE = "airflow-kubernetes-secrets"
_SERVICE_ACCOUNT = r"system:serviceaccount:(?P<namespace>[^:]+):(?P<name>[^:]+)"
_USER_IN_MESSAGE = r'User "(?P<user>[^"]+)"'


def forbidden_text(server_message: str, verb: str, namespace: str) -> str:
    """One error: who lacks which verb on what, and the commands that grant it.

    Args:
        server_message: how the API server worded its 403; it alone knows whom it took the request to be from.
    """
    found = re.search(_USER_IN_MESSAGE, server_message)
    user = found["user"] if found else None
    account = re.fullmatch(_SERVICE_ACCOUNT, user) if user else None
    if account:
        who = f"the service account {account['name']!r} of namespace {account['namespace']!r}"
        subject = f"--serviceaccount={account['namespace']}:{account['name']}"
    else:
        who = f"the user {user!r}" if user else "the user of this process"
        subject = f"--user='{user or 'USER'}'"
    return (
        f"{who} may not {verb} secrets in namespace {namespace!r}. Grant it:\n"
        f"  kubectl create role {_ROLE} --namespace={namespace} --verb={verb} --resource=secrets\n"
        f"  kubectl create rolebinding {_ROLE} --namespace={namespace} --role={_ROLE} {subject}"
    )
