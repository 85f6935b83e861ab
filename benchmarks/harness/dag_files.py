"""DAG files of many kinds, as a deployment has them: operators, TaskFlow, templates and helper modules."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from harness import dag_texts as texts

# Every 20 files define 20 DAGs: a file of the kind "many" defines two or three, and a helper module none.
_CYCLE = (
    *("classic", "flow", "plain", "classic", "many", "flow", "helper", "classic", "flow", "classic"),
    *("helper", "flow", "many", "classic", "flow", "plain", "classic", "helper", "flow", "classic"),
)
# How many different ids all DAGs use.
CONNECTIONS, VARIABLES = 200, 400
_SYSTEMS = ("orders", "billing", "crm", "stock", "web", "ledger", "returns", "prices", "partners", "payroll")
_VERBS = ("clean", "select", "sort", "merge")
_COLUMNS = ("amount", "currency", "customer", "created_at", "status", "country", "channel", "reference", "owner")


def write_dags(folder: Path, files: int) -> list[Path]:
    """Write this number of DAG files, and some files with templates that they name. Return the DAG files."""
    paths = []
    for number in range(files):
        path = folder / f"area_{number % 25}" / f"dag_{number}.py"
        (path.parent / "sql").mkdir(parents=True, exist_ok=True)
        path.write_text(_File(number).code())
        paths.append(path)
        if _has_sql_file(number):
            sql = path.parent / "sql" / f"{_system(number)}_{number}.sql"
            sql.write_text(f"CALL load_{_system(number)}({{{{ var.value.variable_{number % VARIABLES} }}}});\n" * 5)
    return paths


def _system(number: int) -> str:
    return _SYSTEMS[number % len(_SYSTEMS)]


def _has_sql_file(number: int) -> bool:
    return number % 10 == 0


class _File:
    """Makes the code of one file."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._random = random.Random(number)  # the same number always makes the same code
        self._names = {"system": _system(number), "number": number, "retries": self._random.randint(1, 5)}

    def code(self) -> str:
        """Return the code."""
        kind = _CYCLE[self._number % len(_CYCLE)]
        if kind == "helper":
            return self._helper()
        if kind == "plain":
            return self._filled([texts.PLAIN_HEADER]) + self._dag("plain", texts.PLAIN_TASKS, 3, 8)
        begin = self._filled([texts.HEADER]) + self._filled([texts.FUNCTION], 0, 3)
        if kind == "flow":
            return begin + self._flow()
        tasks = [*texts.TASKS, texts.FILE_TASK] if _has_sql_file(self._number) else texts.TASKS
        if kind == "classic":
            return begin + self._dag("classic", tasks, 3, 9)
        # The files of this kind contain two and three DAGs in turn.
        parts = 2 if self._number % len(_CYCLE) == _CYCLE.index(kind) else 3
        return begin + "".join(self._dag(f"part_{part}", tasks, 2, 4) for part in range(parts))

    def _helper(self) -> str:
        uses = self._filled(['\n\nDEFAULT_CONN_ID = "{connection}"\n']) if self._number % 3 == 0 else ""
        code = self._filled([texts.FUNCTION], 1, 5) + self._filled([texts.CLASS], 1, 3)
        return self._filled([texts.HELPER_HEADER]) + code + uses

    def _flow(self) -> str:
        return self._filled([texts.FLOW_BEGIN]) + self._filled(texts.FLOW_TASKS, 3, 8) + self._filled([texts.FLOW_END])

    def _dag(self, name: str, tasks: Sequence[str], least: int, most: int) -> str:
        self._names["name"] = name
        return self._filled([texts.DAG_BEGIN]) + self._filled(tasks, least, most)

    def _filled(self, texts: Sequence[str], least: int = 1, most: int = 1) -> str:
        """Return between ``least`` and ``most`` of these texts, with names and ids in them."""
        count = self._random.randint(least, most)
        return "".join(self._random.choice(texts).format(**self._names, **self._values(i)) for i in range(count))

    def _values(self, i: int) -> dict[str, object]:
        return {
            "i": i,
            "column": self._random.choice(_COLUMNS),
            "verb": self._random.choice(_VERBS),
            "limit": self._random.randint(2, 90),
            "connection": f"connection_{self._random.randrange(CONNECTIONS)}",
            "variable": f"variable_{self._random.randrange(VARIABLES)}",
        }
