"""Decides which process of pytest-xdist runs which test: the tests of a group run in one process.

A group is what must run in one process, or a part of a module.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from support.shared import folder

_GROUPS = "groups.json"

# How many groups a module is divided into. With more of them, the processes would end at more similar times, but the
# messages about each group take CPU time.
_PARTS = 10


def parts(tests: Iterable[str]) -> dict[str, str]:
    """Return a group for each of these tests: a tenth of its module.

    The first tenths of all modules come first, then the second ones. So the tests that run at the same time are from
    different modules: if all of them waited, or all computed, the run would take longer.
    """
    modules: dict[str, list[str]] = {}
    for test in tests:
        modules.setdefault(test.partition("::")[0], []).append(test)
    numbered = [
        (number * _PARTS // len(found), module, test)
        for module, found in modules.items()
        for number, test in enumerate(found)
    ]
    numbered.sort(key=lambda each: each[0])
    return {test: f"{module} {part}" for part, module, test in numbered}


def write(groups: Mapping[str, str]) -> None:
    """Write the group of each test that has one, for the process that schedules. All processes write the same."""
    unfinished = folder() / f"groups-{os.getpid()}.json"
    unfinished.write_text(json.dumps(groups))
    unfinished.rename(folder() / _GROUPS)


class Groups(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Schedules the groups in the order of their first tests. By default, pytest-xdist starts with the largest."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    @functools.cached_property
    def _groups(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((folder() / _GROUPS).read_text())
        return found

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """Remove a group after its last test. Each decision counts all tests of a process, and there are thousands."""
        test = self.registered_collections[node][item_index]
        group = self._split_scope(test)
        work: dict[str, dict[str, bool]] = self.assigned_work[node]
        work[group][test] = True
        if all(work[group].values()):
            del work[group]
        self._reschedule(node)

    def remove_node(self, node: WorkerController) -> str | None:
        """Give the remaining tests of a process that has died to the other processes, and return the test it died in.

        That test is not run again: it would end the next process too.
        """
        work: dict[str, dict[str, bool]] = self.assigned_work.pop(node)
        for tests in work.values():
            for test, is_finished in tests.items():
                if not is_finished:
                    tests[test] = True
                    # A process that is given a scope without tests would wait for ever.
                    self.workqueue.update({scope: rest for scope, rest in work.items() if not all(rest.values())})
                    for other in self.assigned_work:
                        self._reschedule(other)
                    return test
        return None

    def _reschedule(self, node: WorkerController) -> None:
        """Assign at least two tests to a process, or make it end after its last one.

        It starts a test only when it knows the next one, or that there is none.
        """
        if node not in self.registered_collections:
            # It replaces another process and is still collecting. Afterwards, all processes are scheduled again.
            return
        super()._reschedule(node)
        if self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)

    def _split_scope(self, nodeid: str) -> str:
        return self._groups.get(nodeid, nodeid)
