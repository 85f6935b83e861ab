"""The functions of a file and the calls that pass values to them, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import chain, cycle
from typing import NamedTuple

from airflow_kubernetes_secrets.usage import references


class Value(NamedTuple):
    """The value of an argument.

    Attributes:
        text: a string; ``None`` if it is only known when the code runs.
        line: the line of the argument.
        is_certain: whether the call always passes this string.
    """

    text: str | None
    line: int
    is_certain: bool = True


class Passed(NamedTuple):
    """The arguments of a call.

    Attributes:
        has_rest: whether the last positional argument is ``*values``.
        has_more: whether the call can pass arguments that are only known when the code runs.
        is_forwarding: whether the constructor of a subclass passes its own arguments on with this call, as in
            ``super().__init__(*args, **kwargs)``. The calls of the subclass then count as calls of the base class.
    """

    positional: Sequence[Value]
    named: Mapping[str, Value]
    line: int
    has_rest: bool = False
    has_more: bool = False
    is_forwarding: bool = False

    def texts(self) -> Iterator[str]:
        """Yield the strings that the call passes."""
        for each in chain(self.positional, self.named.values()):
            if each.text is not None:
                yield each.text

    def is_alternative(self) -> bool:
        """Return whether the call passes only one of several strings as one argument, of which this is one."""
        return not all(each.is_certain for each in chain(self.positional, self.named.values()))

    def has_value(self, value: Value) -> bool:
        """Return whether a value is one of the arguments, and not only equal to one."""
        return any(each is value for each in chain(self.positional, self.named.values()))

    def with_value(self, old: Value, new: Value) -> Passed:
        """Return the arguments with another value in place of one of them."""
        positional = [new if each is old else each for each in self.positional]
        return self._replace(
            positional=positional, named={name: new if each is old else each for name, each in self.named.items()}
        )

    def forwarded(self, own: Set[str], *, positional: bool) -> Passed:
        """Return what a constructor passes on of these arguments.

        Args:
            own: the parameters that it does not pass on.
            positional: whether it passes on positional arguments.
        """
        return self._replace(
            positional=self.positional if positional else [],
            named={name: value for name, value in self.named.items() if name not in own},
            has_rest=positional and self.has_rest,
            has_more=True,
            is_forwarding=True,
        )

    def lines_of_functions(self) -> set[int]:
        """Return the lines of the functions whose parameters the call passes on."""
        return {line for text in self.texts() for line in references.lines_of_functions(text)}


class Function(NamedTuple):
    """A function, method or constructor of a file.

    Attributes:
        line: the line in which it is defined.
        name: its name for other files, such as ``load`` or ``Client.load``, or the name of the class for a constructor;
            empty if other files cannot import it.
        positional: its positional parameters, without ``self``.
        others: its other parameters.
        defaults: the defaults that are strings.
        is_constructor: whether it is a constructor, so that ``default_args`` of a DAG can set its parameters.
    """

    line: int
    name: str
    positional: Sequence[str]
    others: Set[str]
    defaults: Mapping[str, str]
    is_constructor: bool = False

    def values(self, passed: Passed, default_arguments: Set[str] | None) -> dict[str, Value]:
        """Return the values that a call passes. If it does not pass a parameter, its default is used.

        Args:
            default_arguments: the arguments that ``default_args`` of a DAG may set; ``None`` if they may set any.
        """
        # It is unknown how many arguments `*values` passes, so it counts as all that follow.
        rest = cycle(passed.positional[-1:] if passed.has_rest else ())
        found = dict(zip(self.positional, chain(passed.positional, rest), strict=False))
        parameters = self.others | set(self.positional)
        found |= {name: value for name, value in passed.named.items() if name in parameters}
        if passed.has_more:
            return found
        omitted = {name: Value(text, passed.line) for name, text in self.defaults.items() if name not in found}
        if self.is_constructor:
            omitted = (
                {} if default_arguments is None else {k: v for k, v in omitted.items() if k not in default_arguments}
            )
        return found | omitted
