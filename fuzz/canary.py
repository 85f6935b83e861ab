"""A made-up password that replaces the values in inputs, and the search for it in messages."""

from __future__ import annotations

from base64 import b64encode

CANARY = "Zq7xK2pVw9Lm4RtY"

# A part of a password is a leak too. For example, a message can contain the first 20 characters of an id.
_SHORTEST_PART = 8


def _forms() -> set[str]:
    """Return the canary, and its base64 at each of the three offsets that it can have in a longer value."""
    return {
        CANARY,
        b64encode(CANARY.encode())[:20].decode(),
        b64encode(b"xx" + CANARY.encode())[4:20].decode(),
        b64encode(b"x" + CANARY.encode())[4:20].decode(),
    }


_PARTS = {
    form[start : start + _SHORTEST_PART].lower() for form in _forms() for start in range(len(form) - _SHORTEST_PART + 1)
}


def is_in(text: str) -> bool:
    """Return whether a string contains the canary or a part of it, in upper or lower case."""
    text = text.lower()
    return any(part in text for part in _PARTS)
