"""What a bearer token contains, as far as it can be read without a key."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any


def token_claims(authorization: str | None) -> Mapping[str, Any]:
    """Return the claims of a bearer token without checking them; empty if the token is not a JWT.

    The tokens of service accounts are JWTs.

    Args:
        authorization: the value of the header ``Authorization``.
    """
    token = (authorization or "").removeprefix("Bearer ").strip()
    try:
        _header, claims, _signature = token.split(".")
        found = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
