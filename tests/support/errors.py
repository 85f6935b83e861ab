"""Errors, as thoroughly as a report of them could show them."""

from __future__ import annotations

import traceback

PACKAGE = "/airflow_kubernetes_secrets/"


def everything_about(error: BaseException) -> str:
    """All that a report could show of it: with the chained errors, and the variables of the package's frames."""
    texts = [repr(error), *map(str, error.args), *traceback.format_exception(error)]
    for frame, _line in traceback.walk_tb(error.__traceback__):
        if PACKAGE in frame.f_code.co_filename:
            texts.append(repr(frame.f_locals))
    for chained in (error.__cause__, error.__context__):
        if chained is not None:
            texts.append(everything_about(chained))
    return "\n".join(texts)
