"""The names that Python code imports, and the files that can define them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice

from airflow_kubernetes_secrets.usage.dag_file import folders_around
from airflow_kubernetes_secrets.usage.dotted_names import is_installed

# A search is enough to find the files that DAGs import, and faster than a parser.
_IMPORT = re.compile(
    rb"""
    ^[ \t]*
    (?: from[ \t]+(?P<module>[.\w]+)[ \t]+import\b (?P<names>[ \t]*\([^()]*|[^\n(]*)
      | import\b (?P<modules>[^\n]*) )
    """,
    re.MULTILINE | re.VERBOSE,
)
_FIRST_NAME = re.compile(r"(?:^|,)[\s(]*([.\w]+)")
_COMMENT = re.compile(r"#[^\n]*")

# Begins the path of a name if several `from module import *` of the file can define it. The file has the modules.
STARS = "*"

# Limits on the time for a file. Real names have fewer parts (`a.b.c` has three), and real files are in fewer folders.
# A name with more parts counts as that of an installed package.
_MOST_PARTS = 10
# Of the folders around a file, only so many are searched, the innermost ones.
MOST_FOLDERS = 50


def imported_names(code: bytes) -> Iterator[str]:
    """Yield the modules and names that code imports, such as ``helpers.load`` or ``..config.DB``.

    Those of Airflow and of the standard library are not included.
    """
    for match in _IMPORT.finditer(code):
        module = (match["module"] or b"").decode("utf-8", "replace")
        if not is_installed(module.partition(".")[0]):
            separator = "." if module.strip(".") else ""
            text = (match["names"] or match["modules"] or b"").decode("utf-8", "replace")
            for name in _FIRST_NAME.findall(_COMMENT.sub("", text)) or ["*"]:
                if module or not is_installed(name.partition(".")[0]):
                    yield f"{module}{separator}{name}"


def in_module(module: str, name: str) -> str:
    """Return the path of a name that a file imports from a module, such as ``.config`` or ``..``."""
    return f"{module}{'' if module.endswith('.') else '.'}{name}"


@lru_cache(maxsize=4096)
def definers(importer: str, name: str) -> Sequence[tuple[str, str]]:
    """Return the files that can define a name that a file imports, each with the rest of the name in it.

    Python imports from the folder of DAGs. This is one of the folders around the file.
    """
    level = len(name) - len(name.lstrip("."))
    parts = name[level:].split(".")
    if len(parts) > _MOST_PARTS:
        return ()
    folders = list(islice(folders_around(posixpath.dirname(importer)), MOST_FOLDERS))
    folders = folders[level - 1 : level] if level else folders
    return [
        (posixpath.join(folder, *parts[:length]) + ending, ".".join(parts[length:]))
        for length in range(len(parts) - 1, -1 if level else 0, -1)
        for folder in folders
        for ending in ((".py", "/__init__.py") if length else ("/__init__.py",))
    ]
