"""Manifests with a variable as a person writes them, and files as an editor saves them."""

from __future__ import annotations

import json
from pathlib import Path

from support.secrets import VARIABLE

PASSWORD = "hunter2"


def manifest(key: str, value: str, name: str | None = None, **more: object) -> str:
    """Return a Secret with a variable, as a YAML document."""
    metadata = {"name": name or key, "labels": {VARIABLE: key}, **more}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"value": value}}
    return f"---\n{json.dumps(secret)}\n"


def secret(rest: str, labels: str = f"{VARIABLE}: x") -> str:
    """Return a Secret named x with more lines of YAML, by default with the label of a variable."""
    return f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n  labels: {{{labels}}}\n{rest}\n"


def many_aliases(levels: int) -> str:
    """Return lines of YAML aliases: each repeats the line before nine times, which gives 9**levels strings in total."""
    lines = ["a0: &a0 hunter2"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels + 1)]
    return "\n".join(lines)


def replace(path: Path, text: str) -> None:
    """Replace a file as editors do: write a new file next to it, then rename that."""
    (path.parent / ".new").write_text(text)
    (path.parent / ".new").replace(path)
