"""The version, in a module without imports, so that the modules which the backend imports can use it."""

from __future__ import annotations

__version__ = "0.1.0"
