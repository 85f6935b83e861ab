"""The browser that tests drive: Debian's Chromium, or another program of that name."""

from __future__ import annotations

import shutil

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOW_TO_GET_IT = "apt-get install chromium"
