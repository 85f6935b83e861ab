"""One place in the code of a file that names a connection or variable."""

from __future__ import annotations

import ast
from typing import NamedTuple

from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.usage.frames import Frame


class Mention(NamedTuple):
    """A place that names an id: the expression with the id, or the id itself."""

    kind: Kind
    how: str
    id: ast.expr | str | None
    line: int
    frame: Frame
    has_default: bool = False
