"""The trial of one input on a target: the errors, the strings that people can read, and the claims."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from fuzz import canary
from fuzz.rules import BrokenRuleError, Rule

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Trial:
    """The results of a target for one input.

    Attributes:
        errors: the documented exceptions that were raised.
        texts: all other strings that people can read.
        is_canary_public: whether the canary is in a place that messages may show.
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
        """Record strings that people can read: a ``str()`` or ``repr()``, a problem, a hint."""
        self.texts += map(str, texts)

    def allow(self, *texts: str) -> None:
        """Record strings that messages may show, such as a key. If one contains the canary, all may show it."""
        self.is_canary_public = self.is_canary_public or any(map(canary.is_in, texts))

    def claim(self, holds: bool, text: str) -> None:
        """Check a claim of the target.

        Raises:
            BrokenRuleError: the claim is false.
        """
        if not holds:
            raise BrokenRuleError(Rule.CLAIM, text, text)
