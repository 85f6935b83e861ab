"""The strings that people could read of a trial: exceptions and those chained to them, log records, warnings."""

from __future__ import annotations

import logging
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_kubernetes_secrets.process import restart
from fuzz.trial import Trial


class _Collector(logging.Handler):
    def __init__(self, trial: Trial) -> None:
        super().__init__()
        self._trial = trial
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        self._trial.say(self._formatter.format(record))


@contextmanager
def collected(trial: Trial) -> Iterator[None]:
    """Add all log records and warnings of the block to the strings of the trial."""
    restart()  # so that a message that is logged once in a process is logged for each input
    root, collector = logging.getLogger(), _Collector(trial)
    level = root.level
    root.addHandler(collector)
    root.setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        trial.say(*(warning.message for warning in caught))
    finally:
        root.setLevel(level)
        root.removeHandler(collector)


def texts_of(error: BaseException) -> list[str]:
    """Return all strings that a report of an exception can show, except for the variables of frames.

    An exception that was suppressed with ``from None`` counts: it is still attached, and some reports show it.
    """
    texts = [str(error), repr(error), *map(str, error.args), *traceback.format_exception_only(error)]
    for chained in (error.__cause__, error.__context__):
        if chained is not None:
            texts += texts_of(chained)
    return texts
