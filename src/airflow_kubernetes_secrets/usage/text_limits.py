"""The limits of the text that is put together for the strings of one file.

A few f-strings that contain each other can have gigabytes, or take years.
"""

from __future__ import annotations

# The longest string, in characters, and the most steps for all strings of one file.
_LONGEST = 1_000_000
_MOST_STEPS = 1_000_000
_CHARACTERS_IN_A_STEP = 100


class TooMuchTextError(Exception):
    """The text of a string is too long, or takes too long to put together."""


class TextLimits:
    """Counts the steps for the strings of one file."""

    def __init__(self) -> None:
        self._steps = 0

    def count(self, text: str, more: int = 0) -> None:
        """Count the steps for a string, and more steps.

        Raises:
            TooMuchTextError: the string is too long, or there were too many steps.
        """
        self._steps += 1 + len(text) // _CHARACTERS_IN_A_STEP + more
        if self._steps > _MOST_STEPS or len(text) > _LONGEST:
            raise TooMuchTextError
