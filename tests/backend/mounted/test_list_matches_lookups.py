"""``list`` shows for each id in a folder which file or manifest a lookup uses, or that the lookup fails."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.inventory.entries import inventory_of
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup, decide
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.manifest_texts import manifest, secret
from support.secrets import BUNDLE, CONNECTION
from support.volumes import Volume


def write(path: Path, content: str = "http://found") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def pipe(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)


def binding(path: Path) -> None:
    write(path / "type", "mysql")
    write(path / "host", "db")


def of_manifest(mount: Path, name: str) -> None:
    write(mount / "manifests" / "x.yaml", manifest("x", "http://manifest", name, labels={CONNECTION: "x"}))


def a_loop(mount: Path) -> None:
    link(mount / "connections" / "x", "x")


def a_dangling_link(mount: Path) -> None:
    link(mount / "connections" / "x", "nowhere")


def a_pipe(mount: Path) -> None:
    pipe(mount / "connections" / "x")


def a_large_file(mount: Path) -> None:
    write(mount / "connections" / "x", "x" * (9 * 1024**2))


def a_dangling_key(mount: Path) -> None:
    binding(mount / "connections" / "x")
    link(mount / "connections" / "x" / "password", "nowhere")


def a_dangling_key_of_a_binding(mount: Path) -> None:
    binding(mount / "x")
    link(mount / "x" / "password", "nowhere")


def a_link_in_a_volume(mount: Path) -> None:
    Volume(mount / "connections").write({"y": "http://found"})
    link(mount / "connections" / "x", "y")


def a_dangling_link_of_the_folder(mount: Path) -> None:
    link(mount / "connections", "nowhere")


def a_blank_file(mount: Path) -> None:
    write(mount / "connections" / "x", "")


def a_folder_without_a_known_key(mount: Path) -> None:
    write(mount / "connections" / "x" / "unknown")


def an_empty_folder(mount: Path) -> None:
    (mount / "connections" / "x").mkdir(parents=True)


def a_file(mount: Path) -> None:
    write(mount / "connections" / "x")


def nothing(mount: Path) -> None:
    mount.mkdir(exist_ok=True)


FIRST = (
    *(a_loop, a_dangling_link, a_pipe, a_large_file, a_dangling_key, a_dangling_key_of_a_binding, a_link_in_a_volume),
    *(a_dangling_link_of_the_folder, a_blank_file, a_folder_without_a_known_key, an_empty_folder, a_file, nothing),
)


def a_manifest_before(mount: Path) -> None:
    of_manifest(mount, "a")


def a_manifest_after(mount: Path) -> None:
    of_manifest(mount, "z")


def a_manifest_of_the_same_name(mount: Path) -> None:
    of_manifest(mount, "x")


def a_binding(mount: Path) -> None:
    if not (mount / "x").exists():
        binding(mount / "x")


def a_bundle(mount: Path) -> None:
    write(mount / "bundle.yaml", secret("stringData: {x: 'http://bundle'}", f"{BUNDLE}: connections"))


SECOND = (nothing, a_manifest_before, a_manifest_after, a_manifest_of_the_same_name, a_binding, a_bundle)


@pytest.mark.parametrize("second", SECOND)
@pytest.mark.parametrize("first", FIRST)
def test_list_and_lookup_select_the_same_secret(
    mount: Path, first: Callable[[Path], None], second: Callable[[Path], None]
) -> None:
    first(mount)
    second(mount)
    backend = KubernetesSecretsBackend(path=str(mount), bundles=True)
    options = Options(path=str(mount), bundles=True)
    location = location_of(options)

    try:
        value = backend.get_conn_value("x")
    except KubernetesSecretsError:
        value = None
    try:
        selected = decide(Lookup(Kind.CONNECTION, "x"), options, location.find).secret
    except KubernetesSecretsError:
        selected = None
    entries = [each for each in inventory_of(location, options).entries if each.id == "x"]

    assert [(each.namespace, each.secret) for each in entries if each.provides_value] == (
        [] if value is None or selected is None else [(selected.namespace, selected.name)]
    )
    assert all(each.provides_value or each.problems for each in entries)
