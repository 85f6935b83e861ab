"""A program gets a port that no client gets, and another one if that port is taken anyway."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import ports
from support.kube_apiserver import KubeApiserver, assets
from support.ports import HOST, AddressInUseError, failure, free_ports, held_port, on_free_ports


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(params=["kube-apiserver"])
def programs() -> Path:
    """Return the folder with a real kube-apiserver. Without it the tests are skipped."""
    folder = assets()
    assert folder is not None
    return folder


def test_ports_are_free_distinct_and_outside_the_client_range() -> None:
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())

    found = free_ports(50)

    assert len(set(found)) == 50
    assert not [port for port in found if first <= port <= last]
    for port in found:
        socket.create_server((HOST, port)).close()


@pytest.mark.parametrize(("text", "count"), [("1024\t65535\n", 55_536), ("10000 65534", 1), ("32768 60999", 27_304)])
def test_client_port_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, count: int) -> None:
    """If that range has all ports, there is no better choice."""
    (tmp_path / "range").write_text(text)
    monkeypatch.setattr(ports, "_OF_CLIENTS", tmp_path / "range")

    assert len(ports._candidates()) == count


def test_start_is_retried_with_other_ports_if_one_is_in_use() -> None:
    tried: list[int] = []

    def start(port: int) -> str:
        tried.append(port)
        if len(tried) < 3:
            raise AddressInUseError
        return f"at {port}"

    assert on_free_ports(1, start) == f"at {tried[-1]}"
    assert len(set(tried)) == 3


def test_retries_are_limited() -> None:
    tried: list[int] = []

    def start(port: int) -> None:
        tried.append(port)
        raise AddressInUseError(f"port {port}")

    with pytest.raises(AddressInUseError, match="port"):
        on_free_ports(1, start)
    assert 2 <= len(tried) <= 10


@pytest.mark.parametrize(
    ("log", "in_use"),
    [
        ("listen tcp 127.0.0.1:10000: bind: address already in use", True),
        ('LOG:  could not bind IPv4 address "127.0.0.1": Address already in use', True),
        ("[Errno 98] error while attempting to bind on address ('127.0.0.1', 10000): address already in use", True),
        ("permission denied", False),
    ],
)
def test_messages_about_ports_in_use(log: str, in_use: bool) -> None:
    assert isinstance(failure("it ended", log), AddressInUseError) is in_use


def test_held_port_is_available_only_with_reuse_port() -> None:
    """A connection is refused while no process listens."""
    with held_port() as held:
        port = held.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            socket.create_server((HOST, port))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HOST, port))
        with (
            socket.create_server((HOST, port), reuse_port=True) as server,
            socket.create_connection((HOST, port)) as client,
        ):
            accepted, address = server.accept()
            accepted.close()
            assert address == client.getsockname()


def test_port_of_etcd_in_use(programs: Path, taken: int) -> None:
    """Nothing of the failed attempt remains for the next one."""
    server = KubeApiserver(programs)
    try:
        for _ in range(2):
            # With port 0, a kube-apiserver of 1.36 would end before etcd.
            server.port, peer_port = free_ports(2)
            with pytest.raises(AddressInUseError, match="etcd"):
                server._start(taken, peer_port)
            assert server._etcd is None
            assert not (server.directory / "etcd").exists()
    finally:
        server.stop()
    assert not server.directory.exists()
