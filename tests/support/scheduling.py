"""Which of the processes of pytest-xdist runs which test: one runs all tests of a group; the others one at a time."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from support.shared import folder

_GROUPS = "groups.json"


def write(groups: Mapping[str, str]) -> None:
    """Tell the process that schedules the group of each test that has one. All processes tell the same."""
    unfinished = folder() / f"groups-{os.getpid()}.json"
    unfinished.write_text(json.dumps(groups))
    unfinished.rename(folder() / _GROUPS)


class Groups(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """The largest group first, and at the end what is in none."""

    @functools.cached_property
    def _groups(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((folder() / _GROUPS).read_text())
        return found

    def remove_node(self, node: WorkerController) -> str | None:
        """Give the rest of the work of a process that has died to the others.

        Without what it has done: another one would be told of no test to run, and wait without end.
        """
        work = self.assigned_work[node]
        for scope in [scope for scope, tests in work.items() if all(tests.values())]:
            del work[scope]
        crashed: str | None = super().remove_node(node)
        return crashed

    def _reschedule(self, node: WorkerController) -> None:
        """Have the process know two tests at least. It begins with one when it knows the next one."""
        super()._reschedule(node)
        if self.workqueue and self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)

    def _split_scope(self, nodeid: str) -> str:
        return self._groups.get(nodeid, nodeid)
