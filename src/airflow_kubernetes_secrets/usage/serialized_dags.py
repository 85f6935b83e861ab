"""The connections and variables in a serialized DAG.

It contains the values of the fields that Airflow renders as templates, as the DAG's code has computed them. So it has
ids that the code alone does not show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.usage.optional_connections import works_without
from airflow_kubernetes_secrets.usage.signatures import ENDS_OF_ARGUMENTS, names_connection
from airflow_kubernetes_secrets.usage.syntax import DOCUMENTATION
from airflow_kubernetes_secrets.usage.templates import is_template, uses_in_template
from airflow_kubernetes_secrets.usage.uses import Computed, FoundUses, Position, Use


class SerializedMention(NamedTuple):
    """A value that names an id. The id is ``None`` if it is only known when the template is rendered."""

    kind: Kind
    how: str
    id: str | None
    task: str
    is_optional: bool = False


class SerializedDag(NamedTuple):
    """The uses in a serialized DAG.

    Attributes:
        path: the file that defines it.
    """

    id: str
    path: str
    team: str | None
    mentions: Sequence[SerializedMention]


def serialized_dag(id: str, path: str, team: str | None, data: Mapping[str, Any]) -> SerializedDag:
    """Return the uses in a serialized DAG."""
    return SerializedDag(id, path, team, list(_mentions(data)))


def add_serialized(dags: Iterable[SerializedDag], found: FoundUses) -> None:
    """Add the uses in serialized DAGs that the code does not show.

    A computed use is removed from ``found`` if the serialized DAGs contain its ids.
    """
    shown = {
        (use.kind, use.id, dag, task, use.position.team)
        for use in found.uses
        for dag in use.position.dags
        for task in use.position.tasks or ("",)
    }
    known: set[tuple[str, str | None, str, str]] = set()
    for dag in dags:
        for each in dag.mentions:
            known.add((dag.id, dag.team, each.task, each.how))
            if each.id is not None and (each.kind, each.id, dag.id, each.task, dag.team) not in shown:
                position = Position(dag.path, 0, (dag.id,), (each.task,) if each.task else (), dag.team)
                found.uses.append(Use(each.kind, each.id, each.how, position, each.is_optional))
        known -= {(dag.id, dag.team, each.task, each.how) for each in dag.mentions if each.id is None}
    found.computed = [each for each in found.computed if not _is_known(each, known)]


def _is_known(computed: Computed, known: Set[tuple[str, str | None, str, str]]) -> bool:
    """Return whether the serialized DAGs contain the ids of a computed use."""
    position = computed.position
    keys = {(dag, position.team, task, computed.how) for dag in position.dags for task in position.tasks}
    return bool(keys) and keys <= known


def _mentions(data: Mapping[str, Any]) -> Iterator[SerializedMention]:
    dag = data.get("dag")
    if not isinstance(dag, dict):
        return
    yield from _mentions_in_value(dag.get("default_args"), "")
    tasks = dag.get("tasks")
    for task in tasks if isinstance(tasks, list) else ():
        fields = task.get("__var", task) if isinstance(task, dict) else None
        if isinstance(fields, dict):
            yield from _mentions_in_value(fields, str(fields.get("task_id", "")))


def _mentions_in_value(value: object, task: str) -> Iterator[SerializedMention]:
    """Yield the ids in the fields of a task, and in everything that they contain."""
    # Thousands of DAGs have hundreds of thousands of strings, so no function is called for one without an id.
    pending = [value]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            items: Iterable[tuple[str, object]] = value.items()
        elif isinstance(value, list):
            items = (("", each) for each in value)
        else:
            continue
        inner = []
        for name, each in items:
            if isinstance(each, str):
                is_rendered = "{{" in each or "{%" in each
                if (is_rendered or name.endswith(ENDS_OF_ARGUMENTS)) and name not in DOCUMENTATION:
                    yield from _mentions_in_text(name, each, task, is_rendered=is_rendered)
            elif isinstance(each, (dict, list)) and name not in DOCUMENTATION:
                inner.append(each)
        pending += reversed(inner)


def _mentions_in_text(name: str, text: str, task: str, *, is_rendered: bool) -> Iterator[SerializedMention]:
    """Yield the ids in one field that is a string."""
    if is_template(text):
        for use in uses_in_template(text):
            yield SerializedMention(use.kind, use.how, use.id, task, use.has_default)
    if text and names_connection(name):
        optional = works_without(Kind.CONNECTION, name, text)
        yield SerializedMention(Kind.CONNECTION, name, None if is_rendered else text, task, optional)
