"""Values derived from objects, stored by the module that derives them."""

from __future__ import annotations

from typing import Generic, TypeVar
from weakref import ref

Source = TypeVar("Source")
Value = TypeVar("Value")


class DerivedValues(Generic[Source, Value]):
    """Values by the object from which they were derived. Each is stored until its object no longer exists.

    Objects are compared with ``==``, so their classes must compare them by identity. Any thread may use the values, and
    the process may fork at any moment: each step is atomic.

    A :class:`weakref.WeakKeyDictionary` would run Python code at the end of each object. If a signal handler raised an
    exception there (Airflow's timeouts do), Python would discard that exception.
    """

    __slots__ = ("_forget", "_values")

    def __init__(self) -> None:
        self._values: dict[ref[Source], Value] = {}
        self._forget = self._values.pop

    def get(self, source: Source) -> Value | None:
        """Return the value that was derived from an object; ``None`` if none is stored."""
        return self._values.get(ref(source))

    def put(self, source: Source, value: Value) -> None:
        """Store the value that was derived from an object. The value must not refer to the object."""
        self._values[ref(source, self._forget)] = value
