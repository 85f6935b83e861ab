"""A target: one reader of untrusted input, and what must hold for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fuzz.trial import Trial


@dataclass(frozen=True)
class Target:
    """A reader of untrusted input.

    Attributes:
        run: passes one input to the reader. It states which exceptions are documented (:meth:`Trial.attempt`), what
            people can read (:meth:`Trial.say`) and what holds for a result (:meth:`Trial.claim`).
        tokens: words of the format, which mutation inserts.
    """

    run: Callable[[Trial, bytes], None]
    tokens: tuple[str, ...] = ()
