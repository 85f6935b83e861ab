"""The files of a folder or archive that other files import, as in ``from config import CONN_ID``, and what they define.

Only the files that can define a name in question are parsed, for the names and constants that they have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import closing
from dataclasses import replace
from functools import cache

from airflow_kubernetes_secrets.usage import references
from airflow_kubernetes_secrets.usage.dag_file import DagFile
from airflow_kubernetes_secrets.usage.file_uses import Exports, FileUses
from airflow_kubernetes_secrets.usage.imported_names import STARS, definers, in_module
from airflow_kubernetes_secrets.usage.processes import uses_in_each
from airflow_kubernetes_secrets.usage.signatures import Signatures

# Files with constants are small. The code of these is kept in memory, up to this size.
_LARGEST_BYTES = 64 * 1024
_MOST_BYTES = 32 * 1024 * 1024

# How many files are followed that import a name from another one.
_DEEPEST = 3

# A team, and a path in its folders.
FileKey = tuple["str | None", str]
# The file that imports or defines a name, and the name.
Name = tuple[FileKey, str]


class Modules:
    """The files that other files can import from."""

    def __init__(self) -> None:
        self._files: dict[FileKey, DagFile] = {}
        self._size = 0
        self._exports: dict[FileKey, Exports | None] = {}
        self._stars: dict[FileKey, Sequence[str]] = {}
        self._definitions = cache(self._find_definitions)
        self._value = cache(self._find_value)

    def add(self, file: DagFile) -> None:
        """Add a file."""
        size = len(file.code)
        if not file.problem and size <= _LARGEST_BYTES and self._size + size <= _MOST_BYTES:
            self._files[file.team, file.path] = file
            self._size += size

    def add_stars(self, file: FileUses) -> None:
        """Add the modules from which a file imports all names."""
        if file.stars:
            self._stars[file.team, file.path] = tuple(dict.fromkeys(file.stars))

    def read_for(self, imported: Iterable[Name], signatures: Signatures, processes: int | None) -> None:
        """Read all files that can define these names."""
        names = set(imported)
        for _ in range(_DEEPEST):
            paths = {(file, path) for file, name in names for path in self._paths(file, name)}
            keys = {(team, path) for (team, importer), name in paths for path, _rest in definers(importer, name)}
            new = [replace(self._files[key], wants_constants=True) for key in keys if key in self._files]
            new = [each for each in new if (each.team, each.path) not in self._exports]
            with closing(uses_in_each(new, signatures, processes)) as results:
                for file, read in zip(new, results, strict=True):
                    self._exports[file.team, file.path] = read.exports
                    self.add_stars(read)
            names = {found for each in names for found in self._imported_again(each)}
            if not names:
                return

    def _imported_again(self, name: Name) -> Iterator[Name]:
        """Yield what the files that can define a name import for it: the name itself, or constants in its string."""
        for key, rest in self._candidates(name):
            yield from self._passed_on(key, rest)
            exports = self._exports[key]
            if exports is not None:
                texts = [exports.constants.get(rest.removesuffix(".value"), ""), *exports.several.get(rest, ())]
                yield from ((key, path) for text in texts for path in references.constants_in(text))

    def _paths(self, file: FileKey, name: str) -> Sequence[str]:
        """Return the paths that an imported name can have: one, or one for each ``from module import *``."""
        first, _, rest = name.partition(".")
        return [in_module(each, rest) for each in self._stars.get(file, ())] if first == STARS else [name]

    def _candidates(self, name: Name) -> Iterator[Name]:
        """Yield the files that can define a name that a file imports, each with the rest of the name in it."""
        (team, importer), _path = name
        for each in self._paths(*name):
            for path, rest in definers(importer, each):
                # A package that imports its module, as in `from . import config`, does not define it.
                if path != importer and self._exports.get((team, path)) is not None:
                    yield (team, path), rest

    def _passed_on(self, key: FileKey, name: str) -> Iterator[Name]:
        """Yield the names under which a file may import a name that another file imports from it."""
        exports = self._exports[key]
        first, _, others = name.partition(".")
        if exports is None or not first or first in exports.names:
            return
        if first in exports.imports:
            yield key, ".".join(filter(None, (exports.imports[first], others)))
        else:
            yield from ((key, in_module(star, name)) for star in self._stars.get(key, ()))

    def definition(self, name: Name) -> Name | None:
        """Return the file that defines a name, and the name in it; ``None`` if there are none or several."""
        found = self._definitions(name, _DEEPEST)
        return next(iter(found)) if len(found) == 1 else None

    def _find_definitions(self, name: Name, depth: int) -> Set[Name | None]:
        """Return the files that can define a name, each with the name in it; ``None`` for one that is not known."""
        found: set[Name | None] = set()
        if name[1].startswith(STARS):
            # The last module comes first. Its names replace those of the others, so its names must be known.
            for each in ((name[0], path) for path in self._paths(*name)):
                if not found and not any(self._candidates(each)):
                    return {None}
                found |= self._definitions(each, depth)
            return found
        for key, rest in self._candidates(name):
            exports = self._exports[key]
            first = rest.partition(".")[0]
            if exports is not None and first in exports.names:
                found.add((key, rest))
            for each in self._passed_on(key, rest):
                further = self._definitions(each, depth - 1) if depth else ()
                found.update(further or ([None] if exports is not None and first in exports.imports else []))
        return found

    def value(self, name: Name) -> str | None:
        """Return the string of a name; ``None`` if it is none, or if several files could define the name."""
        return self._value(name, _DEEPEST)

    def _find_value(self, name: Name, depth: int) -> str | None:
        values: set[str | None] = set()
        for each in self._definitions(name, _DEEPEST):
            key, rest = each or (name[0], "")
            exports = self._exports.get(key)
            # An enumeration has its string in this attribute.
            whole = rest.removesuffix(".value")
            text = None if exports is None else exports.constants.get(rest, exports.constants.get(whole))
            text = text if text is None or whole == rest else references.value(text)
            values.add(self.with_constants(key, text, depth - 1) if text is not None and depth else None)
        return values.pop() if len(values) == 1 else None

    def one_of_several(self, name: Name) -> Iterator[str]:
        """Yield the strings of a name that has one of several."""
        key, rest = self.definition(name) or (name[0], "")
        exports = self._exports.get(key)
        for each in () if exports is None else exports.several.get(rest, ()):
            text = self.with_constants(key, each)
            if text is not None:
                yield text

    def with_constants(self, file: FileKey, text: str, depth: int = _DEEPEST) -> str | None:
        """Return a string of a file with the values of the constants that it refers to; ``None`` if one is unknown."""
        return references.with_constants(text, lambda path: self._value((file, path), depth))
