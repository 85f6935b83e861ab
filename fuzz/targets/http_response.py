"""``kubernetes/http1.py``: a response of an API server, read whole and line by line."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, BinaryIO

from airflow_kubernetes_secrets.kubernetes.http1 import (
    BodyTooLargeError,
    MalformedResponseError,
    Response,
    read_head,
    read_lines,
    read_response,
)
from fuzz.target import Target
from fuzz.trial import Trial


class _InPieces(io.RawIOBase):
    """A connection on which a few bytes arrive at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._data.readinto(memoryview(buffer)[:7])


def _whole(data: bytes) -> BinaryIO:
    return io.BufferedReader(io.BytesIO(data))


def _in_pieces(data: bytes) -> BinaryIO:
    return io.BufferedReader(_InPieces(data))


def _lines(stream: BinaryIO) -> list[bytes]:
    return list(read_lines(stream, read_head(stream)))


def _parts(response: Response | None) -> object:
    return response and (response.status, response.headers, bytes(response.body), response.keeps_open)


def _run(trial: Trial, data: bytes) -> None:
    stream = _whole(data)
    response = _read(trial, read_response, stream)
    trial.claim(_parts(response) == _parts(_read(trial, read_response, _in_pieces(data))), "pieces make no difference")
    lines = _read(trial, _lines, _whole(data))
    trial.claim(lines == _read(trial, _lines, _in_pieces(data)), "pieces make no difference to lines")
    if response is None:
        return
    trial.say(repr(response))
    trial.claim(len(response.body) <= len(data), "a body is no longer than what was received")
    if response.keeps_open:
        used = data[: stream.tell()]
        trial.claim(
            _parts(response) == _parts(read_response(_whole(used))), "the bytes after a response are not a part of it"
        )
    if lines is not None and response.status not in (204, 304):
        trial.claim(b"".join(line + b"\n" for line in lines) == bytes(response.body), "lines are those of the body")


def _read(trial: Trial, read: Callable[[BinaryIO], Any], stream: BinaryIO) -> Any:
    return trial.attempt((MalformedResponseError, BodyTooLargeError), read, stream)


TARGET = Target(
    _run,
    tokens=(
        *("HTTP/1.1 ", "HTTP/1.0 ", "200 OK\r\n", "100 Continue\r\n\r\n", "204", "304", "\r\n", "\r\n\r\n", "\n\n"),
        *("Content-Length: ", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "Content-Type: "),
        *("0\r\n\r\n", "5\r\nhello\r\n", "ffffffffffff\r\n", ";ext=1", "{}\n"),
    ),
)
