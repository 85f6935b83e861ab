"""What may have been meant by a name that is not known."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

# The time that difflib takes grows with the square of the names' lengths. The names that are suggested are shorter.
_LONGEST = 80


def nearest(name: str, known: tuple[str, ...], cutoff: float) -> str:
    """The known name that is nearest; empty if none is near.

    Args:
        known: names of this package or of the options, which are few. None of a Secret's own: those can be thousands.
        cutoff: how near it has to be, from 0 to 1.
    """
    return _nearest(name, known, cutoff) if len(name) <= _LONGEST else ""


def most_near(name: str, known: Collection[str], count: int, cutoff: float) -> list[str]:
    """The known names that are nearest, the best first."""
    from difflib import get_close_matches

    if len(name) > _LONGEST:
        return []
    return get_close_matches(name, [each for each in known if len(each) <= _LONGEST], n=count, cutoff=cutoff)


@lru_cache(maxsize=256)
def _nearest(name: str, known: tuple[str, ...], cutoff: float) -> str:
    # Remembered, since without ``cache_ttl`` each lookup reads the annotations of a Secret again.
    found = most_near(name, known, 1, cutoff)
    return found[0] if found else ""
