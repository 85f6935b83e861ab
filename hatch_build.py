"""The README for package indexes, which hatchling creates when it builds the metadata.

An index shows only the README, so the targets of its relative links and its pictures do not exist there. Pictures are
removed, and a relative link becomes its text.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

PICTURE = re.compile(r"<picture>.*?</picture>\n*", re.DOTALL)
RELATIVE_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?://|#)[^)]+\)")


class ReadmeOfAnIndex(MetadataHookInterface):
    """Sets the metadata field ``readme``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the field to the README without pictures and relative links. hatchling calls this."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = RELATIVE_LINK.sub(r"\1", PICTURE.sub("", text))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
