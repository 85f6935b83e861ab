"""Suggestions for unknown names."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

# The time of difflib grows with the square of the names' lengths. All names that are suggested are shorter.
_LONGEST = 80


def nearest(name: str, known: tuple[str, ...], cutoff: float) -> str:
    """Return the most similar known name; empty if none is similar enough.

    Args:
        known: names of this package or of the options, which are few. A Secret's own names can be thousands.
        cutoff: the required similarity, from 0 to 1.
    """
    return _nearest(name, known, cutoff) if len(name) <= _LONGEST else ""


def most_similar(name: str, known: Collection[str], count: int, cutoff: float) -> list[str]:
    """Return at most ``count`` known names that are similar enough, the most similar first."""
    from difflib import get_close_matches

    if len(name) > _LONGEST:
        return []
    return get_close_matches(name, [each for each in known if len(each) <= _LONGEST], n=count, cutoff=cutoff)


@lru_cache(maxsize=256)
def _nearest(name: str, known: tuple[str, ...], cutoff: float) -> str:
    # The result is cached, because without ``cache_ttl`` each lookup reads the annotations of a Secret again.
    found = most_similar(name, known, 1, cutoff)
    return found[0] if found else ""
