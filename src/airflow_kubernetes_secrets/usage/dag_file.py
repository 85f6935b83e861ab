"""One file with DAG code, or with a template next to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_kubernetes_secrets.usage.templates import FILE_SUFFIXES

# A larger file is no DAG. For a file in an archive, this is the limit of the uncompressed size.
LARGEST_FILE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class DagFile:
    """One file.

    Attributes:
        path: the file; inside an archive, the archive's path and the name in it.
        team: the team for which its DAGs look ids up; ``None`` without a team.
        dags: the DAGs in it, if they are known without its code.
        problem: why the file cannot be read; empty if it can.
    """

    path: str
    code: bytes = field(default=b"", repr=False)
    team: str | None = None
    dags: tuple[str, ...] = ()
    problem: str = ""

    @property
    def is_template(self) -> bool:
        """Whether operators can render the file as a template."""
        return self.path.endswith(FILE_SUFFIXES)
