"""``airflow-kubernetes-secrets export``: writes manifests for connections and variables that are elsewhere.

The output folder contains:

- ``connections/<Secret>.yaml`` and ``variables/<Secret>.yaml``: one Secret each.
- ``delete-from-database.sh``, for the metadata database only: one ``airflow … delete`` for each entry that is now in a
  file. Users run it when Airflow finds the entries in Kubernetes. It is a file because there may be hundreds of
  entries. Every run writes it again. It contains ids only.

The manifests contain passwords, encoded as base64 only. So they have mode 0600, and folders that the command creates
have mode 0700. A file is written whole or not at all, and never through a symbolic link. An existing manifest with
other content is only replaced with ``--force``. An existing manifest with the same content counts as moved, so that the
command can be run again.

``--team`` sets the team of entries without a team. Other entries keep theirs.

The report goes to standard output, everything else to standard error. Neither quotes a value.
"""

from __future__ import annotations

import argparse
import shlex
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_kubernetes_secrets.cli.access import options_or_defaults
from airflow_kubernetes_secrets.cli.files import FileResult, OutputFolder
from airflow_kubernetes_secrets.cli.output import counted, print_document, print_line, yaml_text
from airflow_kubernetes_secrets.deployment.entries import KINDS, AirflowEntry, SourceError
from airflow_kubernetes_secrets.deployment.other_sources import from_database, from_environment
from airflow_kubernetes_secrets.errors import OneLineError
from airflow_kubernetes_secrets.kubernetes.labels import is_label_value, is_namespace
from airflow_kubernetes_secrets.lookup.selection import Kind, Lookup, shown_id
from airflow_kubernetes_secrets.manifests.secret_manifest import NotWritableError, secret_manifest
from airflow_kubernetes_secrets.messages.printable import printable_line
from airflow_kubernetes_secrets.migration.exported_files import from_file
from airflow_kubernetes_secrets.options.backend_kwargs import Options

_DATABASE = "metadata-db"
_ENVIRONMENT = "env"
_SCRIPT = "delete-from-database.sh"
_WIDTH = 110

_EXISTS = "its file exists with other content; --force replaces it"
_NAME_CONFLICT = "another entry of this export has a Secret of the same name; rename one of them"
_WARNING = (
    "The files contain passwords, and base64 is not encryption: seal them (kubeseal, SOPS), or apply them and delete "
    "them. Keep them out of Git."
)
_HEADER = """\
#!/bin/sh
# Deletes from Airflow's metadata database what `airflow-kubernetes-secrets export` has written manifests for.
# Run it only after the manifests are applied and `airflow-kubernetes-secrets list` shows all of them.
"""


class ExportError(OneLineError):
    """The arguments cannot be used."""


@dataclass(frozen=True)
class ExportedEntry:
    """The result for one entry.

    Attributes:
        status: ``written``, ``unchanged`` or ``not written``.
        file: its path relative to the folder; empty if there is none.
        reason: why it was not written. The text is identical for all entries with the same problem.
    """

    lookup: Lookup
    status: str
    file: str = ""
    reason: str = ""

    @property
    def is_there(self) -> bool:
        """Whether the entry is in a file now."""
        return not self.reason

    def as_json(self) -> dict[str, str | None]:
        """Return the result as the JSON report shows it; docs/reference/cli.md describes it."""
        lookup = self.lookup
        return {
            "kind": lookup.kind.word,
            "id": shown_id(lookup.id),
            "team": lookup.team,
            "status": self.status,
            **({"file": self.file} if self.file else {}),
            **({"reason": self.reason} if self.reason else {}),
        }


@dataclass
class Report:
    """What the command has done.

    Attributes:
        source: the value of ``--from``.
        directory: the output folder.
        moved: the result for each entry.
        notes: what will be different afterwards, and for how many entries.
        script: the script that deletes the entries from the database; ``None`` if there is none.
    """

    source: str
    directory: Path
    moved: list[ExportedEntry] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    script: Path | None = None

    @property
    def failed(self) -> list[ExportedEntry]:
        """The entries that are not in a file."""
        return [each for each in self.moved if not each.is_there]

    def counts(self, kind: Kind) -> dict[str, int]:
        """Return how many entries of a kind have each status."""
        counts = dict.fromkeys(("written", "unchanged", "not written"), 0)
        for each in self.moved:
            if each.lookup.kind is kind:
                counts[each.status] += 1
        return counts


def run(arguments: argparse.Namespace) -> int:
    """Write the manifests.

    Returns:
        1 if some could not be written; else 0.

    Raises:
        KubernetesSecretsError: the source cannot be read, or the folder cannot be written.
    """
    _check(arguments)
    options = options_or_defaults()
    kinds = [kind for kind in KINDS if arguments.kind in (None, kind.plural)]
    # The folder is checked before the database is read, because reading takes long.
    folder = OutputFolder(arguments.output_dir)
    report = Report(arguments.source, arguments.output_dir)
    writer = _Writer(folder, options, arguments)
    for entry in counted(_entries(arguments.source, kinds), "exported"):
        moved = writer.write(entry)
        report.moved.append(moved)
        if moved.is_there:
            for note in entry.notes:
                report.notes[note] = report.notes.get(note, 0) + 1
    if arguments.source == _DATABASE:
        report.script = _write_script(folder, report)
    if arguments.report == "json":
        print_document(_as_json(report), "json")
    else:
        for line in _as_text(report):
            print_line(line)
    return 1 if report.failed else 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse invalid arguments."""
    if arguments.namespace is not None and not is_namespace(arguments.namespace):
        raise ExportError(f"--namespace {arguments.namespace!r} cannot be the name of a namespace")
    if arguments.team is not None and not is_label_value(arguments.team):
        raise ExportError(f"--team {arguments.team!r} cannot be the value of a label")


def _entries(source: str, kinds: Sequence[Kind]) -> Iterator[AirflowEntry]:
    """Yield the connections and variables of the source."""
    if source == _DATABASE:
        return from_database(kinds)
    if source == _ENVIRONMENT:
        return from_environment(kinds)
    if "://" in source:
        raise SourceError("--from does not accept a URI. Use --from metadata-db for Airflow's own database")
    return from_file(Path(source), kinds[0] if len(kinds) == 1 else None)


class _Writer:
    """Writes the manifest of each entry. Each name of a Secret is used once."""

    def __init__(self, folder: OutputFolder, options: Options, arguments: argparse.Namespace) -> None:
        self._folder = folder
        self._options = options
        self._arguments = arguments
        self._files: set[str] = set()

    def write(self, entry: AirflowEntry) -> ExportedEntry:
        """Write the manifest of an entry."""
        lookup = Lookup(entry.kind, entry.id, entry.team or self._arguments.team)
        if entry.data is None:
            return ExportedEntry(lookup, "not written", reason=entry.problem)
        data = {entry.kind.data_key(self._options): entry.data}
        try:
            manifest, _content = secret_manifest(lookup, data, self._options, namespace=self._arguments.namespace)
        except NotWritableError as error:
            return ExportedEntry(lookup, "not written", reason=str(error).removeprefix(f"{lookup}: "))
        file = f"{entry.kind.plural}/{manifest['metadata']['name']}.yaml"
        if file in self._files:
            return ExportedEntry(lookup, "not written", reason=_NAME_CONFLICT)
        self._files.add(file)
        written = self._folder.write(file, yaml_text([manifest]).encode("utf-8"), replace=self._arguments.force)
        if written is FileResult.REFUSED:
            return ExportedEntry(lookup, "not written", reason=_EXISTS)
        return ExportedEntry(lookup, written.value, file)


# The names of Airflow's commands.
_COMMANDS = {Kind.CONNECTION: "connections", Kind.VARIABLE: "variables"}


def _write_script(folder: OutputFolder, report: Report) -> Path | None:
    """Write the script that deletes the moved entries from the database; return ``None`` if nothing was moved."""
    lines = [_command(each.lookup) for each in report.moved if each.is_there]
    if not lines:
        return None
    folder.write(_SCRIPT, "\n".join([_HEADER, *lines, ""]).encode("utf-8"), replace=True, mode=0o700)
    return folder.path / _SCRIPT


def _command(lookup: Lookup) -> str:
    if "\0" in lookup.id:
        return f"# {lookup}: no command can name it. Delete it in Airflow's UI."
    # An id that begins with '-' would be read as an option.
    end = "-- " if lookup.id.startswith("-") else ""
    command = f"airflow {_COMMANDS[lookup.kind]} delete {end}"
    if printable_line(lookup.id) == lookup.id:
        return command + shlex.quote(lookup.id)
    # Readers of the file must see what it does, so an id that is not printable is encoded. The full stop protects a
    # newline at the end of the id, which $() would remove.
    return f'# {lookup}\nid=$(printf %b. {shlex.quote(_octal(lookup.id))}) && {command}"${{id%.}}"'


def _octal(identifier: str) -> str:
    """Return an id for ``printf %b``: letters and digits unchanged, and all else in octal.

    https://pubs.opengroup.org/onlinepubs/9799919799/utilities/printf.html
    """
    return "".join(
        each if each.isascii() and each.isalnum() else "".join(f"\\0{byte:03o}" for byte in each.encode("utf-8"))
        for each in identifier
    )


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "source": report.source,
        "directory": str(report.directory),
        **{kind.plural: {name.replace(" ", "_"): n for name, n in report.counts(kind).items()} for kind in KINDS},
        "entries": [each.as_json() for each in report.moved],
        "notes": list(report.notes),
        "apply": _apply(report),
        "delete_script": str(report.script) if report.script else None,
        "warning": _WARNING,
    }


def _apply(report: Report) -> str:
    return f"kubectl apply -R -f {shlex.quote(str(report.directory))}"


def _as_text(report: Report) -> Iterator[str]:
    for kind in KINDS:
        counts = report.counts(kind)
        if any(counts.values()):
            yield f"{kind.plural}: {', '.join(f'{number} {status}' for status, number in counts.items() if number)}"
    if not report.moved:
        yield "There is nothing to export."
        return
    if report.failed:
        yield from ("", "Not written:")
        yield from _reasons(report.failed)
    if report.notes:
        yield from ("", "Notes:")
        for note, number in report.notes.items():
            yield from _wrapped(f"{note} ({number})", "  - ")
    if len(report.failed) == len(report.moved):
        return
    yield from ("", *textwrap.wrap(_WARNING, _WIDTH))
    yield from ("", "To apply them:", f"  {_apply(report)}")
    if report.script:
        yield from (
            "",
            "To delete them from Airflow's database, only after 'airflow-kubernetes-secrets list' shows them:",
            f"  sh {shlex.quote(str(report.script))}",
        )


def _reasons(failed: Sequence[ExportedEntry]) -> Iterator[str]:
    """Yield each reason once, followed by the entries that were not written for it."""
    reasons: dict[str, list[str]] = {}
    for each in failed:
        reasons.setdefault(each.reason, []).append(str(each.lookup))
    for reason, names in reasons.items():
        yield from _wrapped(reason, "  - ")
        yield from _wrapped(", ".join(names), "    ")


def _wrapped(text: str, first: str) -> list[str]:
    rest = " " * len(first)
    return textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
