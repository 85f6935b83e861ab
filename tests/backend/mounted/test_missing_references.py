"""The remedy for a reference to a Secret that is not in the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import MissingSecretError
from airflow_kubernetes_secrets.inventory.entries import inventory_of
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.options.backend_kwargs import Options


def error_of(reference: str, **options: object) -> str:
    kwargs = {"references": {"connections": {"x": reference}}, **options}
    with pytest.raises(MissingSecretError) as raised:
        KubernetesSecretsBackend(**kwargs).get_conn_value("x")
    parsed = Options.parse(kwargs)
    [entry] = inventory_of(location_of(parsed), parsed).entries
    assert str(raised.value) in entry.problems[0].text
    assert entry.shown_name == reference
    return str(raised.value).removeprefix(f"'references' in backend_kwargs names Secret {reference}, ")


def test_remedy_names_the_path_to_mount(mount: Path) -> None:
    expected = f"which does not exist. Mount it at {mount}/secrets/flat, add a manifest of it, or correct the reference"
    assert error_of("flat", path=str(mount)) == expected
    assert error_of("airflow/flat", path=str(mount), namespace="airflow") == expected


def test_a_relative_path(mount: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(mount.parent)
    assert f"Mount it at {mount}/secrets/flat, " in error_of("flat", path=mount.name)


def test_reference_to_a_file(mount: Path) -> None:
    (mount / "secrets").mkdir()
    (mount / "secrets" / "flat").write_text("hunter2")

    assert error_of("flat", path=str(mount)) == (
        f"which does not exist. {mount}/secrets/flat is a file, but a Secret for 'references' is a folder with a file "
        "for each key. Mount all keys, or correct the reference"
    )


def test_another_namespace(mount: Path) -> None:
    """Mounted Secrets are in the first namespace."""
    assert error_of("other/flat", path=str(mount), namespace="airflow") == (
        "which does not exist. Add a manifest of it, or correct the reference"
    )
