"""An orderly end after a signal."""

from __future__ import annotations

import signal
import sys
from types import FrameType


def end_in_order() -> None:
    """Make a signal end the program as an exception does: the API server is stopped, and its files are removed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(f"ended by {signal.Signals(number).name}, without results")
