"""Files that ``airflow connections export`` or ``airflow variables export`` has written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from airflow_kubernetes_secrets.deployment.airflow_entries import (
    AirflowEntry,
    SourceError,
    entry_of_value,
    is_connection_object,
)
from airflow_kubernetes_secrets.deployment.configuration import airflow_conf
from airflow_kubernetes_secrets.kubernetes.json_and_yaml import UnreadableError, read_json, read_yaml
from airflow_kubernetes_secrets.lookup.kinds import Kind

# The largest size of a file. A pipe or a device can be endless, and Airflow's exports are far smaller.
_LARGEST_BYTES = 100 * 1024 * 1024


def from_file(path: Path, kind: Kind | None = None) -> Iterator[AirflowEntry]:
    """Yield the connections or variables in a file that Airflow has exported.

    Args:
        kind: which of the two the file contains; ``None`` decides it from the content.

    Raises:
        SourceError: the file cannot be read, or ``kind`` is needed.
    """
    given, repeated = _mapping(path)
    airflow_conf()
    kind = kind or _kind_of(path, given)
    for key, value in given.items():
        if key in repeated:
            yield AirflowEntry(kind, key, problem="the file contains it more than once")
        else:
            yield entry_of_value(kind, key, value)


def _mapping(path: Path) -> tuple[dict[str, Any], set[str]]:
    """Return the values of a file by id, and the ids that the file contains more than once.

    Raises:
        SourceError: the file cannot be read, or has another format.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror}. --from takes metadata-db, env or the path of a file "
            "that 'airflow connections export' or 'airflow variables export' wrote"
        ) from None
    if len(content) > _LARGEST_BYTES:
        raise SourceError(f"{path} has more than {_LARGEST_BYTES // 1024**2} MiB. Split it, or use --from metadata-db")
    text = None
    with suppress(UnicodeDecodeError):
        text = content.decode("utf-8-sig")
    if text is None:
        # Nothing is chained, because the error of the decoder contains the whole file.
        raise SourceError(
            f"{path} is not text in UTF-8, as Airflow's exports are. Write it again with Airflow's export"
        )
    read = _READERS.get(path.suffix.lower(), _json_of if text.lstrip().startswith("{") else None)
    if read is None:
        raise SourceError(f"{path} must end with .json, .yaml, .yml or .env, which determines its format")
    try:
        given, repeated = read(text)
    except UnreadableError as error:
        raise SourceError(f"{path}, {error}. Write it again with Airflow's export") from None
    if not isinstance(given, dict):
        raise SourceError(
            f"{path} is not an object of ids and their values, as Airflow's exports are. Write it again with Airflow's "
            "export"
        )
    return given, repeated


def _json_of(text: str) -> tuple[Any, set[str]]:
    return read_json(text), set()


def _yaml_of(text: str) -> tuple[Any, set[str]]:
    documents = [document for _line, document in read_yaml(text)]
    return (documents[0] if len(documents) == 1 else None), set()


def _env_of(text: str) -> tuple[Any, set[str]]:
    """Read lines of ``ID=VALUE`` by Airflow's rules: there are no quotation marks and no escapes."""
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
    """Return which kind a file contains.

    Airflow exports connections as objects with ``conn_type``, or into a ``.env`` file as URIs or JSON. It exports
    variables only as JSON. So another file with only URIs is ambiguous, and so is a file with both kinds.

    Raises:
        SourceError: the kind is ambiguous.
    """
    objects = [is_connection_object(value) for value in given.values()]
    texts = [isinstance(value, str) and "://" in value for value in given.values()]
    either = [one or other for one, other in zip(objects, texts, strict=True)]
    if given and (all(objects) or (path.suffix.lower() == ".env" and all(either))):
        return Kind.CONNECTION
    if not any(objects) and not (given and all(texts)) and not (path.suffix.lower() == ".env" and any(either)):
        return Kind.VARIABLE
    raise SourceError(f"{path} does not specify its kind. Add --kind connections or --kind variables")
