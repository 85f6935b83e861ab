"""The contract of a lookup, for every source of a value, on each server and in folders."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.backend.airflow_versions import access_denied
from airflow_kubernetes_secrets.errors import KubernetesSecretsError, MalformedSecretError, MissingSecretError
from airflow_kubernetes_secrets.lookup.kinds import Kind
from support.errors import everything_about
from support.logs import log_messages
from support.manifest_sources import ManifestSource, ObservedSource
from support.value_sources import OF_MOUNTS, OF_PLACES, OfPlace, ValueSource

try:
    from airflow.sdk._shared.secrets_masker import redact
except ImportError:
    from airflow.utils.log.secrets_masker import redact  # type: ignore[import-not-found, no-redef]  # Airflow 2

SECRET = "hunter2"
URI = f"postgres://scott:{SECRET}@db.example.com:5432/shop"

PLACES = ("devserver", "kube-apiserver", "folder")
# The classes, by the names of the parameters.
SOURCES: dict[str, type[ValueSource]] = {
    **{f"{name} in {where}": each for name, each in OF_PLACES.items() for where in PLACES},
    **OF_MOUNTS,
}


def source_of(name: str, tmp_path: Path, make: Callable[[str], ManifestSource]) -> ValueSource:
    """Return the source with this name. ``make`` makes the place of those that need one."""
    name, _in, where = name.partition(" in ")
    if not where:
        (tmp_path / "mount").mkdir()
        return OF_MOUNTS[name](tmp_path / "mount")
    return OF_PLACES[name](make(where))


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: Path, make_source: Callable[[str], ManifestSource]) -> ValueSource:
    return source_of(request.param, tmp_path, make_source)


@pytest.fixture(params=SOURCES)
def observed_source(
    request: pytest.FixtureRequest, tmp_path: Path, make_observed_source: Callable[[str], ManifestSource]
) -> ValueSource:
    return source_of(request.param, tmp_path, make_observed_source)


def value_of(kind: Kind, text: str = "found") -> bytes:
    """Return a value that a kind can have, and that contains this text."""
    return (f"http://{text}" if kind is Kind.CONNECTION else text).encode()


def look(backend: KubernetesSecretsBackend, kind: Kind, identifier: str, team: str | None = None) -> str | None:
    if kind is Kind.CONNECTION:
        return backend.get_conn_value(identifier, team_name=team)
    if kind is Kind.VARIABLE:
        return backend.get_variable(identifier, team_name=team)
    return backend.get_config(identifier)


IDS = [
    "x",
    "my db",
    "team/x",
    "größe",
    "a.b-c_D",
    "x" * 200,
    "🚀",
    " x ",
    "a\nb",
    "AIRFLOW_VAR_X",
    "AIRFLOW_CONN_X",
    "0",
]


def test_hits_and_misses(source: ValueSource, caplog: pytest.LogCaptureFixture) -> None:
    """Each id finds its own value, and no other id finds it."""
    expected: dict[tuple[Kind, str], str | None] = {}
    for kind in Kind:
        for number, identifier in enumerate(IDS):
            expected[kind, identifier] = None
            if kind in source.kinds and number % 2 == 0 and source.can_have(kind, identifier):
                value = value_of(kind, f"{kind.name.lower()}-{number}")
                source.put(kind, identifier, value)
                expected[kind, identifier] = value.decode()
    backend = source.backend()

    for _ in range(2):
        assert {(kind, each): look(backend, kind, each) for kind, each in expected} == expected
    assert any(expected.values())
    assert log_messages(caplog) == []


def test_unusual_ids(source: ValueSource) -> None:
    [kind, *_others] = source.kinds
    ids = [each for each in IDS if source.can_have(kind, each)]
    for each in ids:
        source.put(kind, each, value_of(kind))
    backend = source.backend()

    assert {each: look(backend, kind, each) for each in ids} == dict.fromkeys(ids, value_of(kind).decode())


@pytest.mark.parametrize("value", ["", "a\n", " a ", "größe", '{"a": 1}', "a\r\nb", "\ufeffa", "x" * 100_000])
def test_variable_is_read_unchanged(source: ValueSource, value: str) -> None:
    source.put(Kind.VARIABLE, "x", value.encode())

    assert source.backend().get_variable("x") == value


# Any text is a variable, and any text that is not blank is an option.
UNREADABLE: dict[Kind, tuple[bytes, ...]] = {
    Kind.CONNECTION: (b"\xff" + SECRET.encode(), b"", b" \n", SECRET.encode()),
    Kind.VARIABLE: (b"\xff" + SECRET.encode(),),
    Kind.CONFIG: (b"\xff" + SECRET.encode(), b"", b" \n"),
}


@pytest.mark.parametrize(
    ("source", "kind", "value"),
    [(name, kind, value) for name, each in SOURCES.items() for kind in each.kinds for value in UNREADABLE[kind]],
    indirect=["source"],
    ids=repr,
)
def test_invalid_value_is_an_error(
    source: ValueSource, kind: Kind, value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """The error is raised and logged once, names the id, and never shows the value."""
    source.put(kind, "broken", value)
    source.put(kind, "good", value_of(kind))
    backend = source.backend()

    for _ in range(2):
        with pytest.raises(MalformedSecretError) as raised, caplog.at_level(logging.DEBUG):
            look(backend, kind, "broken")
        assert SECRET not in everything_about(raised.value)
    assert log_messages(caplog) == [f"{kind.word} 'broken': {raised.value}"]
    assert SECRET not in caplog.text
    assert look(backend, kind, "good") == value_of(kind).decode()


def test_on_error_deny(source: ValueSource) -> None:
    """An error of a source ends the search of Airflow; a miss does not."""
    [kind, *_others] = source.kinds
    source.put(kind, "broken", b"\xff")
    denied = access_denied() or KubernetesSecretsError

    backend = source.backend(on_error="deny")
    with pytest.raises(denied):
        look(backend, kind, "broken")
    assert look(backend, kind, "absent") is None
    with pytest.raises(MalformedSecretError):
        look(source.backend(on_error="next"), kind, "broken")


@pytest.mark.parametrize("source", [name for name, each in SOURCES.items() if each.duplicated], indirect=True)
def test_duplicates(source: ValueSource, caplog: pytest.LogCaptureFixture) -> None:
    """The first by age and name is used, and one warning names the other."""
    assert source.duplicated is not None
    [kind, *_others] = source.kinds
    for number in (1, 2):
        source.put(kind, source.duplicated, value_of(kind, f"v{number}"), number=number)
    backend = source.backend()

    for _ in range(2):
        assert look(backend, kind, source.duplicated) == value_of(kind, "v1").decode()
    [warning] = log_messages(caplog)
    assert "the first by age and name is used" in warning
    assert ". Not used: " in warning
    assert ". Remove" in warning or ". Delete" in warning


def test_teams(source: ValueSource) -> None:
    """A value without a team is used for every team, unless ``team_fallback`` is false."""
    for kind in source.kinds:
        source.put(kind, "x", value_of(kind))
    backend, alone = source.backend(), source.backend(team_fallback=False)

    for kind in source.kinds:
        assert look(backend, kind, "x", team="blue") == value_of(kind).decode()
        if kind is not Kind.CONFIG:
            assert look(alone, kind, "x", team="blue") is None
        assert look(alone, kind, "x") == value_of(kind).decode()


def test_namespaces(source: ValueSource) -> None:
    """Namespaces are searched in order. Mounted files are in the first namespace."""
    [kind, *_others] = source.kinds
    second = f"{source.namespace}-2"
    source.put(kind, "here", value_of(kind, "first"))
    if source.has_namespaces:
        source.put(kind, "there", value_of(kind, "second"), namespace=second)
    both = source.backend(namespace=[source.namespace, second])

    assert look(both, kind, "here") == value_of(kind, "first").decode()
    expected = value_of(kind, "second").decode() if source.has_namespaces else None
    assert look(both, kind, "there") == expected


def test_changes(source: ValueSource) -> None:
    """Without a cache, the next lookup has the new value, and a removed id is not found any more."""
    [kind, *_others] = source.kinds
    source.put(kind, "x", value_of(kind, "old"))
    source.put(kind, "z", value_of(kind, "other"))
    backend = source.backend()

    assert look(backend, kind, "x") == value_of(kind, "old").decode()
    source.put(kind, "x", value_of(kind, "new"))
    assert look(backend, kind, "x") == value_of(kind, "new").decode()
    source.remove(kind, "x")
    if source.duplicated is None:  # a reference to a Secret that does not exist is an error
        with pytest.raises(MissingSecretError, match="'references' in backend_kwargs names Secret"):
            look(backend, kind, "x")
    else:
        assert look(backend, kind, "x") is None
    assert look(backend, kind, "z") == value_of(kind, "other").decode()


def test_values_are_masked(source: ValueSource) -> None:
    """Values are masked only with the option ``mask_values``, and configuration options never are."""
    for kind in source.kinds:
        value = value_of(kind, f"masked-{kind.plural}-{uuid4().hex}")
        source.put(kind, "x", value)
        look(source.backend(), kind, "x")
        assert redact(value.decode()) == value.decode()
        look(source.backend(mask_values=True), kind, "x")
        assert (redact(value.decode()) == "***") == (kind is not Kind.CONFIG)


def test_a_source_that_is_unavailable(observed_source: ValueSource, caplog: pytest.LogCaptureFixture) -> None:
    """It is an error and not a miss."""
    [kind, *_others] = observed_source.kinds
    observed_source.put(kind, "x", value_of(kind))
    # On a busy machine a real kube-apiserver may take more than half a second to respond.
    backend = observed_source.backend(timeout=2)
    assert look(backend, kind, "x") is not None
    if isinstance(observed_source, OfPlace):
        assert isinstance(observed_source.manifest_source, ObservedSource)
        observed_source.manifest_source.leave()
    else:
        mount = Path(str(backend.options.path))
        mount.rename(mount.with_name("elsewhere"))

    for _ in range(2):
        with pytest.raises(KubernetesSecretsError):
            look(backend, kind, "absent")
    errors = [each for each in log_messages(caplog) if each.startswith(f"{kind.word} 'absent': ")]
    assert len(errors) == 1
