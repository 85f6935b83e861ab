"""Documents that a client sent, as the API server reads them: Go accepts fewer documents than Python."""

from __future__ import annotations

from math import isfinite
from typing import Any

from airflow_kubernetes_secrets_devserver.status import bad_request

# A real API server allows 10,000 levels; Secrets and namespaces have fewer than ten.
_DEEPEST = 100


def as_go_reads(value: Any, depth: int = 0) -> Any:
    """Return a document with U+FFFD in place of each half of a surrogate pair.

    Raises:
        StatusError: 400, the nesting is too deep, or a number is not finite.
    """
    if depth > _DEEPEST:
        raise bad_request("the object provided is unrecognized: it is nested too deeply")
    if isinstance(value, dict):
        return {as_go_reads(name, depth): as_go_reads(each, depth + 1) for name, each in value.items()}
    if isinstance(value, list):
        return [as_go_reads(each, depth + 1) for each in value]
    if isinstance(value, float) and not isfinite(value):
        raise bad_request("the object provided is unrecognized: a number in it is not finite")
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else value
