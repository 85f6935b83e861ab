"""What the code of one file uses, and what it leaves open until all files are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

from airflow_kubernetes_secrets.usage.calls import Function, Passed
from airflow_kubernetes_secrets.usage.uses import Computed, Position, Use


class OpenId(NamedTuple):
    """A use whose id refers to a constant of another file, or to a parameter.

    Attributes:
        use: the use, which is also one of the computed uses.
        text: the id with its references.
        is_optional: whether the use may work without the entry, or the code uses only one of several ids.
        is_computed_too: whether the place stays one of the computed uses when this id is known.
    """

    use: Computed
    text: str
    is_optional: bool
    is_computed_too: bool = False


class FollowedCall(NamedTuple):
    """A call that can pass an id.

    Attributes:
        function: the line of the function in the same file, or the path of an imported one, such as ``helpers.load``.
    """

    function: int | str
    passed: Passed
    position: Position


class Exports(NamedTuple):
    """What other files can import from a file.

    Attributes:
        constants: the strings, by names such as ``Ids.DB``; they can refer to constants of other files.
        several: the strings of names that have one of several.
        imports: the path of each name that the file itself imports.
        names: all other names that it sets, with and without a constant.
    """

    constants: Mapping[str, str]
    several: Mapping[str, Sequence[str]]
    imports: Mapping[str, str]
    names: Set[str]


class FileUses(NamedTuple):
    """What the code of one file uses.

    Attributes:
        problem: why the file could not be read or parsed; empty if it was.
        team: the team that its DAGs belong to.
        stars: the modules of ``from module import *``, the last one first.
        parameters: the parameters for connection ids that calls can pass by position, each as a use of the argument.
        template_names: the strings that may name files with templates, each with its position.
        open: the uses whose id has references.
        functions: the functions that the references name.
        calls: the calls of these functions, and those of functions and classes of other files.
        default_arguments: the arguments that ``default_args`` of a DAG may set; ``None`` if they may set any argument.
        exports: the constants of the file, if ``DagFile.wants_constants``; ``None`` if not.
    """

    path: str
    problem: str = ""
    team: str | None = None
    stars: Sequence[str] = ()
    uses: Sequence[Use] = ()
    computed: Sequence[Computed] = ()
    template_names: Sequence[tuple[str, Position]] = ()
    open: Sequence[OpenId] = ()
    parameters: Sequence[OpenId] = ()
    functions: Sequence[Function] = ()
    calls: Sequence[FollowedCall] = ()
    default_arguments: Set[str] | None = frozenset()
    exports: Exports | None = None
