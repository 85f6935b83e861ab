"""Private keys: where hooks read them, and whether one is encrypted, so that the hook needs its passphrase."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import NamedTuple


class PrivateKeyNames(NamedTuple):
    """Where the hooks of a connection type read a private key: the names in ``extra``.

    Attributes:
        key: the name of the key itself.
        file: the name of its path.
        passphrase: the name of its passphrase; empty if that is the password of the connection.
    """

    key: str
    file: str
    passphrase: str


# By connection type.
PRIVATE_KEYS_OF_HOOKS: Mapping[str, PrivateKeyNames] = {
    **dict.fromkeys(("ssh", "sftp", "git"), PrivateKeyNames("private_key", "key_file", "private_key_passphrase")),
    "snowflake": PrivateKeyNames("private_key_content", "private_key_file", ""),
}

_ENCRYPTED = re.compile(r"-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: *4, *ENCRYPTED", re.MULTILINE)
_OPENSSH = re.compile(r"-----BEGIN OPENSSH PRIVATE KEY-----(?P<key>[A-Za-z0-9+/=\s]+)")

# What the decoded key of OpenSSH begins with if the name of its cipher, after its length, is longer than `none`.
# https://github.com/openssh/openssh-portable/blob/V_9_9_P1/PROTOCOL.key
_WITH_CIPHER = re.compile(rb"openssh-key-v1\0\0\0\0[\x05-\x40][a-z0-9@.-]{5}")
# The beginning of the key in base64 that contains the name.
_BEGINNING = 48


def is_encrypted_key(key: object) -> bool:
    """Return whether a value is a private key that is encrypted."""
    if not isinstance(key, str):
        return False
    if _ENCRYPTED.search(key):
        return True
    found = _OPENSSH.match(key.strip())
    if found is None:
        return False
    try:
        decoded = b64decode("".join(found["key"].split())[:_BEGINNING])
    except ValueError:
        return False
    return _WITH_CIPHER.match(decoded) is not None
