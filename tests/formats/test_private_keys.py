"""Private keys, their passphrases, and the keys of servers for SSH."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from support.connection_secrets import Read, extra_of
from support.listing import problems_in

LOGIN = {"username": "u", "password": "p"}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PLAIN = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
ENCRYPTED = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw")).decode()
OLD_ENCRYPTED = KEY.private_bytes(
    Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"pw")
).decode()
OPENSSH = KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
# `ssh-keygen -N` writes the name of the cipher in the place of `none`.
OPENSSH_ENCRYPTED = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABAAAAAA\n"
    "-----END OPENSSH PRIVATE KEY-----\n"
)


@pytest.mark.parametrize(
    ("conn_type", "data", "entry"),
    [
        ("snowflake", {"account": "a", "user": "u", "private_key_path": "/k.p8"}, "extra-private_key_file"),
        ("ssh", {"host": "h", "user": "u", "id_rsa": "/k"}, "extra-key_file"),
    ],
)
def test_the_path_of_a_private_key(tmp_path: Path, conn_type: str, data: dict[str, str], entry: str) -> None:
    [problem] = [
        each for each in problems_in(tmp_path, data, connection_type=conn_type) if each.code == "half-connection"
    ]

    assert entry in problem.text


@pytest.mark.parametrize(
    ("conn_type", "key", "data", "is_reported"),
    [
        ("ssh", OLD_ENCRYPTED, {}, True),
        ("sftp", OPENSSH_ENCRYPTED, {}, True),
        ("ssh", ENCRYPTED, {"password": "pw"}, True),
        ("ssh", ENCRYPTED, {"private_key_passphrase": "pw"}, False),
        ("ssh", ENCRYPTED, {"passphrase": "pw"}, False),
        ("ssh", ENCRYPTED, {"key-passphrase": "pw"}, True),
        ("ssh", OPENSSH, {}, False),
        ("snowflake", ENCRYPTED, {"account": "a"}, True),
        ("snowflake", ENCRYPTED, {"account": "a", "password": "pw"}, False),
        ("snowflake", ENCRYPTED, {"account": "a", "private_key_passphrase": "pw"}, False),
        ("snowflake", PLAIN, {"account": "a"}, False),
    ],
)
def test_an_encrypted_private_key(
    tmp_path: Path, conn_type: str, key: str, data: dict[str, str], is_reported: bool
) -> None:
    given = {"username": "u", "private_key": key, **({"host": "h"} if conn_type != "snowflake" else {}), **data}
    found = [each for each in problems_in(tmp_path, given, connection_type=conn_type) if each.code == "half-connection"]

    assert any("encrypted" in each.text for each in found) == is_reported
    assert bool(found) == is_reported


def test_a_private_key_of_snowflake_in_one_line(read: Read) -> None:
    for data in (
        {"account": "a", "username": "u", "private_key": PLAIN.replace("\n", "\\n"), "type": "snowflake"},
        {"account": "a", "user": "u", "warehouse": "w", "private_key": PLAIN.replace("\n", "\\n")},
    ):
        assert extra_of(read, data)["private_key_content"].strip() == PLAIN.strip()


HOST_KEYS = "# h:22 SSH-2.0-OpenSSH\nh ssh-rsa AAAA\nh ssh-ed25519 BBBB\n"


@pytest.mark.parametrize(
    ("known_hosts", "host_key"),
    [
        (HOST_KEYS, "ssh-ed25519 BBBB"),
        ("[h]:2222 ecdsa-sha2-nistp256 AAAA comment", "ecdsa-sha2-nistp256 AAAA"),
        ("|1|c2FsdA==|aGFzaA== ssh-rsa AAAA", "ssh-rsa AAAA"),
        (f"{HOST_KEYS}g ssh-rsa CCCC\n", None),
        ("h ssh-dss AAAA", None),
        ("/etc/known_hosts", None),
    ],
)
def test_host_key_of_an_ssh_server(read: Read, tmp_path: Path, known_hosts: str, host_key: str | None) -> None:
    data = {"host": "h", "username": "u", "private_key": PLAIN, "known_hosts": known_hosts}

    assert extra_of(read, data, connection_type="ssh").get("host_key") == host_key
    found = problems_in(tmp_path, data, connection_type="ssh")
    assert [each.code for each in found] == ([] if host_key else ["unused-settings"])
    assert all("'known_hosts'" in each.text and "host_key" in each.text for each in found)


@pytest.mark.parametrize("conn_type", ["ssh", "sftp"])
def test_a_private_key_without_a_login(tmp_path: Path, conn_type: str) -> None:
    data = {"host": "h", "private_key": PLAIN}
    [problem] = problems_in(tmp_path, data, connection_type=conn_type)

    assert "has a private key and no login" in problem.text
    assert problems_in(tmp_path, data, connection_type=conn_type, connection_login="u") == []


@pytest.mark.parametrize("conn_type", ["ssh", "sftp"])
@pytest.mark.parametrize("name", ["id_rsa", "id_ed25519", "id_ecdsa", "identity"])
def test_a_private_key_with_the_name_of_its_file(read: Read, tmp_path: Path, conn_type: str, name: str) -> None:
    data = {"host": "h", "username": "u", name: PLAIN.rstrip()}

    assert extra_of(read, data, connection_type=conn_type) == {"private_key": PLAIN}
    assert problems_in(tmp_path, data, connection_type=conn_type) == []
