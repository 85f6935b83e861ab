"""The trial of one input on a target: the errors, the readable texts and the claims."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from fuzz import canary
from fuzz.rules import BrokenRuleError, Rule

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Trial:
    """What a target does with one input, and what people would read of it.

    Attributes:
        errors: the documented exceptions that were raised.
        texts: everything else that people can read.
    """

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.texts: list[str] = []
        self.is_canary_public = False

    def attempt(
        self,
        expected: type[Exception] | tuple[type[Exception], ...],
        function: Callable[Parameters, Result],
        /,
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Result | None:
        """Call a function that may raise the exceptions in its documentation.

        Returns:
            Its result; None if it raised a documented exception.
        """
        try:
            return function(*args, **kwargs)
        except expected as error:
            self.errors.append(error)
            return None

    def say(self, *texts: object) -> None:
        """Record what people can read: a ``str()`` or ``repr()``, a problem, a hint."""
        self.texts += map(str, texts)

    def allow(self, *texts: str) -> None:
        """Record texts that may be shown, such as the name of a key. If one contains the canary, it may be anywhere."""
        self.is_canary_public = self.is_canary_public or any(map(canary.is_in, texts))

    def claim(self, holds: bool, text: str) -> None:
        """Check a claim of the target.

        Raises:
            BrokenRuleError: it does not hold.
        """
        if not holds:
            raise BrokenRuleError(Rule.CLAIM, text, text)
