"""The report of an export: which entries have a manifest now, which have none, and why. It quotes no value."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from airflow_kubernetes_secrets.deployment.airflow_entries import STORED_KINDS
from airflow_kubernetes_secrets.kubernetes.kubectl_commands import KUBECTL
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup, shown_id
from airflow_kubernetes_secrets.messages.printable import printable

_WIDTH = 110
_WARNING = (
    "The files contain passwords, and base64 is not encryption: seal them (kubeseal, SOPS), or apply them and delete "
    "them. Keep them out of Git."
)


class ExportStatus(Enum):
    """Whether an entry is in a file now. The values are those of the report."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    NOT_WRITTEN = "not written"


@dataclass(frozen=True)
class ExportedEntry:
    """The result for one entry.

    Attributes:
        file: its path relative to the folder; empty if there is none.
        reason: why it was not written. The text is identical for all entries with the same problem.
    """

    lookup: Lookup
    status: ExportStatus
    file: str = ""
    reason: str = ""

    @property
    def is_in_file(self) -> bool:
        """Whether the entry is in a file now."""
        return self.status is not ExportStatus.NOT_WRITTEN

    def as_json(self) -> dict[str, str | None]:
        """Return the result as the JSON report shows it; docs/reference/cli.md describes it."""
        lookup = self.lookup
        return {
            "kind": lookup.kind.word,
            "id": shown_id(lookup.id),
            "team": lookup.team,
            "status": self.status.value,
            **({"file": self.file} if self.file else {}),
            **({"reason": self.reason} if self.reason else {}),
        }


@dataclass
class ExportReport:
    """What an export has done.

    Attributes:
        source: ``metadata-db``, ``env`` or the path of a file.
        directory: the output folder.
        kubectl: the command ``kubectl`` with the arguments that select the API server of lookups.
        folder: the folder that lookups read instead of an API server; ``None`` if they read none.
        entries: the result for each entry.
        notes: what will be different afterwards, and for how many entries.
        script: the script that deletes the entries from the database; ``None`` if there is none.
        server_side: whether a manifest is too large for ``kubectl apply`` without ``--server-side``.
    """

    source: str
    directory: Path
    kubectl: str = KUBECTL
    folder: str | None = None
    entries: list[ExportedEntry] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    script: Path | None = None
    server_side: bool = False

    @property
    def failed(self) -> list[ExportedEntry]:
        """The entries that are not in a file."""
        return [each for each in self.entries if not each.is_in_file]

    def counts(self, kind: Kind) -> dict[str, int]:
        """Return how many entries of a kind have each status."""
        counts = dict.fromkeys((status.value for status in ExportStatus), 0)
        for each in self.entries:
            if each.lookup.kind is kind:
                counts[each.status.value] += 1
        return counts

    def as_json(self) -> dict[str, Any]:
        """Return the report as a document; docs/reference/cli.md describes it."""
        return {
            "source": self.source,
            "directory": str(self.directory),
            **{
                kind.plural: {name.replace(" ", "_"): n for name, n in self.counts(kind).items()}
                for kind in STORED_KINDS
            },
            "entries": [each.as_json() for each in self.entries],
            "notes": list(self.notes),
            "apply": self._apply,
            "delete_script": str(self.script) if self.script else None,
            "warning": _WARNING,
        }

    def as_text(self) -> Iterator[str]:
        """Yield the lines of the report for people."""
        for kind in STORED_KINDS:
            counts = self.counts(kind)
            if any(counts.values()):
                yield f"{kind.plural}: {', '.join(f'{number} {status}' for status, number in counts.items() if number)}"
        if not self.entries:
            yield "There is nothing to export."
        if self.failed:
            yield from ("", "Not written:")
            yield from _reasons(self.failed)
        if self.notes:
            yield from ("", "Notes:")
            for note, number in self.notes.items():
                yield from _wrapped(f"{note} ({number})", "  - ")
        if len(self.failed) == len(self.entries):
            return
        yield from ("", *textwrap.wrap(_WARNING, _WIDTH))
        if self.folder is not None:
            yield from ("", f"Airflow reads {printable(self.folder)}: move the files there.")
        else:
            yield from ("", "To apply them:", f"  {self._apply}")
        if self.script:
            yield from (
                "",
                "To delete them from Airflow's database, only after 'airflow-kubernetes-secrets list' shows them:",
                f"  sh {shlex.quote(str(self.script))}",
            )

    @property
    def _apply(self) -> str:
        # Airflow's service accounts may not write, so no user is named here.
        apply = "apply --server-side" if self.server_side else "apply"
        return f"{self.kubectl} {apply} -R -f {shlex.quote(str(self.directory))}"


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
