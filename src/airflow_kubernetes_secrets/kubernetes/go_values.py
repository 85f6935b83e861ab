"""JSON, times and whole numbers as Go reads them, and therefore as kubectl and the API server do."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime

_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


def is_json_object(document: bytes) -> bool:
    """Return whether ``document`` is a JSON object or null.

    Go replaces bytes that are not UTF-8. Unlike Python, it reads no JSON in UTF-16 or after a byte order mark, and no
    numbers that are not finite.
    """
    numbers: list[float] = []

    def number(text: str) -> float:
        numbers.append(float(text))
        return numbers[-1]

    try:
        found = json.loads(
            document.decode("utf-8", "replace"), parse_constant=number, parse_float=number, parse_int=number
        )
    except (ValueError, RecursionError):
        return False
    return (found is None or isinstance(found, dict)) and all(map(math.isfinite, numbers))


def is_time(text: str) -> bool:
    """Return whether ``text`` is a time such as ``2026-01-31T12:00:00Z`` (RFC 3339) that exists."""
    match = _TIME.fullmatch(text)
    if match is None:
        return False
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        datetime(year, month, day, hour, minute, second)
    except ValueError:
        return False
    return True


def is_int64(value: object) -> bool:
    """Return whether a value of JSON or YAML is a whole number of 64 bits. kubectl also writes ``5.0`` as ``5``."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return value % 1 == 0 and -(2**63) <= value < 2**63
