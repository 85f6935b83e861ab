"""What a file holds that ``airflow connections export`` or ``airflow variables export`` has written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from airflow_kubernetes_secrets.documents import UnreadableError, read_json, read_yaml
from airflow_kubernetes_secrets.inventory.airflow_entries import (
    Entry,
    SourceError,
    entry_of_value,
    is_connection_object,
)
from airflow_kubernetes_secrets.inventory.configured import airflow_conf
from airflow_kubernetes_secrets.lookup import Kind


def from_file(path: Path, kind: Kind | None = None) -> Iterator[Entry]:
    """What a file holds that ``airflow connections export`` or ``airflow variables export`` has written.

    Args:
        kind: which it holds; by default that is decided by what is in it.

    Raises:
        SourceError: the file cannot be read, or does not say which it holds.
    """
    given, repeated = _mapping(path)
    airflow_conf()
    kind = kind or _kind_of(path, given)
    for key, value in given.items():
        if key in repeated:
            yield Entry(kind, key, problem="the file has it more than once")
        else:
            yield entry_of_value(kind, key, value)


def _mapping(path: Path) -> tuple[dict[str, Any], set[str]]:
    """What a file holds by id, and the ids that it has more than once."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror}. --from takes metadata-db, env or the path of a file that "
            "'airflow connections export' or 'airflow variables export' has written"
        ) from None
    text = None
    with suppress(UnicodeDecodeError):
        text = content.decode("utf-8-sig")
    if text is None:
        # With nothing chained: the error of the decoder holds the whole file.
        raise SourceError(f"{path} is not text in UTF-8, as Airflow's exports are")
    read = _READERS.get(path.suffix.lower(), _json_of if text.lstrip().startswith("{") else None)
    if read is None:
        raise SourceError(f"{path} has to end with .json, .yaml, .yml or .env, which says how to read it")
    try:
        given, repeated = read(text)
    except UnreadableError as error:
        raise SourceError(f"{path}, {error}. Write it again with Airflow's export") from None
    if not isinstance(given, dict):
        raise SourceError(f"{path} is not an object of ids and what they stand for, as Airflow's exports are")
    return given, repeated


def _json_of(text: str) -> tuple[Any, set[str]]:
    return read_json(text), set()


def _yaml_of(text: str) -> tuple[Any, set[str]]:
    documents = [document for _line, document in read_yaml(text)]
    return (documents[0] if len(documents) == 1 else None), set()


def _env_of(text: str) -> tuple[Any, set[str]]:
    """By Airflow's rules: nothing is quoted or escaped."""
    found: dict[str, str] = {}
    repeated = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.lstrip().startswith("#"):
            continue
        key, separator, value = line.partition("=")
        if not separator:
            raise UnreadableError("there is no '='", number)
        if key in found:
            repeated.add(key)
        found[key] = value
    return found, repeated


_READERS: dict[str, Callable[[str], tuple[Any, set[str]]]] = {
    ".json": _json_of,
    ".yaml": _yaml_of,
    ".yml": _yaml_of,
    ".env": _env_of,
}


def _kind_of(path: Path, given: Mapping[str, Any]) -> Kind:
    """Which kind a file holds.

    Airflow exports connections as objects with ``conn_type``, or into ``.env`` as URIs or JSON; variables only as JSON.
    A file of URIs that is no ``.env`` could be either, and so could one of both.
    """
    objects = [is_connection_object(value) for value in given.values()]
    texts = [isinstance(value, str) and "://" in value for value in given.values()]
    either = [one or other for one, other in zip(objects, texts, strict=True)]
    if given and (all(objects) or (path.suffix.lower() == ".env" and all(either))):
        return Kind.CONNECTION
    if not any(objects) and not (given and all(texts)) and not (path.suffix.lower() == ".env" and any(either)):
        return Kind.VARIABLE
    raise SourceError(f"{path} does not say which it holds. Say it: --kind connections or --kind variables")
