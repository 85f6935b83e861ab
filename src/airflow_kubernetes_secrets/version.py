"""The version, in a module that imports nothing, for those below the backend to name it."""

from __future__ import annotations

__version__ = "0.1.0"
