"""``mask_values``: which strings are masked if there are more than a masker has time for."""

from __future__ import annotations

import json
import re
from pathlib import Path

from support.airflow import Airflow
from support.masking import PROGRAM, manifest
from support.secrets import CONNECTION, VARIABLE

# Seconds, far above what is measured. Without a limit, a thousand lines did not end.
SECONDS = 20.0


def costly(folder: Path) -> dict[str, object]:
    """Write a folder with values of more strings than a masker can search for, and return the options for it."""
    folder.mkdir()
    lines = [f"line-{number:04}-".ljust(20 + number // 20, "x") for number in range(1_000)]
    extra = {f"key-{number}": f"value-{number}-".ljust(100, "x") for number in range(400)}
    connection = {
        "conn_type": "http",
        "host": "host-mark",
        "login": "login-mark",
        "password": "word-mark",
        "extra": extra,
    }
    secrets = [
        manifest("lines", {VARIABLE: "lines"}, "\n".join(lines)),
        manifest("short", {VARIABLE: "short"}, "\n".join(f"{number:08x}" for number in range(4_000))),
        manifest("leaves", {VARIABLE: "leaves"}, json.dumps([f"leaf-{number:06}" for number in range(100_000)])),
        manifest("deep", {VARIABLE: "deep"}, "[" * 100_000 + "]" * 100_000),
        manifest("long", {VARIABLE: "long"}, "x" * 1_000_000),
        manifest("wide", {VARIABLE: "wide"}, "\n".join(str(number % 10) * 800 for number in range(1_000))),
        manifest("large", {CONNECTION: "large"}, json.dumps(connection)),
    ]
    (folder / "secrets.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": secrets}))
    return {"path": str(folder), "mask_values": True}


def test_longest_strings_are_masked_first(version: str, tmp_path: Path) -> None:
    """Of a connection, the short and most important strings are masked."""
    program = f"""{PROGRAM}
import time
began = time.process_time()
lines = backend.get_variable("lines").splitlines()
for key in ("short", "leaves", "deep", "long", "wide", "lines"):
    backend.get_variable(key)
print("took", time.process_time() - began < {SECONDS})
shown = [line for line in lines if redact(line) == line]
masked = set(lines) - set(shown)
print("told", len(masked), min(map(len, masked)) >= max(map(len, shown)))
connection = backend.get_connection("large")
print("told", redact(f"{{connection.login}} {{connection.host}}"))
"""

    done = Airflow(version, tmp_path).python(program, json.dumps(costly(tmp_path / "m")))

    told = [line for line in done.stdout.splitlines() if line.startswith(("told", "took"))]
    assert told == ["took True", "told 50 True", "told *** ***"], done.stderr
    output = done.stdout + done.stderr
    for name in ("lines", "short", "leaves", "long", "wide", "large"):
        assert output.count(f"mask_values: Secret default/{name} contains more than Airflow's masker has time for") == 1


def test_size_of_the_masker_pattern_is_limited(version: str, tmp_path: Path) -> None:
    """The masker's pattern grows with each Secret of a process. If it is too large, Airflow 2.11 masks nothing more."""
    folder = tmp_path / "m"
    folder.mkdir()
    secrets = [
        manifest(
            f"s-{number}",
            {VARIABLE: f"x{number}"},
            "\n".join(f"{number:03}-{line:03}".ljust(300, "x") for line in range(60)),
        )
        for number in range(6)
    ]
    last = {"conn_type": "http", "password": "word-mark"} | {
        name: f"{name}-mark".ljust(200, "x") for name in ("host", "login", "schema")
    }
    secrets += [manifest(f"l-{number}", {VARIABLE: f"long{number}"}, f"{number}" * 15_000) for number in range(7)]
    secrets.append(manifest("last", {CONNECTION: "last"}, json.dumps(last)))
    (folder / "secrets.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": secrets}))
    program = f"""{PROGRAM}
import time
slowest = 0
for number in range(6):
    began = time.process_time()
    value = backend.get_variable(f"x{{number}}")
    slowest = max(slowest, time.process_time() - began)
print("took", slowest < {SECONDS})
print("told", any(redact(line) == "***" for line in value.splitlines()), redact("nothing of it"))
for number in range(7):
    backend.get_variable(f"long{{number}}")
connection = backend.get_connection("last")
shown = [name for name in ("host", "login", "schema") if redact(getattr(connection, name)) != "***"]
print("told", len(shown) > 0, redact(f"<{{connection.password}}>"))
"""

    done = Airflow(version, tmp_path / "home").python(program, json.dumps({"path": str(folder), "mask_values": True}))

    told = [line for line in done.stdout.splitlines() if line.startswith(("told", "took"))]
    assert told == ["took True", "told True nothing of it", "told True <***>"], done.stderr
    output = done.stdout + done.stderr
    warnings = re.findall("mask_values: this process has registered [0-9]+ characters.* Secret default/last ", output)
    assert len(warnings) == 1
