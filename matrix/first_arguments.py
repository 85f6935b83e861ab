"""Print the table of usage/first_arguments.py: the hooks whose first positional argument is a connection id.

The argument is a folder with providers, such as one in which the wheels of all providers are unpacked.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill

from airflow_kubernetes_secrets.usage.first_arguments import PROVIDERS
from airflow_kubernetes_secrets.usage.signatures import Signatures


def hooks_in(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the path of each hook without the beginning ``airflow.providers.``, and its first argument."""
    signatures = Signatures((str(folder),), {})
    for file in sorted(Path(folder, *PROVIDERS.split(".")).rglob("hooks/**/*.py")):
        module = ".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.parse(file.read_bytes()).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Hook"):
                found = signatures.signature_of(f"{module}.{node.name}")
                # An abstract SQL hook has no argument of its own.
                if found is not None and found.first in found.defaults:
                    yield f"{module}.{node.name}".removeprefix(PROVIDERS), found.first


def main() -> None:
    paths: dict[str, list[str]] = defaultdict(list)
    for path, argument in hooks_in(Path(sys.argv[1])):
        paths[argument].append(path)
    for argument, found in sorted(paths.items()):
        print(fill(f"{argument}: {' '.join(found)}", 118, subsequent_indent="    ", break_long_words=False))


if __name__ == "__main__":
    main()
