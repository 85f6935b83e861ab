"""The uses in the code of many files, and in the template files that the code names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing

from airflow_kubernetes_secrets.garbage_collection import no_garbage_collection
from airflow_kubernetes_secrets.usage.dag_file import DagFile
from airflow_kubernetes_secrets.usage.modules import Modules
from airflow_kubernetes_secrets.usage.open_ids import OpenIds
from airflow_kubernetes_secrets.usage.processes import uses_in_each
from airflow_kubernetes_secrets.usage.signatures import Signatures
from airflow_kubernetes_secrets.usage.template_files import TemplateFiles
from airflow_kubernetes_secrets.usage.uses import FoundUses


def uses_in_files(files: Iterable[DagFile], signatures: Signatures, processes: int | None = None) -> FoundUses:
    """Return what the code of many files uses.

    Args:
        processes: how many processes may parse files at the same time; by default, one for each CPU, at most 8.
    """
    found = FoundUses()
    templates, modules = TemplateFiles(), Modules()
    open_ids = OpenIds(modules)
    with closing(uses_in_each(_code_files(files, templates, modules), signatures, processes)) as results:
        for each in results:
            found.paths.add(each.path)
            if each.problem:
                found.unread[each.path] = each.problem
            found.uses += each.uses
            found.computed += each.computed
            open_ids.add(each)
            for name, position in each.template_names:
                templates.add_name(name, position)
    with no_garbage_collection():
        open_ids.add_uses_to(found, signatures, processes)
        templates.add_uses_to(found)
    return found


def _code_files(files: Iterable[DagFile], templates: TemplateFiles, modules: Modules) -> Iterator[DagFile]:
    """Yield the files with code, which are added to the modules, and add the others to the templates."""
    for file in files:
        if file.is_template:
            templates.add(file)
        else:
            modules.add(file)
            yield file
