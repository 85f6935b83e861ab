"""One file with DAG code, or with a template next to it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field

from airflow_kubernetes_secrets.usage.templates import FILE_SUFFIXES

# A larger file is no DAG. For a file in an archive, this is the limit of the uncompressed size.
LARGEST_DAG_FILE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class DagFile:
    """One file.

    Attributes:
        path: the file; inside an archive, the archive's path and the name in it.
        team: the team for which its DAGs look ids up; ``None`` without a team.
        dags: the DAGs in it, if they are known without its code.
        problem: why the file cannot be read; empty if it can.
        wants_constants: whether the file is parsed for its constants, and not for its uses.
    """

    path: str
    code: bytes = field(default=b"", repr=False)
    team: str | None = None
    dags: tuple[str, ...] = ()
    problem: str = ""
    wants_constants: bool = False

    @property
    def is_template(self) -> bool:
        """Whether operators can render the file as a template."""
        return self.path.endswith(FILE_SUFFIXES)


def folders_around(folder: str) -> Iterator[str]:
    """Yield a folder and those around it, from the inside."""
    yield folder
    while (outer := posixpath.dirname(folder)) != folder:
        folder = outer
        yield folder
