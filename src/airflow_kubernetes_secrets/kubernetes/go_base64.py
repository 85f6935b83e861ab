"""Base64 as Go reads it, and therefore as kubectl and the API server do."""

from __future__ import annotations

from base64 import b64decode


def decode_base64(text: str) -> bytes:
    """Return the bytes that ``text`` encodes. Line breaks are ignored, and no other characters are.

    Raises:
        ValueError: it is not base64. The message quotes nothing of it.
    """
    compact = text.replace("\r", "").replace("\n", "")
    # Python accepts more padding than a group of four characters can have.
    if len(compact) % 4 or compact.endswith("==="):
        raise ValueError("it is not base64")
    try:
        return b64decode(compact, validate=True)
    except ValueError:
        pass  # raised again without the cause, whose traceback might show the value
    raise ValueError("it is not base64")
