"""Invalid annotations, and thousands of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats.fields import fields_of
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.process import restart
from support.call_counts import calls
from support.connection_secrets import PREFIX, Read, secret_manifest
from support.logs import log_messages
from support.secrets import CONNECTION

PROBLEMS = {
    "a key that is not there": (
        {"field-host": "hunter2"},
        "field-host",
        "does not contain the key .* 'host', 'password'",
    ),
    "an extra key that is not there": ({"extra-a": "hunter2"}, "extra-a", "does not contain the key"),
    "a data key that is not there": ({"data-key": "hunter2"}, "data-key", "does not contain the key"),
    "a field that does not exist": (
        {"field-user": "host"},
        "field-user",
        "no such field; the fields are uri, conn_type, host",
    ),
    "extra that is no JSON": ({"connection-extra": "hunter2"}, "connection-extra", "not a JSON object"),
    "extra that is no object": ({"connection-extra": '["hunter2"]'}, "connection-extra", "not a JSON object"),
    "extra of many digits": (
        {"connection-extra": '{"a": ' + "9" * 5000 + "}"},
        "connection-extra",
        "not a JSON object",
    ),
    "a prefix of no key": ({"key-prefix": "hunter2"}, "key-prefix", "no key in the data begins with it; the keys are"),
    "other keys not in extra": ({"other-keys": "yes"}, "other-keys", "can only be 'extra'"),
    "whole, and a field": ({"data-key": "host", "field-host": "host"}, "field-host", "'airflow.apache.org/data-key'"),
    "whole, and in extra": ({"data-key": "host", "extra-a": "host"}, "extra-a", "'airflow.apache.org/data-key'"),
    "whole, and a URI": ({"data-key": "host", "field-uri": "password"}, "field-uri", "'host' contains the whole"),
    "two types": ({"connection-type": "x", "field-conn_type": "host"}, "connection-type", "field-conn_type'"),
    "two hosts": ({"connection-host": "h", "field-host": "host"}, "connection-host", "field-host'"),
    "a port in the host that is no number": ({"connection-host": "h:99999"}, "connection-host", "not a number from"),
    "a port that is no number": ({"connection-port": "hunter2"}, "connection-port", "not a number from 1 to 65535"),
    "extra twice": ({"connection-extra": '{"a": 1}', "extra-a": "host"}, "extra-a", "connection-extra'"),
}
# Annotations in addition to the data key of the options.
PROBLEMS_OF_CONNECTIONS_IN_ONE_KEY = {
    "a URI": ({"field-uri": "uri"}, f"annotation '{PREFIX}field-uri': ", "'value' contains the whole connection"),
    "a key that is not there": ({"field-host": "x"}, f"annotation '{PREFIX}field-host': ", "does not contain the key"),
    "no JSON": ({"connection-extra": "hunter2"}, f"annotation '{PREFIX}connection-extra': ", "not a JSON object"),
    "a port": ({"connection-port": "0"}, f"annotation '{PREFIX}connection-port': ", "not a number from 1"),
    "a key with a port": ({"field-port": "port"}, "key 'port': ", "not a number from 1"),
    "a key with extra": ({"field-extra": "port"}, "key 'port': ", "not a JSON object"),
    "an unknown field": ({"field-hots": "uri"}, f"annotation '{PREFIX}field-hots': ", "no such field"),
    "two hosts": ({"field-host": "uri", "connection-host": "h"}, f"annotation '{PREFIX}connection-host", "Remove one"),
}


@pytest.mark.parametrize(("annotations", "named", "problem"), PROBLEMS.values(), ids=PROBLEMS)
def test_invalid_annotations_are_named(read: Read, annotations: dict[str, str], named: str, problem: str) -> None:
    with pytest.raises(MalformedSecretError, match=problem) as raised:
        read({"host": "h", "password": "hunter2"}, annotations)

    assert str(raised.value).startswith(f"Secret shop/app, annotation '{PREFIX}{named}': ")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("annotations", "named", "problem"),
    PROBLEMS_OF_CONNECTIONS_IN_ONE_KEY.values(),
    ids=PROBLEMS_OF_CONNECTIONS_IN_ONE_KEY,
)
def test_invalid_annotations_of_a_connection_in_one_key(
    read: Read, annotations: dict[str, str], named: str, problem: str
) -> None:
    with pytest.raises(MalformedSecretError, match=problem) as raised:
        read({"value": "mysql://me:hunter2@h", "uri": "mysql://h2", "port": "hunter2"}, annotations)

    assert str(raised.value).startswith(f"Secret shop/app, {named}")
    assert "hunter2" not in str(raised.value)


def test_another_valid_secret_is_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is used instead of a Secret with invalid annotations, if both are in one namespace."""
    for name, unprefixed in (("a", {"field-host": "nowhere"}), ("b", {})):
        manifest = secret_manifest("shop", name, {"host": f"of-{name}"}, unprefixed)
        manifest["metadata"]["labels"] = {CONNECTION: "app"}
        (tmp_path / f"{name}.json").write_text(json.dumps(manifest))

    assert KubernetesSecretsBackend(path=str(tmp_path)).get_connection("app").host == "of-b"

    [warning] = log_messages(caplog)
    assert f"Secret shop/a, annotation '{PREFIX}field-host'" in warning
    assert "This Secret is skipped" in warning


class TestThousands:
    """Anyone with write permission can add as many keys and annotations as fit into 1.5 MiB."""

    def test_the_first_misspelt_annotations_are_named_and_the_others_counted(
        self, read: Read, caplog: pytest.LogCaptureFixture
    ) -> None:
        """None of the Secret's own names is suggested, even if it is similar."""
        known = {f"extra-a{number:03}": "host" for number in range(400)}
        misspelt = {f"exta-a{number:03}": "" for number in range(399)} | {"connection-typ": "x"}

        assert read({"host": "h"}, {**known, **misspelt}) is not None

        warnings = log_messages(caplog)
        assert len(warnings) == 5
        assert warnings[0] == f"Secret shop/app, annotation '{PREFIX}exta-a000': it is unknown and has no effect"
        assert f"annotation '{PREFIX}exta-a004' and 395 more: it is unknown" in warnings[4]

    @pytest.mark.parametrize(
        ("data", "annotations"),
        [
            ("host-{}", ["extra-a{}", "exta-b{}"]),
            ("host-{}", ["connection-hos{}", "connection-host{}"]),
            ("HOST{}", ["field-host{}"]),
            ("a{}", ["{}"]),
        ],
    )
    def test_work_grows_linearly_with_the_secret(self, data: str, annotations: list[str]) -> None:
        def read(count: int) -> None:
            restart()
            keys = {data.format(number): "aA==" for number in range(count)}
            named = {
                PREFIX + each.format(number): data.format(number) for each in annotations for number in range(count)
            }
            with suppress(MalformedSecretError):
                assert fields_of(Secret("shop", "app", "", {}, {"host": "aA==", **keys}, annotations=named)).keys

        read(100)  # The first call also loads modules.
        assert calls(lambda: read(1_000)) < 6 * calls(lambda: read(250))

    @pytest.mark.parametrize("unprefixed", [{}, {"field-host": "nowhere"}], ids=["it can be read", "it cannot"])
    def test_annotations_in_memory_are_checked_once(self, tmp_path: Path, unprefixed: dict[str, str]) -> None:
        """An error is cached too. It is the same each time, and contains no frames of earlier lookups."""
        annotations = {**unprefixed, **{f"exta-b{number}": "" for number in range(2_000)}}
        manifest = secret_manifest("shop", "app", {"host": "h", "login": "me"}, annotations)
        (tmp_path / "app.json").write_text(json.dumps(manifest))
        backend = KubernetesSecretsBackend(path=str(tmp_path))
        texts = []

        def look_up() -> None:
            try:
                texts.append(backend.get_conn_value("app"))
            except MalformedSecretError as error:
                texts.append(str(error))
                frames.append(len(list(frames_of(error))))

        frames: list[int] = []
        look_up()
        assert calls(look_up) < 1_000
        assert texts[0] == texts[1]
        assert len(set(frames)) <= 1

    def test_an_error_names_the_first_keys_and_counts_the_others(self, read: Read) -> None:
        data = {f"key-{number:04}": "x" for number in range(5_000)}

        with pytest.raises(MalformedSecretError, match=r"the keys are 'key-0000', .*'key-0009' and 4990 more$"):
            read(data, {"field-host": "nowhere"})


def frames_of(error: BaseException) -> Iterator[object]:
    step = error.__traceback__
    while step is not None:
        yield step
        step = step.tb_next
