"""Constants that DAG code imports from another file of the folder or archive, as in ``from config import CONN_ID``.

A first pass over all files notes the names that are imported and used as ids. Only the files that can define these
names are parsed again, for their constants.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from airflow_kubernetes_secrets.usage.dag_code import Exports, ImportedId
from airflow_kubernetes_secrets.usage.dag_file import DagFile
from airflow_kubernetes_secrets.usage.imported_names import definers
from airflow_kubernetes_secrets.usage.optional_connections import works_without
from airflow_kubernetes_secrets.usage.processes import uses_in_each
from airflow_kubernetes_secrets.usage.signatures import Signatures
from airflow_kubernetes_secrets.usage.uses import Computed, Found, Use

# Files with constants are small. The code of these is kept in memory, up to this size.
_LARGEST_BYTES = 64 * 1024
_MOST_BYTES = 32 * 1024 * 1024

# How many files are followed that import a constant from another one.
_DEEPEST = 3

# A team, and a path in its folders.
_Key = tuple["str | None", str]
# The team and path of the file that imports a name, and the name.
_Name = tuple["str | None", str, str]


class Modules:
    """The files that other files can import constants from."""

    def __init__(self) -> None:
        self._files: dict[_Key, DagFile] = {}
        self._size = 0
        self._exports: dict[_Key, Exports | None] = {}

    def add(self, file: DagFile) -> None:
        """Add a file."""
        size = len(file.code)
        if not file.problem and size <= _LARGEST_BYTES and self._size + size <= _MOST_BYTES:
            self._files[file.team, file.path] = file
            self._size += size

    def add_uses_to(
        self, found: Found, imported: Sequence[ImportedId], signatures: Signatures, processes: int | None
    ) -> None:
        """Replace computed uses in ``found`` whose id is a constant of another file."""
        self._read_for({_name(each) for each in imported}, signatures, processes)
        uses: dict[Use, None] = {}
        known: set[Computed] = set()
        computed: set[Computed] = set()
        for each in imported:
            use = each.computed
            identifier = self._value(_name(each), _DEEPEST)
            if identifier is None or "{{" in identifier or "{%" in identifier:
                computed.add(use)
                continue
            known.add(use)
            if identifier:
                optional = each.has_default or works_without(use.kind, use.how, identifier)
                uses[Use(use.kind, identifier, use.how, use.position, optional)] = None
        found.uses += uses
        known -= computed
        found.computed = [each for each in found.computed if each not in known]

    def _read_for(self, names: set[_Name], signatures: Signatures, processes: int | None) -> None:
        """Read the constants of all files that can define these names."""
        for _ in range(_DEEPEST):
            keys = {(team, path) for team, _path, _name in names for path, _rest in definers(_path, _name)}
            new = [replace(self._files[key], wants_constants=True) for key in keys if key in self._files]
            new = [each for each in new if (each.team, each.path) not in self._exports]
            if not new:
                return
            with closing(uses_in_each(new, signatures, processes)) as results:
                for file, read in zip(new, results, strict=True):
                    self._exports[file.team, file.path] = read.exports
            names = {name for each in names for name in self._imported(each)}

    def _imported(self, name: _Name) -> Iterator[_Name]:
        """Yield the name under which a file imports a constant that another file imports from it."""
        team, importer, dotted = name
        for path, rest in definers(importer, dotted):
            first, _, others = rest.partition(".")
            exports = self._exports.get((team, path))
            if exports is not None and first in exports.imports:
                yield team, path, ".".join(filter(None, (exports.imports[first], others)))

    def _value(self, name: _Name, depth: int) -> str | None:
        """Return the string of a name; ``None`` if it is none, or if several files could define the name."""
        team, importer, dotted = name
        values: set[str | None] = set()
        for path, rest in definers(importer, dotted):
            exports = self._exports.get((team, path))
            if exports is None:
                continue
            constants = exports.constants
            # An enumeration has its string in this attribute.
            found = {constants[each] for each in (rest, rest.removesuffix(".value")) if each in constants}
            is_computed = not found and rest.partition(".")[0] in exports.names
            values |= {None} if is_computed else found
        values |= {self._value(each, depth - 1) for each in self._imported(name)} if depth else set()
        return values.pop() if len(values) == 1 else None


def _name(imported: ImportedId) -> _Name:
    position = imported.computed.position
    return position.team, position.path, imported.name
