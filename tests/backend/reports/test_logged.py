"""What a report of a log line shows of the functions that run meanwhile: no token and no value."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from types import FrameType

import pytest

from support.cluster import Cluster, ServiceAccount
from support.errors import PACKAGE, shown
from support.reports import CASES, Case
from support.secrets import MakeBackend
from support.servers import on_the_devserver


class Stack(logging.Handler):
    """Reads the variables of all functions that run while a line is logged, as some log reports do."""

    def __init__(self, hidden: set[str]) -> None:
        super().__init__()
        self._hidden = hidden
        self.lines = 0
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += 1
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            if PACKAGE in frame.f_code.co_filename:
                texts = "\n".join(shown(frame.f_locals))
                self.found += [f"{frame.f_code.co_filename}:{frame.f_lineno}" for each in self._hidden if each in texts]
            frame = frame.f_back


@on_the_devserver
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_while_a_line_is_logged(
    case: Case, cluster: Cluster, account: ServiceAccount, namespace: str, make_backend: MakeBackend
) -> None:
    manifest = case.manifest(namespace)
    cluster.apply(manifest)
    manifest["metadata"]["name"] = "another"
    manifest["metadata"]["annotations"]["airflow.apache.org/unknown"] = "x"
    cluster.apply(manifest)
    stack = Stack({*case.hidden, account.token})
    log = logging.getLogger("airflow_kubernetes_secrets")
    log.addHandler(stack)
    try:
        with suppress(Exception):
            case.look(make_backend(**case.options))
    finally:
        log.removeHandler(stack)
    assert stack.lines
    assert stack.found == []
