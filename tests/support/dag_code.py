"""Finds the uses in code that a test contains."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.usage.dag_file import DagFile
from airflow_kubernetes_secrets.usage.dag_sources import uses_in_folders
from airflow_kubernetes_secrets.usage.many_files import uses_in_files
from airflow_kubernetes_secrets.usage.signatures import Signatures
from airflow_kubernetes_secrets.usage.uses import FoundUses

IMPORTS = """
import os
from airflow import DAG
from airflow.hooks.base import BaseHook
from airflow.models import Connection, Variable
from airflow.decorators import dag, task, task_group
from airflow.utils.task_group import TaskGroup
from operators import Op
"""

NOTHING_INSTALLED = Signatures(())


def found_in(code: str, signatures: Signatures = NOTHING_INSTALLED) -> FoundUses:
    return found_in_bytes((IMPORTS + dedent(code)).encode(), signatures)


def found_in_bytes(code: bytes, signatures: Signatures = NOTHING_INSTALLED) -> FoundUses:
    return uses_in_files([DagFile("dag.py", code)], signatures)


def found_in_files(folder: Path, files: Mapping[str, str]) -> FoundUses:
    """Write files into a folder, and return what the DAGs in it use."""
    for name, code in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(code)
    return uses_in_folders([folder], None, lambda things, _done: things)


def connections(found: FoundUses) -> list[str]:
    return [use.id for use in found.uses if use.kind is Kind.CONNECTION]


def variables(found: FoundUses) -> list[str]:
    return [use.id for use in found.uses if use.kind is Kind.VARIABLE]
