"""A base class for value objects."""

from __future__ import annotations


class Record:
    """A value object that equals another of its class if all fields are equal. ``__slots__`` lists the fields.

    Every Airflow process imports this package. Python creates a named tuple or a dataclass by running generated code,
    which takes ten times as long as running this module.
    """

    __slots__: tuple[str, ...] = ()

    def _fields(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and type(other) is type(self) and other._fields() == self._fields()

    def __hash__(self) -> int:
        return hash(self._fields())

    def __repr__(self) -> str:
        fields = (f"{name}={value!r}" for name, value in zip(self.__slots__, self._fields(), strict=True))
        return f"{type(self).__name__}({', '.join(fields)})"
