"""Each hook gets everything that the Secret contains: for each file of the corpus with a hook, its client is built.

``clients.py`` builds the clients, in the environment with the providers (``requirements/hooks.txt``). It also finds the
first arguments of hooks.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_plus

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from airflow_kubernetes_secrets.usage.first_arguments import FIRST_ARGUMENTS
from support.airflow import BACKEND, ROOT
from support.corpus import CorpusFile, Recipe, corpus
from support.secrets import CONNECTION

ENVIRONMENT = ROOT / ".venv-hooks"
PROGRAM = Path(__file__).with_name("clients.py")
PASSPHRASE = "pass phrase/1"

CASES = [(file, recipe) for file in corpus() if file.hook for recipe in file.recipes]

_KEY = re.compile(r"-----BEGIN ((?:[A-Z]+ )?)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----", re.DOTALL)

# How a hook converts a field or a setting in `extra`, if it does not pass it unchanged.
Interpretation = Callable[[Any], list[str]]


def parts_of(connection_string: str) -> list[str]:
    """Return the values in a connection string of Azure that are not constants."""
    parts = dict(each.split("=", 1) for each in connection_string.strip(";").split(";"))
    return [
        parts[name] for name in ("AccountName", "AccountKey", "SharedAccessKeyName", "SharedAccessKey") if name in parts
    ]


def server_of(kubeconfig: str) -> list[str]:
    return [yaml.safe_load(kubeconfig)["clusters"][0]["cluster"]["server"]]


def account_of(key: str | Mapping[str, Any]) -> list[str]:
    fields = json.loads(key) if isinstance(key, str) else key
    return [fields["client_email"], fields["project_id"]]


def unused(_value: object) -> list[str]:
    return []


INTERPRETED: Mapping[tuple[str, str], Interpretation] = {
    ("AdminClientHook", "schema"): parts_of,
    ("WasbHook", "connection_string"): parts_of,
    ("DatabricksHook", "host"): lambda host: [host.removeprefix("https://")],
    ("DatabricksHook", "service_principal_oauth"): lambda _: ["client_credentials"],
    ("GoogleBaseHook", "keyfile_dict"): account_of,
    ("KubernetesHook", "kube_config"): server_of,
    ("MongoHook", "srv"): lambda srv: ["mongodb+srv://" if srv else "mongodb://"],
    ("RedisHook", "cluster"): lambda _: ["airflow.providers.redis.hooks.redis.RedisCluster"],
    ("GithubHook", "installation_id"): lambda number: [str(number)],
    # PyGithub refers to the key in a function that signs with it.
    ("GithubHook", "private_key"): unused,
    ("VaultHook", "use_tls"): lambda _: ["https://"],
    ("SmtpHook", "disable_ssl"): lambda _: ["smtplib.SMTP"],
    # These drivers get the parsed key. It cannot be parsed without the passphrase.
    ("SSHHook", "private_key"): lambda _: ["pkey"],
    ("SnowflakeHook", "private_key_content"): lambda _: ["private_key"],
    ("SnowflakeHook", "password"): lambda password: [] if password == PASSPHRASE else [password],
    # The hook reads the addresses of the brokers in extra only.
    ("KafkaAdminClientHook", "host"): unused,
    ("KafkaAdminClientHook", "port"): unused,
    # Parameters of Go's driver for MySQL.
    ("MySqlHook", "parseTime"): unused,
    ("MySqlHook", "timeout"): unused,
}

OTHER_HOOKS = dict.fromkeys(
    (("kubernetes-ssh-auth", "git"), ("github-actions-runner-app", "git")), "airflow.providers.git.hooks.git.GitHook"
)


def hook_of(file: CorpusFile, recipe: Recipe) -> str:
    """Return the path of the class. An alternative recipe may be for another hook than the file."""
    return OTHER_HOOKS.get((file.name, recipe.connection["conn_type"]), file.hook)


def wanted(hook: str, connection: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each part of a connection that the client must be given.

    Args:
        hook: the name of the class.
    """
    fields = {name: value for name, value in connection.items() if name not in ("conn_type", "extra")}
    extra = connection.get("extra", {})
    for name, value in [*fields.items(), *extra.items()]:
        interpretation = INTERPRETED.get((hook, name))
        texts = interpretation(value) if interpretation else leaves(value)
        if (hook, name) == ("RedisHook", "ssl") and not extra.get("cluster"):
            texts = ["connection_class=SSLConnection"]
        elif not interpretation and name in extra and isinstance(value, (bool, int)):
            texts = [f"{name}={value}"]
        for text in texts:
            yield name, with_real_keys(text)


def leaves(value: object) -> list[str]:
    """Return the strings, numbers and booleans in a value of JSON."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in leaves(each)]
    if isinstance(value, list):
        return [text for each in value for text in leaves(each)]
    return [str(value)]


def is_in(text: str, given: list[str]) -> bool:
    """Return whether a string was given, unchanged or as a part of an address."""
    addresses = [each for each in given if re.search("[:/@=]", each)]
    return text in given or any(text in decoded(each) for each in addresses for decoded in (unquote, unquote_plus))


@cache
def private_key(kind: str) -> str:
    """Return a private key in a PEM block of this kind, because drivers refuse the keys in the corpus."""
    formats = {"OPENSSH ": PrivateFormat.OpenSSH, "RSA ": PrivateFormat.TraditionalOpenSSL}
    encryption: KeySerializationEncryption = NoEncryption()
    if kind == "ENCRYPTED ":
        encryption = BestAvailableEncryption(PASSPHRASE.encode())
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, formats.get(kind, PrivateFormat.PKCS8), encryption).decode().strip()


def with_real_keys(text: str) -> str:
    """Replace each private key in a string, which may be JSON."""

    def replacement(found: re.Match[str]) -> str:
        key = private_key(found[1])
        return key.replace("\n", "\\n") if "\\n" in found[0] else key

    return _KEY.sub(replacement, text)


def write(folder: Path, conn_id: str, file: CorpusFile, recipe: Recipe) -> None:
    manifest = file.manifest("shop", conn_id, recipe.annotations)
    for key, value in manifest["data"].items():
        manifest["data"][key] = b64encode(with_real_keys(b64decode(value).decode("latin-1")).encode("latin-1")).decode()
    assert manifest["metadata"]["labels"][CONNECTION] == conn_id
    (folder / f"{conn_id}.json").write_text(json.dumps(manifest))


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the program once for both tests, because importing the providers takes most of its time."""
    if not ENVIRONMENT.exists():
        pytest.skip("the environment of requirements/hooks.txt is not installed")
    home = tmp_path_factory.mktemp("hooks")
    folder = home / "secrets"
    folder.mkdir()
    for number, (file, recipe) in enumerate(CASES):
        write(folder, f"c{number}", file, recipe)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "KUBE"))},
        "AIRFLOW_HOME": str(home / "home"),
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"path": str(folder)}),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////nowhere/at/all.db",
        "PYTHONPATH": str(ROOT / "src"),
    }
    clients = [(f"c{number}", hook_of(*case)) for number, case in enumerate(CASES)]
    done = subprocess.run(
        [str(ENVIRONMENT / "bin" / "python"), str(PROGRAM)],
        input=json.dumps({"clients": clients, "hooks": list(FIRST_ARGUMENTS)}),
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_each_client_gets_the_whole_connection(printed: dict[str, Any]) -> None:
    results = printed["clients"]

    assert len(results) == len(CASES) > 200
    problems = {}
    for (file, recipe), result in zip(CASES, results, strict=True):
        parts = wanted(hook_of(file, recipe).rpartition(".")[2], recipe.connection)
        missing = [name for name, text in parts if not is_in(text, result.get("given", []))]
        if missing:
            problems[f"{file.name}: {recipe.purpose}"] = result.get("error", missing)
    assert problems == {}, json.dumps(problems, indent=1)


def test_each_hook_takes_its_argument_first(printed: dict[str, Any]) -> None:
    """The table of the first arguments of hooks equals the classes of the providers."""
    found = printed["first_arguments"]

    assert len(found) > 100
    assert found == {path: FIRST_ARGUMENTS[path] for path in found}
