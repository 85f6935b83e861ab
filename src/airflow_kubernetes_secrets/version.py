"""The version. Every module can import this one, because it imports nothing itself."""

from __future__ import annotations

__version__ = "0.1.0"
