"""What one real Airflow does with stored connections. Runs in that Airflow's environment.

Standard input has one JSON string on each line, a connection as text. Standard output has a JSON object for each:
``able`` lists the parts of Airflow that can use it, named as in ``airflow_kubernetes_secrets.formats.usability``.
``differ`` lists those of them that read something else from its separate fields.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any

CONN_ID = "my_db"


def main() -> None:
    """Judge every line."""
    warnings.simplefilter("ignore")
    readers = _readers()
    logging.disable(logging.CRITICAL)
    reset = _resetting_maskers()
    for line in sys.stdin:
        text = json.loads(line)
        able = [name for name, read in readers.items() if _can_use(read, text)]
        differ = [name for name in able if not _is_the_same_taken_apart(readers[name], text)]
        sys.stdout.write(f"{json.dumps({'able': able, 'differ': differ})}\n")
        # Otherwise the pattern of all masked values would be compiled again with every value.
        for each in reset:
            each()


def _readers() -> dict[str, Callable[[str], Any]]:
    from airflow import __version__
    from airflow_kubernetes_secrets.formats import usability

    if __version__.startswith("2."):
        return {usability.AIRFLOW_2: _by_core}
    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return {usability.SERVICES: _by_core, usability.TASKS: _by_task_sdk, usability.API_TASKS: _by_api_server}


def _can_use(read: Callable[[str], Any], text: str) -> bool:
    """Return whether a part of Airflow gets a connection that it and hooks can use."""
    try:
        connection = read(text)
        connection.get_uri()
        return isinstance(connection.extra_dejson, dict) and _is_read_as_one(connection, text)
    except Exception:
        return False


def _is_read_as_one(connection: Any, text: str) -> bool:
    """Return whether the text is a connection at all.

    From any text that is not JSON, Airflow makes a connection without type or host.
    """
    text = text.strip()
    if text.startswith("{"):
        text = json.loads(text).get("uri") or ""
        if not text:
            return bool(connection.conn_type != "")
    cleaned = text.lstrip("".join(map(chr, range(0x21)))).translate(dict.fromkeys(map(ord, "\t\r\n")))
    return bool(connection.conn_type) and cleaned.partition("://")[0].lower().replace("-", "_") in (
        connection.conn_type,
        {"postgres": "postgresql"}.get(connection.conn_type),
    )


def _is_the_same_taken_apart(read: Callable[[str], Any], text: str) -> bool:
    """Return whether this part of Airflow reads the same fields as this project."""
    from airflow_kubernetes_secrets.formats.single_key import fields_of_whole

    fields = fields_of_whole(text)
    # One part of Airflow 3 refuses this field only next to a URI, or ignores it there.
    fields.pop("team_name", None)
    whole, apart = read(text), read(json.dumps(fields))
    return _said_by(whole) == _said_by(apart)


def _said_by(connection: Any) -> list[Any]:
    """Return what a hook sees. Airflow's core parses values of a query as JSON if possible; other parts do not."""
    extra = {name: _as_core_has_it(value) for name, value in connection.extra_dejson.items()}
    fields = ("conn_type", "host", "login", "password", "port", "schema")
    return [*(getattr(connection, name) or None for name in fields), extra]


def _as_core_has_it(value: Any) -> str:
    if isinstance(value, str):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    return json.dumps(value)


def _by_core(text: str) -> Any:
    """Read as scheduler, API server and commands do: by the class for backends, with the database's Connection."""
    from airflow.secrets.base_secrets import BaseSecretsBackend

    return _backend(BaseSecretsBackend, text).get_connection(CONN_ID)


def _by_task_sdk(text: str) -> Any:
    """Read as tasks and the DAG processor do that read Secrets themselves."""
    from airflow.sdk import Connection
    from airflow.sdk._shared.secrets_backend.base import BaseSecretsBackend

    backend = _backend(BaseSecretsBackend, text)
    backend._set_connection_class(Connection)
    return backend.get_connection(CONN_ID)


def _backend(base: type, text: str) -> Any:
    """Return a minimal backend that returns this text."""
    backend = _class_of_backends(base)()
    backend.text = text
    return backend


@cache
def _class_of_backends(base: type) -> type:
    return type("Backend", (base,), {"get_conn_value": lambda self, conn_id, team_name=None: self.text})


def _by_api_server(text: str) -> Any:
    """Read as tasks do that query the API server: by its response, the supervisor, and the supervisor's message."""
    from airflow.api_fastapi.execution_api.datamodels.connection import ConnectionResponse
    from airflow.sdk.api.datamodels._generated import ConnectionResponse as Received
    from airflow.sdk.execution_time.comms import ConnectionResult, _ResponseFrame
    from airflow.sdk.execution_time.context import _process_connection_result_conn
    from msgspec.msgpack import decode

    found = _by_core(text)
    found.get_uri()
    answer = ConnectionResponse.model_validate(found).model_dump_json(by_alias=True)
    result = ConnectionResult.from_conn_response(Received.model_validate_json(answer))
    body = result.model_dump(exclude_unset=True, by_alias=True)
    message = decode(bytes(_ResponseFrame(1, body).as_bytes()[4:]))[1]
    return _process_connection_result_conn(ConnectionResult.model_validate(message))


def _resetting_maskers() -> list[Callable[[], None]]:
    from airflow_kubernetes_secrets.backend.airflow_versions import ensure_masker

    ensure_masker()
    reset = []
    for name in ("airflow.sdk.log", "airflow._shared.secrets_masker", "airflow.utils.log.secrets_masker"):
        try:
            masker = import_module(name)._secrets_masker()
        except (ImportError, AttributeError):
            continue
        reset.append(masker.patterns.clear)
    return reset


if __name__ == "__main__":
    main()
