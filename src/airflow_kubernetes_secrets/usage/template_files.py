"""Files that operators render as templates, such as ``sql/load.sql``, and the places in DAG code that name them."""

from __future__ import annotations

from collections import defaultdict

from airflow_kubernetes_secrets.usage.dag_file import DagFile
from airflow_kubernetes_secrets.usage.optional_connections import works_without
from airflow_kubernetes_secrets.usage.templates import is_template, uses_in_template
from airflow_kubernetes_secrets.usage.uses import Computed, Found, Position, Use


class TemplateFiles:
    """The template files next to DAGs, and the places that name them."""

    def __init__(self) -> None:
        self._texts: list[tuple[DagFile, str]] = []
        self._places: dict[str, list[tuple[list[str], Position]]] = defaultdict(list)

    def add(self, file: DagFile) -> None:
        """Add a file, if it uses connections or variables."""
        text = file.code.decode("utf-8", "replace")
        if is_template(text):
            self._texts.append((file, text))

    def add_place(self, name: str, place: Position) -> None:
        """Add a place in DAG code with the name of a file, which may contain folders."""
        parts = [each for each in name.split("/") if each not in ("", ".", "..")]
        if parts:
            self._places[parts[-1]].append((parts, place))

    def add_uses_to(self, found: Found) -> None:
        """Add the uses in the files, with the DAGs and tasks of each place that names a file.

        If no place names a file, its uses are optional, because the code may compute the name.
        """
        uses: dict[Use, None] = {}
        computed: dict[Computed, None] = {}
        for file, text in self._texts:
            found.paths.add(file.path)
            places = self._places_of(file)
            line, counted = 1, 0
            for each in uses_in_template(text):
                line += text.count("\n", counted, each.offset)
                counted = each.offset
                for place in places or [Position("", 0)]:
                    position = Position(file.path, line, place.dags, place.tasks, file.team)
                    if each.id is None:
                        computed[Computed(each.kind, each.how, position)] = None
                        continue
                    optional = not places or each.has_default or works_without(each.kind, each.how, each.id)
                    uses[Use(each.kind, each.id, each.how, position, optional)] = None
        found.uses += uses
        found.computed += computed

    def _places_of(self, file: DagFile) -> list[Position]:
        """Return the places of the same team that name a file, or the end of its path."""
        path = file.path.split("/")
        named = self._places.get(path[-1], ())
        found = [place for parts, place in named if path[-len(parts) :] == parts and place.team == file.team]
        return sorted(found, key=lambda place: (place.path, place.line))
