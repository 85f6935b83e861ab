"""``mask_values``: which strings of a Secret are registered with Airflow's masker, and when."""

from __future__ import annotations

import json
from pathlib import Path

from support.airflow import Airflow, installed
from support.cluster import Cluster
from support.masking import ADAPTER, PROGRAM, VARIABLES, manifests
from support.secrets import Put


def test_forked_process_registers_values_again(version: str, cluster: Cluster, tmp_path: Path) -> None:
    """Airflow clears the masker before it forks a task, whose process has the parent's Secrets in memory."""
    namespace = f"masking-{version.replace('.', '-')}"
    account = cluster.service_account(namespace, "airflow", {namespace: ["list", "watch"]})
    Put(cluster, namespace).variable("greeting", "greeting-mark")
    kwargs = {"service_account_path": str(account.folder), "cache_ttl": 60, "mask_values": True}
    program = f"""{PROGRAM}
for _ in range(4):
    assert backend.get_variable("greeting") == "greeting-mark"
print("parent", redact("greeting-mark"), redact_of_core("greeting-mark"))
reset_secrets_masker()
sys.stdout.flush()
if os.fork() == 0:
    assert backend.get_variable("greeting") == "greeting-mark"
    print("child", redact("greeting-mark"), redact_of_core("greeting-mark"))
    sys.stdout.flush()
    os._exit(0)
os.wait()
"""

    done = Airflow(version, tmp_path, cluster.pod_environment()).python(program, json.dumps(kwargs))

    assert done.stdout.splitlines()[-2:] == ["parent *** ***", "child *** ***"], done.stderr


def test_each_form_of_a_connection_is_masked(version: str, tmp_path: Path) -> None:
    """Strings of four characters are not masked, because they are frequent in a log."""
    program = f"""{PROGRAM}
print("told", redact(backend.get_conn_value("by_uri")), redact("uri-mark.example.com"))
print("told", redact(backend.get_connection("by_uri").host))
print("told", redact(backend.get_connection("my_db").host), redact("word%20mark%2F%40"), redact("mark"))
"""
    kwargs = {**manifests(tmp_path / "m"), "mask_values": True}

    done = Airflow(version, tmp_path).python(program, json.dumps(kwargs))

    told = [line for line in done.stdout.splitlines() if line.startswith("told")]
    assert told == ["told *** uri-mark.example.com", "told ***", "told *** *** mark"], done.stderr


def test_lone_surrogate_does_not_prevent_masking_of_other_values(version: str, tmp_path: Path) -> None:
    """JSON can contain half of a surrogate pair."""
    program = f"""{PROGRAM}
assert backend.get_variable("half") is not None
print("told", redact("other-mark"), redact("half-mark"))
"""
    kwargs = {**manifests(tmp_path / "m"), "mask_values": True}

    done = Airflow(version, tmp_path).python(program, json.dumps(kwargs))

    assert [line for line in done.stdout.splitlines() if line.startswith("told")] == ["told *** ***"], done.stderr


def test_error_of_the_masker_does_not_fail_a_lookup(version: str, tmp_path: Path) -> None:
    """``[logging] secret_mask_adapter`` is code of the user, and runs for each string."""
    (tmp_path / "adapters.py").write_text(ADAPTER.format("raise RuntimeError(secret)"))
    variables = {"AIRFLOW__LOGGING__SECRET_MASK_ADAPTER": "adapters.adapt", "PYTHONPATH": str(tmp_path)}
    kwargs = {**manifests(tmp_path / "m"), "mask_values": True}
    program = f"""{PROGRAM}
for key in ("greeting", "motd", "greeting"):
    print(len(backend.get_variable(key)))
"""

    done = Airflow(version, tmp_path, variables).python(program, json.dumps(kwargs))

    lengths = [str(len(VARIABLES[key])) for key in ("greeting", "motd", "greeting")]
    assert done.stdout.splitlines()[-3:] == lengths, done.stderr
    warning = (
        "mask_values: Airflow's masker did not accept the values of Secret default/variable-greeting (RuntimeError)"
    )
    assert (done.stdout + done.stderr).count(warning) == 1
    assert "greeting-mark" not in done.stdout + done.stderr


def test_a_secret_in_memory_is_registered_once(tmp_path: Path) -> None:
    """In a task, each registration is a message to the process that writes the log."""
    (tmp_path / "adapters.py").write_text(ADAPTER.format("print('registered')"))
    variables = {"AIRFLOW__LOGGING__SECRET_MASK_ADAPTER": "adapters.adapt", "PYTHONPATH": str(tmp_path)}
    kwargs = {**manifests(tmp_path / "m"), "mask_values": True}
    program = f"""{PROGRAM}
for _ in range(3):
    backend.get_variable("greeting")
"""

    done = Airflow("2.11" if installed("2.11") else "3.3", tmp_path, variables).python(program, json.dumps(kwargs))

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("registered") == 1
