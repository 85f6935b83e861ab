"""Errors, as thoroughly as a report of them could show them."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence, Set

PACKAGE = "/airflow_kubernetes_secrets/"

_DEPTH = 4


def everything_about(error: BaseException) -> str:
    """All that a report could show of it: with the chained errors, and the variables of frames.

    Of the frames only those count that the package's first one has called, whosever they are: what called it is a test.
    """
    texts = [repr(error), *map(str, error.args), *traceback.format_exception(error)]
    ours = False
    for frame, _line in traceback.walk_tb(error.__traceback__):
        ours = ours or PACKAGE in frame.f_code.co_filename
        if ours:
            texts.extend(shown(frame.f_locals))
    for chained in (error.__cause__, error.__context__):
        if chained is not None:
            texts.append(everything_about(chained))
    return "\n".join(texts)


def shown(found: object, depth: int = _DEPTH) -> Iterator[str]:
    """What a report shows of a variable: its ``repr``, and those of the things in it."""
    yield repr(found)
    if depth and isinstance(found, Mapping):
        for key, value in found.items():
            yield from shown(key, depth - 1)
            yield from shown(value, depth - 1)
    elif depth and isinstance(found, (Sequence, Set)) and not isinstance(found, (str, bytes, bytearray, memoryview)):
        for each in found:
            yield from shown(each, depth - 1)
