"""The messages between fleet.py and the processes of its fleet."""

from __future__ import annotations

from typing import NamedTuple


class Plan(NamedTuple):
    """The processes to fork.

    Attributes:
        who: the backend that each process builds, with these ``options``.
        lived: whether the processes continue until the end; otherwise each makes one lookup of each kind.
        processes: the total number of processes.
        at_once: the highest number of short processes at the same time.
        every: seconds between the starts of two short processes, or between two lookups of a long-lived one.
        ids: the ids to look up, by the kind of lookup.
        values: the correct values. An id that is missing here has none.
        outage_ttl: for how many seconds a process could still use a value that it has read.
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
        error: empty for the correct value, "wrong" for another, or the name of the exception and its HTTP status.
        known: whether the process had read the correct value at most ``outage_ttl`` seconds before.
    """

    began: float
    seconds: float
    error: str
    known: bool
