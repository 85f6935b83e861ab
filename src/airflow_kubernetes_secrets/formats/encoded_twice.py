"""Values that are base64 in the decoded data of a Secret: somebody encoded them, and Kubernetes encoded them again."""

from __future__ import annotations

from base64 import b64decode, b64encode

# The cause and the remedy. `data` expects base64, and `stringData` does not.
ENCODED_TWICE = "encoded twice, write them unencoded in stringData, or encoded once in data"

# A login, a password or a name is not longer.
_LONGEST = 4096


def decoded_text(value: str) -> str | None:
    """Return the printable text that a value is base64 of; ``None`` if it is something else."""
    encoded = value.strip()
    if not encoded or len(encoded) > _LONGEST:
        return None
    try:
        decoded = b64decode(encoded, validate=True)
        text = decoded.decode("ascii").rstrip("\n")
    except ValueError:
        return None
    return text if text and text.isprintable() and b64encode(decoded).decode() == encoded else None
