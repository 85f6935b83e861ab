"""Which of the processes of pytest-xdist runs which test: one runs all tests of a group; the others one at a time."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping

from xdist.scheduler import LoadScopeScheduling

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

    def _split_scope(self, nodeid: str) -> str:
        return self._groups.get(nodeid, nodeid)
