"""Values that were stored in another form than intended are reported: quoted, or encoded twice."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError
from support.listing import problems_in
from support.shapes import Read


@pytest.mark.parametrize("mark", ['"', "'"])
def test_quotation_marks_around_a_value(tmp_path: Path, mark: str) -> None:
    data = {"DB_HOST": "h", "DB_USER": "u", "DB_PASSWORD": f"{mark}p{mark}", "DB_CONNECTION": "mysql"}
    [problem] = problems_in(tmp_path, data)

    assert problem.code == "quoted-value"
    assert "key 'DB_PASSWORD'" in problem.text
    for value in (f"{mark}p", mark, f"p{mark}", f"{mark}{mark}"):
        assert problems_in(tmp_path, {**data, "DB_PASSWORD": value}) == []


@pytest.mark.parametrize("value", ["postgres://u:hunter2@h/d", ' {"conn_type": "postgres", "password": "hunter2"}'])
def test_a_connection_that_was_encoded_twice(read: Read, value: str) -> None:
    encoded = b64encode(value.encode()).decode()
    for stored in (encoded, f"{encoded}\n", f"{encoded[:20]}\n{encoded[20:]}"):
        with pytest.raises(MalformedSecretError, match="base64 of one") as raised:
            read({"value": stored})
        assert encoded[:20] not in str(raised.value)


def test_what_is_not_base64_of_a_connection(read: Read) -> None:
    for value in ("hunter22", b64encode(b"hunter2").decode()):
        with pytest.raises(MalformedSecretError) as raised:
            read({"value": value})
        assert "base64" not in str(raised.value)
