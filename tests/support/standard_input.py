"""The standard input of this process."""

from __future__ import annotations

import io
import sys

import pytest


def on_standard_input(patch: pytest.MonkeyPatch, content: str | bytes) -> None:
    """Make this the standard input of the process, as a pipe would."""
    data = content.encode() if isinstance(content, str) else content
    patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
