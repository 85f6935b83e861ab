"""``options/backend_kwargs.py``: ``backend_kwargs``, as Airflow reads them from JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from airflow_kubernetes_secrets.errors import OptionError
from airflow_kubernetes_secrets.options.backend_kwargs import OPTIONS, Options
from airflow_kubernetes_secrets.sources.api_source import verbs_of
from fuzz.target import Target
from fuzz.trial import Trial


def _run(trial: Trial, data: bytes) -> None:
    try:
        kwargs = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(kwargs, dict):
        return
    trial.allow(*_shown(kwargs))
    options = trial.attempt(OptionError, Options.parse, kwargs)
    for name, value in kwargs.items():
        trial.attempt(OptionError, Options.parse, {name: value})
        # A variable such as AIRFLOW__SECRETS__BACKEND_KWARG__TIMEOUT contains a string.
        trial.attempt(OptionError, Options.parse, {name: json.dumps(value)})
    if options is None:
        return
    trial.claim(options == Options.parse(kwargs), "the same options are equal")
    trial.claim(hash(options) == hash(Options.parse(kwargs)), "equal options have the same hash")
    trial.claim(bool(options.namespaces and verbs_of(options)), "there is a namespace to search, and a verb")
    trial.claim(isinstance(options.referenced, dict), "references are by namespace")


def _shown(found: Any) -> Iterator[str]:
    """Yield the values that errors quote: those of options, except URIs, which can contain a password."""
    if isinstance(found, dict):
        for name, value in found.items():
            yield from (*_shown(name), *_shown(value))
    elif isinstance(found, list):
        for value in found:
            yield from _shown(value)
    elif not (isinstance(found, str) and "://" in found and "@" in found):
        yield str(found)


TARGET = Target(
    _run,
    tokens=(
        *(f'"{name}":' for name in OPTIONS),
        *('{"connections":{"id":"name"}}', '"variables"', '"config"', '"namespace/name"', '"null"', "null", "true"),
        *('"next"', '"deny"', "1e999", "NaN", '"(a+)+$"', '"[[a]"', "(?i)", "{9999999999}", '"a,b"', '["a"]'),
    ),
)
