"""The refusals of an API server, for tests in which it refuses a request for a time or for good."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.errors import ForbiddenError, UnauthorizedError
from support.faults import FORBIDDEN, UNAUTHORIZED

REFUSALS = pytest.mark.parametrize(
    ("refusal", "error"), [(FORBIDDEN, ForbiddenError), (UNAUTHORIZED, UnauthorizedError)], ids=["403", "401"]
)
