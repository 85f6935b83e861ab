"""A target: one reader of untrusted input, with the properties that are checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fuzz.trial import Trial


@dataclass(frozen=True)
class Target:
    """A reader of untrusted input.

    Attributes:
        run: passes one input to the reader. It specifies the documented exceptions (:meth:`Trial.attempt`), the
            strings that people can read (:meth:`Trial.say`) and the properties of a result (:meth:`Trial.claim`).
        tokens: words of the format, which mutation inserts.
    """

    run: Callable[[Trial, bytes], None]
    tokens: tuple[str, ...] = ()
