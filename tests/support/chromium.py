"""The browser that tests drive: Debian's Chromium, or another program of that name."""

from __future__ import annotations

import shutil

# Chromium without its own windows renders a page in the same way, with less than half of the CPU time.
_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")

CHROMIUM = next(filter(None, map(shutil.which, _PROGRAMS)), None)
HOW_TO_GET_IT = "apt-get install chromium-headless-shell"
