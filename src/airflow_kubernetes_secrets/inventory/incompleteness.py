"""The two warnings for a connection that lacks something, which several modules here share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.listing import first_names
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.messages.problem_codes import ProblemCode

HALF_CONNECTION: Final = "half-connection"
UNUSED_SETTINGS: Final = "unused-settings"

# The types whose drivers would send the name of the user of the process, or none, if there is no login.
WITH_LOGIN = frozenset(
    (
        *("postgres", "mysql", "mssql", "oracle", "redshift", "teradata", "vertica", "exasol", "ssh", "sftp"),
        *("ibmdb2", "winrm"),
    )
)
# The types of which a login is rarely without a password or another credential. For others, such as `trino` and
# `livy`, a login alone is usual.
LOGIN_WITH_CREDENTIAL = WITH_LOGIN | {"mongo"}


def warning(code: ProblemCode, secret: Secret, text: str) -> Problem:
    """Return a warning about the connection in a Secret."""
    return Problem(code, f"{secret.full_name}: {text}", Severity.WARNING)


def named(keys: Sequence[str]) -> str:
    """Return keys as a message names them."""
    return f"{'the key' if len(keys) == 1 else 'the keys'} {first_names(map(repr, keys), len(keys))}"
