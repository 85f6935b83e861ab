"""Files that operators render as templates, such as ``sql/load.sql``, and the places in DAG code that name them."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.usage.dag_file import DagFile, folders_around
from airflow_kubernetes_secrets.usage.optional_connections import works_without
from airflow_kubernetes_secrets.usage.templates import TemplateUse, is_template, uses_in_template
from airflow_kubernetes_secrets.usage.uses import Computed, FoundUses, Position, Use

# Packages such as dag-factory and gusty make tasks from files with their arguments.
_ARGUMENT = re.compile(
    r"""
    ^[ \t]*(?:-[ \t]+)?["']?(?P<how>(?:\w*_)?conn_id|kafka_config_id|jenkins_connection_id)["']?[ \t]*:[ \t]*
    (?P<quote>["']?)(?P<id>[^\s"'\#,{}\[\]&*|>]+)(?P=quote)
    [ \t]*,?[ \t]*(?:\#.*)?$
    """,
    re.MULTILINE | re.VERBOSE,
)
_NOTHING = ("null", "~", "None", "")

# If so many files could be meant by one name, their folder is computed. No file is said to be the one.
_MOST_CANDIDATES = 10

# If more places name a file, they are shown as one, with the DAGs of all.
_MOST_POSITIONS = 100

_NO_POSITION = Position("", 0)

# A team, and the path of a file in its folders.
_Key = tuple["str | None", str]


class TemplateFiles:
    """The template files next to DAGs, and the places that name them."""

    def __init__(self) -> None:
        self._texts: dict[_Key, tuple[DagFile, str]] = {}
        self._names: dict[tuple[str, Position], None] = {}

    def add(self, file: DagFile) -> None:
        """Add a file, if it uses connections or variables."""
        text = file.code.decode("utf-8", "replace")
        if is_template(text) or _ARGUMENT.search(_yaml_in(file.path, text)):
            self._texts[file.team, file.path] = file, text

    def add_name(self, name: str, position: Position) -> None:
        """Add the name of a file in DAG code, which may contain folders, and its position."""
        self._names[name, position] = None

    def add_uses_to(self, found: FoundUses) -> None:
        """Add the uses in the files, with the DAGs and tasks of each place that names a file.

        If no place names a file, its uses are optional, because the code may compute the name.
        """
        uses: dict[Use, None] = {}
        computed: dict[Computed, None] = {}
        named = self._named()
        for key, (file, text) in self._texts.items():
            found.paths.add(file.path)
            positions = _few(named.get(key, ()))
            for each in (*uses_in_template(text), *_arguments(file.path, text)):
                for named_at in positions or [_NO_POSITION]:
                    position = Position(file.path, each.line + 1, named_at.dags, named_at.tasks, file.team)
                    if each.id is None:
                        computed[Computed(each.kind, each.how, position)] = None
                        continue
                    optional = not positions or each.has_default or works_without(each.kind, each.how, each.id)
                    uses[Use(each.kind, each.id, each.how, position, optional)] = None
        found.uses += uses
        found.computed += computed

    def _named(self) -> dict[_Key, list[Position]]:
        """Return the places that name each file.

        Airflow searches a template in the folder of the DAG first, and then in ``template_searchpath``, which the code
        may compute. So without a file in the first one, those in the nearest folder are meant.
        """
        named: dict[_Key, list[Position]] = defaultdict(list)
        files = self._files_by_name()
        below: dict[_Key, dict[str, list[str]]] = {}
        for name, position in self._names:
            folder = posixpath.dirname(position.path)
            beside = position.team, posixpath.normpath(posixpath.join(folder, name))
            if beside in self._texts:
                named[beside].append(position)
                continue
            end = "/".join(part for part in name.split("/") if part not in ("", ".", ".."))
            key = position.team, end
            if key not in below:
                below[key] = _by_folder(files.get((position.team, posixpath.basename(end)), ()), end)
            for path in _nearest(below[key], folder):
                named[position.team, path].append(position)
        return named

    def _files_by_name(self) -> dict[_Key, list[str]]:
        files: dict[_Key, list[str]] = defaultdict(list)
        for team, path in self._texts:
            files[team, posixpath.basename(path)].append(path)
        return files


def _arguments(path: str, text: str) -> Iterator[TemplateUse]:
    """Yield the connections that are arguments in YAML. The DAG that reads the file decides if they are used."""
    text = _yaml_in(path, text)
    line, counted = 0, 0
    for match in _ARGUMENT.finditer(text):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        if match["id"] not in _NOTHING:
            yield TemplateUse(Kind.CONNECTION, match["id"], match["how"], True, line)


def _yaml_in(path: str, text: str) -> str:
    """Return a YAML file, or the YAML between two lines ``---`` at the beginning of another file, as for gusty."""
    if path.endswith((".yaml", ".yml")):
        return text
    end = text.find("\n---", 3) if text.startswith("---\n") else -1
    return text[:end] if end > 0 else ""


def _by_folder(paths: Sequence[str], end: str) -> dict[str, list[str]]:
    """Return the files whose path has this end, for each folder that contains them at any depth."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        if f"/{path}".endswith(f"/{end}"):
            for folder in folders_around(posixpath.dirname(path)):
                if len(found[folder]) <= _MOST_CANDIDATES:
                    found[folder].append(path)
    return found


def _nearest(below: dict[str, list[str]], folder: str) -> Sequence[str]:
    """Return the files in the nearest folder around a place; none if there are too many."""
    found = next((below[each] for each in folders_around(folder) if each in below), ())
    return found if len(found) <= _MOST_CANDIDATES else ()


def _few(positions: Sequence[Position]) -> Sequence[Position]:
    """Return the positions in order. Many become one, because each of them would repeat all uses in the file."""
    positions = sorted(positions, key=lambda position: (position.path, position.line))
    if len(positions) <= _MOST_POSITIONS:
        return positions
    return [Position("", 0, tuple(dict.fromkeys(dag for position in positions for dag in position.dags)))]
