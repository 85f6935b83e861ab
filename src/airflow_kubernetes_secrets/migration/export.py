"""Write manifests for connections and variables that are in Airflow's database or environment, or in a file.

The output folder contains:

- ``connections/<Secret>.yaml`` and ``variables/<Secret>.yaml``: one Secret each, for one entry or as a bundle.
- ``delete-from-database.sh``, for the metadata database only: one ``airflow … delete`` for each entry that is now in a
  file. Users run it when Airflow finds the entries in Kubernetes. It is a file because there may be hundreds of
  entries. Each run replaces it. It contains ids only.

The manifests contain passwords, encoded as base64 only. So they have mode 0600, and folders that the command creates
have mode 0700. A file is written whole or not at all, and never through a symbolic link. An existing manifest with
other content is only replaced if ``replace`` is set. An existing manifest with the same content counts as moved, so
that the command can be run again. Other manifests in the folder can be of an export from another source, so they stay,
and the report names them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_kubernetes_secrets.backend.airflow_versions import has_teams
from airflow_kubernetes_secrets.deployment.airflow_entries import AirflowEntry, SourceError
from airflow_kubernetes_secrets.deployment.hidden_entries import DATABASE, ENVIRONMENT, SOURCES
from airflow_kubernetes_secrets.deployment.other_sources import IN_LOWER_CASE, from_database, from_environment
from airflow_kubernetes_secrets.errors import OneLineError
from airflow_kubernetes_secrets.kubernetes.labels import (
    LABEL_VALUE_RULE,
    NAMESPACE_RULE,
    is_data_key,
    is_label_value,
    is_namespace,
)
from airflow_kubernetes_secrets.kubernetes.manifest_files import MANIFEST_SUFFIXES
from airflow_kubernetes_secrets.lookup.bundles import env_name_of, key_for
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.manifests.secret_manifest import (
    NotWritableError,
    bundle_manifest,
    bundle_name,
    check_entry,
    secret_manifest,
)
from airflow_kubernetes_secrets.manifests.yaml_text import yaml_text
from airflow_kubernetes_secrets.messages.listing import first_names
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.migration.deletion_script import SCRIPT_NAME, deletion_script
from airflow_kubernetes_secrets.migration.export_report import ExportedEntry, ExportReport, ExportStatus
from airflow_kubernetes_secrets.migration.exported_files import from_file
from airflow_kubernetes_secrets.migration.output_folder import FileResult, OutputFolder
from airflow_kubernetes_secrets.migration.required_ids import RequiredId, RequiredIds
from airflow_kubernetes_secrets.options.backend_kwargs import Options

# The largest size of a bundle as JSON. `kubectl apply` copies a Secret to an annotation, and Kubernetes accepts 256 KiB
# of annotations. `kubectl apply --server-side` does not copy it.
_LARGEST_BUNDLE = 240 * 1024
_SERVER_SIDE = "kubectl needs --server-side for a Secret of this size, because it would copy it to an annotation"

_EXISTS = "its file exists with other content; --force replaces it"
_NOT_SWITCHED_ON = "lookups read bundles only if bundles is true in backend_kwargs, which it is not here"
_USED_BY_OTHERS = (
    "these entries have no team in the database, and some teams that use them would not read the new Secrets, so "
    f"{SCRIPT_NAME} does not delete the entries"
)
_SCRIPT_REPLACED = (
    f"the {SCRIPT_NAME} of an earlier export was replaced. Entries that only the earlier script contained stay in the "
    "database"
)
_NAME_CONFLICT = "another entry of this export has a Secret of the same name; rename one of them"


class ExportError(OneLineError):
    """The arguments cannot be used."""


@dataclass(frozen=True)
class ExportRequest:
    """What is exported, and where to.

    Attributes:
        source: ``metadata-db``, ``env`` or the path of a file that Airflow's export commands wrote.
        kinds: the kinds of entries.
        directory: the output folder.
        namespace: the namespace in the manifests; ``None`` for manifests without one.
        team: the team of entries without a team; ``None`` if they stay without one. Other entries keep theirs.
        replace: whether to replace an existing manifest with other content.
        in_bundles: whether to write bundles. An entry whose id cannot be a key of a bundle still has its own Secret.
        required: the ids to export; ``None`` exports all.

    Raises:
        ExportError: the namespace or the team is invalid.
    """

    source: str
    kinds: Sequence[Kind]
    directory: Path
    namespace: str | None = None
    team: str | None = None
    replace: bool = False
    in_bundles: bool = False
    required: Sequence[RequiredId] | None = None

    def __post_init__(self) -> None:
        if self.namespace is not None and not is_namespace(self.namespace):
            raise ExportError(f"--namespace {self.namespace!r} cannot be the name of a namespace. Use {NAMESPACE_RULE}")
        if self.team is not None and not is_label_value(self.team):
            raise ExportError(f"--team {self.team!r} cannot be the value of a label. Use {LABEL_VALUE_RULE}")


class Export:
    """Writes the manifest of each entry, or bundles. Each name of a Secret is used once."""

    def __init__(self, request: ExportRequest, options: Options) -> None:
        """Check the folder, before the database is read, because that takes long.

        Raises:
            FolderError: the output folder is not a folder, or cannot be read.
        """
        self._request = request
        self._options = options
        self._folder = OutputFolder(request.directory)
        self._report = ExportReport(request.source, request.directory, options.kubectl, options.path)
        self._files: set[str] = set()
        # The entries without a team that get the team of the request.
        self._given_to_team: set[tuple[Kind, str]] = set()
        # The entries of bundles by key, for each kind and team.
        self._bundles: dict[tuple[Kind, str | None], dict[str, tuple[Lookup, bytes]]] = {}
        self._required = None if request.required is None else RequiredIds(request.required, request.source, options)

    def entries(self) -> Iterator[AirflowEntry]:
        """Return the required connections and variables of the source.

        Raises:
            SourceError: the source cannot be read.
        """
        entries = self._source_entries()
        if self._required is None:
            return entries
        return (each for entry in entries for each in self._required.exported_as(entry))

    def _source_entries(self) -> Iterator[AirflowEntry]:
        """Return all connections and variables of the source.

        Raises:
            SourceError: the source cannot be read.
        """
        source, kinds = self._request.source, self._request.kinds
        if source == SOURCES[DATABASE]:
            return from_database(kinds)
        if source == SOURCES[ENVIRONMENT]:
            return from_environment(kinds)
        if "://" in source:
            raise SourceError("--from does not accept a URI. Use --from metadata-db for Airflow's own database")
        return from_file(Path(source), kinds[0] if len(kinds) == 1 else None)

    def write(self, entry: AirflowEntry) -> None:
        """Write the manifest of an entry, and add the result to the report. An entry of a bundle is written at the end.

        Raises:
            FolderError: the file cannot be written.
        """
        result = self._bundled(entry) if self._request.in_bundles else self._written(entry)
        if result is not None:
            self._report.entries.append(result)
        if result is None or result.is_in_file:
            # In a bundle, the key is the name of the variable, so the case of the id does not matter.
            for note in (each for each in entry.notes if result is not None or each != IN_LOWER_CASE):
                self._report.notes[note] = self._report.notes.get(note, 0) + 1

    def finish(self) -> ExportReport:
        """Write the bundles, and the script that deletes the moved entries from the database. Return the report.

        Raises:
            FolderError: a file cannot be written.
        """
        report = self._report
        bundled = self._write_bundles()
        # If lookups do not read bundles, an entry in a bundle must stay in the database.
        deletable = [*report.entries, *bundled] if self._options.bundles else report.entries
        self._write_script([each.lookup for each in deletable if each.is_in_file])
        report.entries = [*report.entries, *bundled]
        if bundled and not self._options.bundles:
            report.notes[_NOT_SWITCHED_ON] = len(bundled)
        self._note_skipped_and_other_files()
        return report

    def _write_bundles(self) -> list[ExportedEntry]:
        """Write the bundles, and return the result for each entry in them."""
        written: list[ExportedEntry] = []
        for (kind, team), entries in self._bundles.items():
            for number, part in enumerate(_parts(entries), 1):
                name = bundle_name(kind, team, number)
                manifest = bundle_manifest(part, self._options, namespace=self._request.namespace, name=name)
                status, file, reason = self._write(kind, manifest)
                written += (ExportedEntry(lookup, status, file, reason) for lookup, _data in part.values())
        return written

    def _write_script(self, moved: Sequence[Lookup]) -> None:
        """Write the script that deletes entries from the database, except those that other teams still need.

        Args:
            moved: the entries that lookups find in Secrets once the manifests are applied.
        """
        if self._request.source != SOURCES[DATABASE]:
            return
        deleted = [each for each in moved if not self._is_used_by_others(each)]
        if len(deleted) < len(moved):
            self._report.notes[_USED_BY_OTHERS] = len(moved) - len(deleted)
        has_script = (self._folder.path / SCRIPT_NAME).exists()
        # An earlier script is also replaced if nothing may be deleted any more.
        if deleted or (moved and has_script):
            content = deletion_script(deleted).encode("utf-8")
            result = self._folder.write(SCRIPT_NAME, content, replace=True, mode=0o700)
            self._report.script = self._folder.path / SCRIPT_NAME if deleted else None
            # With --missing, entries that already have a Secret are skipped, so the new script lacks them.
            if has_script and self._required is not None and result is not FileResult.UNCHANGED:
                self._report.notes[_SCRIPT_REPLACED] = 1

    def _note_skipped_and_other_files(self) -> None:
        """Add notes about entries that the environment provides, and about files of earlier exports."""
        notes = self._report.notes
        if self._required is not None and (names := sorted(set(self._required.in_environment))):
            text = f"Airflow reads these from the environment, so this export skips them: {_few(names)}"
            remedy = "To export them, use --from env, and apply the manifests before you run this command again"
            notes[f"{text}. {remedy}"] = len(names)
        others = self._folder.files(MANIFEST_SUFFIXES) if self._files else []
        if others := [name for name in others if name not in self._files]:
            text = (
                f"the folder has files that this export has not written, and kubectl applies them too: {_few(others)}"
            )
            notes[f"{text}. Delete those of an earlier export that you do not need"] = len(others)

    def _written(self, entry: AirflowEntry) -> ExportedEntry:
        """Write the manifest of an entry, and return the result."""
        lookup = self._lookup_of(entry)
        if entry.data is None:
            return ExportedEntry(lookup, ExportStatus.NOT_WRITTEN, reason=entry.problem)
        data = {entry.kind.data_key(self._options): entry.data}
        try:
            manifest, _content = secret_manifest(lookup, data, self._options, namespace=self._request.namespace)
        except NotWritableError as error:
            return ExportedEntry(lookup, ExportStatus.NOT_WRITTEN, reason=str(error).removeprefix(f"{lookup}: "))
        return ExportedEntry(lookup, *self._write(entry.kind, manifest))

    def _bundled(self, entry: AirflowEntry) -> ExportedEntry | None:
        """Add an entry to its bundle. Return the result if it cannot be in one; ``None`` if it will be written."""
        key = key_for(entry.kind, entry.id)
        if self._request.source == SOURCES[ENVIRONMENT]:
            # The key is the name of the variable, so a lookup finds the id whatever its case.
            name = env_name_of(entry.kind, entry.id)
            key = name if is_data_key(name) else None
        if key is None or entry.data is None:
            return self._written(entry)
        lookup = self._lookup_of(entry)
        entries = self._bundles.setdefault((entry.kind, lookup.team), {})
        if key in entries:
            return ExportedEntry(lookup, ExportStatus.NOT_WRITTEN, reason=_NAME_CONFLICT)
        try:
            name = bundle_name(entry.kind, lookup.team, 1)
            check_entry(lookup, key, entry.data, self._options, namespace=self._request.namespace, name=name)
        except NotWritableError as error:
            return ExportedEntry(lookup, ExportStatus.NOT_WRITTEN, reason=str(error).removeprefix(f"{lookup}: "))
        entries[key] = (lookup, entry.data)
        return None

    def _lookup_of(self, entry: AirflowEntry) -> Lookup:
        """Return the lookup that the Secret of an entry is for."""
        lookup = Lookup(entry.kind, entry.id, entry.team or self._request.team)
        if lookup.team != entry.team:
            self._given_to_team.add((entry.kind, entry.id))
        return lookup

    def _is_used_by_others(self, lookup: Lookup) -> bool:
        """Return whether the database's entry belongs to no team, and some lookups do not read its Secret."""
        if lookup.team is None:
            return not self._options.team_fallback and has_teams()
        return lookup.team == self._request.team and (lookup.kind, lookup.id) in self._given_to_team

    def _write(self, kind: Kind, manifest: Mapping[str, Any]) -> tuple[ExportStatus, str, str]:
        """Write a manifest. Return the status, the file and the reason of :class:`ExportedEntry`."""
        file = f"{kind.plural}/{manifest['metadata']['name']}.yaml"
        if file in self._files:
            return ExportStatus.NOT_WRITTEN, "", _NAME_CONFLICT
        self._files.add(file)
        written = self._folder.write(file, yaml_text([manifest]).encode("utf-8"), replace=self._request.replace)
        if written is FileResult.REFUSED:
            return ExportStatus.NOT_WRITTEN, "", _EXISTS
        if len(json.dumps(manifest)) > _LARGEST_BUNDLE:
            self._report.server_side = True
            self._report.notes[_SERVER_SIDE] = self._report.notes.get(_SERVER_SIDE, 0) + 1
        return ExportStatus.UNCHANGED if written is FileResult.UNCHANGED else ExportStatus.WRITTEN, file, ""


def _few(names: Sequence[str]) -> str:
    return first_names(map(printable, names), len(names))


def _parts(entries: Mapping[str, tuple[Lookup, bytes]]) -> Iterator[dict[str, tuple[Lookup, bytes]]]:
    """Yield the entries in parts, each of which is small enough for one bundle, or is one entry."""
    part: dict[str, tuple[Lookup, bytes]] = {}
    size = 0
    for key, (lookup, data) in entries.items():
        length = len(key) + len(data) * 4 // 3 + len('"":"==",')
        if part and size + length > _LARGEST_BUNDLE:
            yield part
            part, size = {}, 0
        part[key] = (lookup, data)
        size += length
    if part:
        yield part
