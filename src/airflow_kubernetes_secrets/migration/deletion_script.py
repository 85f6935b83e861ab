"""The script that deletes exported entries from Airflow's metadata database. It contains ids only."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.messages.printable import printable_line

SCRIPT_NAME = "delete-from-database.sh"

_HEADER = """\
#!/bin/sh
# Deletes from Airflow's metadata database what `airflow-kubernetes-secrets export` has written manifests for.
# Run it only after the manifests are applied and `airflow-kubernetes-secrets list` shows all of them.
"""

# The names of Airflow's commands.
_COMMANDS = {Kind.CONNECTION: "connections", Kind.VARIABLE: "variables"}


def deletion_script(lookups: Iterable[Lookup]) -> str:
    """Return a script for ``sh`` that deletes these connections and variables."""
    return "\n".join([_HEADER, *map(command, lookups), ""])


def command(lookup: Lookup) -> str:
    """Return the lines that delete one entry."""
    if "\0" in lookup.id:
        return f"# {lookup}: no command can name it. Delete it in Airflow's UI."
    # An id that begins with '-' would be read as an option.
    end = "-- " if lookup.id.startswith("-") else ""
    delete = f"airflow {_COMMANDS[lookup.kind]} delete {end}"
    if printable_line(lookup.id) == lookup.id:
        return delete + shlex.quote(lookup.id)
    # An id that is not printable is encoded, so that a terminal shows the script as it is. The full stop protects a
    # newline at the end of the id, which $() would remove.
    return f'# {lookup}\nid=$(printf %b. {shlex.quote(_octal(lookup.id))}) && {delete}"${{id%.}}"'


def _octal(identifier: str) -> str:
    """Return an id for ``printf %b``: letters and digits unchanged, and all else in octal.

    https://pubs.opengroup.org/onlinepubs/9799919799/utilities/printf.html
    """
    return "".join(
        each if each.isascii() and each.isalnum() else "".join(f"\\0{byte:03o}" for byte in each.encode("utf-8"))
        for each in identifier
    )
