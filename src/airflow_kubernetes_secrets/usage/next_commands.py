"""The commands that come next: one creates the Secret of an id, and one moves ids into Secrets that others provide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_kubernetes_secrets.deployment.hidden_entries import DATABASE, ENVIRONMENT
from airflow_kubernetes_secrets.lookup.selection import Kind, Lookup
from airflow_kubernetes_secrets.messages.printable import printable, shell_word
from airflow_kubernetes_secrets.options.backend_kwargs import Options

_PROGRAM = "airflow-kubernetes-secrets"

# The places as the argument --from of `export` names them, and in words.
_SOURCES = {ENVIRONMENT: "env", DATABASE: "metadata-db"}
_WORDS = {ENVIRONMENT: "the environment", DATABASE: "the metadata database"}


@dataclass(frozen=True)
class NextCommand:
    """A command that comes next. As a string, it is a message with the command in a line of its own.

    Attributes:
        purpose: what the command does, as the beginning of a sentence.
        text: the command.
    """

    purpose: str
    text: str

    def __str__(self) -> str:
        return f"{self.purpose}:\n  {self.text}"


@dataclass(frozen=True)
class NextCommands:
    """Makes commands for a shell. Each id in them is one word, whatever it contains.

    Attributes:
        options: the options of lookups.
        access: the arguments that name the API server, the namespace and the user, each with its value.
        dags: the arguments that name the DAGs, each with its value.
    """

    options: Options
    access: Sequence[tuple[str, str]] = ()
    dags: Sequence[tuple[str, str]] = ()

    def put(self, lookup: Lookup) -> NextCommand | None:
        """Return the command that creates the Secret of an id, or prints its manifest if lookups read a folder.

        ``None`` if a character of the id or the team is not printable, because the command would name another id.
        """
        team = [("--team", lookup.team)] if lookup.team and self._can_own(lookup.team) else []
        if any(printable(each) != each for each in (lookup.id, *(name for _flag, name in team))):
            return None
        value = ("--uri" if lookup.kind is Kind.CONNECTION else "--value", "-")
        as_manifest = [] if self.options.path is None else [("--dry-run", "client"), ("--output", "yaml")]
        arguments = _words([value, *team, *self.access, *as_manifest])
        word = shell_word(lookup.id)
        # An id that begins with '-' would be read as an option.
        words = [*arguments, "--", word] if word.startswith("-") else [word, *arguments]
        return NextCommand(self.put_purpose(1), " ".join([_PROGRAM, "put", lookup.kind.name.lower(), *words]))

    def put_purpose(self, count: int) -> str:
        """Return what the commands of :meth:`put` for this many ids do."""
        if self.options.path is not None:
            return f"To print {'its manifest' if count == 1 else 'their manifests'} for {printable(self.options.path)}"
        return f"To create {'its Secret' if count == 1 else 'their Secrets'}"

    def export(self, place: str) -> NextCommand:
        """Return the command that writes manifests for all ids that DAGs use, no Secret has, and a place provides.

        Args:
            place: ``environment`` or ``metadata-db``.
        """
        given = dict(self.access)
        if self.options.path is None and self.options.namespaces[0] is not None:
            given["--namespace"] = self.options.namespaces[0]
        dags = [(flag, value) for flag, value in self.dags if flag != "--team" or self._can_own(value)]
        words = _words([("--from", _SOURCES[place]), *dags, ("--output-dir", "secrets"), *given.items()])
        return NextCommand(
            f"To write manifests for what DAGs use, no Secret has, and {_WORDS[place]} provides",
            " ".join([_PROGRAM, "export", "--missing", *words]),
        )

    def _can_own(self, team: str) -> bool:
        """Return whether a Secret can belong to a team. If not, lookups of the team use Secrets without a team."""
        return self.options.team_label is not None or team in self.options.team_namespaces


def _words(arguments: Sequence[tuple[str, str]]) -> list[str]:
    """Return flags and values as words of a shell. A value that begins with '-' must be in one word with its flag."""
    return [
        shell_word(f"{flag}={value}") if value.startswith("-") and value != "-" else f"{flag} {shell_word(value)}"
        for flag, value in arguments
    ]
