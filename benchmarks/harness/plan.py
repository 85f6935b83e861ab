"""The messages between fleet.py and the processes of its fleet."""

from __future__ import annotations

from typing import NamedTuple


class Plan(NamedTuple):
    """What is forked.

    Attributes:
        who: whose backend each process builds, with these ``options``.
        lived: whether the processes go on until the end; otherwise each makes one lookup of each kind.
        processes: how many there are in all.
        at_once: how many short ones there are at most at the same time.
        every: seconds between the starts of two short ones, or between two lookups of a process that lives long.
        ids: what is looked up, by the kind of lookup.
        values: the right answers. An id that is not in it has none.
        outage_ttl: how long a process that has known an answer could still use it.
        folder: for the files.
    """

    who: str
    options: dict[str, object]
    lived: bool
    processes: int
    at_once: int
    every: float
    ids: dict[str, list[str]]
    values: dict[str, str]
    outage_ttl: float
    folder: str


class Lookup(NamedTuple):
    """One lookup.

    Attributes:
        began: on the monotonic clock, which all processes share.
        error: nothing for the right answer, "wrong" for another, or the name of the exception and its HTTP status.
        known: whether the process had got the right answer no longer than ``outage_ttl`` before.
    """

    began: float
    seconds: float
    error: str
    known: bool
