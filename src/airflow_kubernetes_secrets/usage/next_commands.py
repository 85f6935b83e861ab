"""The commands to run next: ``put`` for an id that nothing provides, ``export`` for ids that other sources provide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_kubernetes_secrets.deployment.hidden_entries import DATABASE, ENVIRONMENT, SOURCES
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.manifests.requested_secret import namespace_for, why_not_read
from airflow_kubernetes_secrets.manifests.secret_manifest import why_no_team_label
from airflow_kubernetes_secrets.messages.advice import command_lines
from airflow_kubernetes_secrets.messages.printable import printable, shell_word
from airflow_kubernetes_secrets.options.backend_kwargs import Options

_PROGRAM = "airflow-kubernetes-secrets"

_WORDS = {ENVIRONMENT: "the environment", DATABASE: "the metadata database"}

# `put` does not get these arguments: its namespace is that of the Secret, and users write with their own accounts.
_ARGUMENTS_WITHOUT_PUT = ("--namespace", "--as")


@dataclass(frozen=True)
class NextCommand:
    """A command to run next. As a string, it is a message with the command in a line of its own.

    Attributes:
        purpose: what the command does, as the beginning of a sentence.
        text: the command.
    """

    purpose: str
    text: str

    def __str__(self) -> str:
        return f"{self.purpose}:{command_lines(self.text)}"


@dataclass(frozen=True)
class NoCommand:
    """The reason why no command is shown.

    Attributes:
        reason: the reason, with the remedy.
    """

    reason: str

    def __str__(self) -> str:
        return f"No command is shown: {self.reason}"


@dataclass(frozen=True)
class NextCommands:
    """Makes commands for a shell. Each id in them is one word, whatever it contains.

    Attributes:
        options: the options of lookups.
        access: the arguments that name the API server, the namespace and the user, each with its value.
        dags: the arguments that name the DAGs, each with its value.
        default_namespace: the namespace of queries that name none; ``None`` for a folder.
        why_no_export: why ``export --missing`` would search other namespaces than these lookups, with the remedy; empty
            if both search the same namespaces.
    """

    options: Options
    access: Sequence[tuple[str, str]] = ()
    dags: Sequence[tuple[str, str]] = ()
    default_namespace: str | None = None
    why_no_export: str = ""

    def put(self, lookup: Lookup) -> NextCommand | NoCommand:
        """Return the command that creates the Secret of an id, or prints its manifest if lookups read a folder."""
        options, team = self.options, lookup.team
        if team and team not in options.team_namespaces and (reason := why_no_team_label(team, options)):
            # Without the label, lookups of all teams read Secrets without a team, unless the options forbid it.
            if options.team_label is not None or not options.team_fallback:
                return NoCommand(reason)
            team = None
        given = {flag: value for flag, value in self.access if flag not in _ARGUMENTS_WITHOUT_PUT}
        # The command may run elsewhere, with credentials that have another namespace.
        namespace = namespace_for(lookup, options) or self.default_namespace
        if namespace is not None and (options.path is None or "--namespace" in dict(self.access)):
            given["--namespace"] = namespace
        value = ("--uri" if lookup.kind is Kind.CONNECTION else "--value", "-")
        as_manifest = [] if options.path is None else [("--dry-run", "client"), ("--output", "yaml")]
        arguments = [value, *([("--team", team)] if team else []), *given.items(), *as_manifest]
        if not _can_be_shown(lookup.id):
            return NoCommand(
                "the id has characters that a command cannot show. If they are a mistake, correct the DAGs"
            )
        if unseen := _unseen(arguments):
            return unseen
        words, word = _words(arguments), shell_word(lookup.id)
        # An id that begins with '-' would be read as an option.
        words = [*words, "--", word] if word.startswith("-") else [word, *words]
        return NextCommand(self.put_purpose(1), " ".join([_PROGRAM, "put", lookup.kind.name.lower(), *words]))

    def put_purpose(self, count: int) -> str:
        """Return what the commands of :meth:`put` for this many ids do."""
        if self.options.path is not None:
            return f"To print {'its manifest' if count == 1 else 'their manifests'} for {printable(self.options.path)}"
        return f"To create {'its Secret' if count == 1 else 'their Secrets'}"

    def export(self, lookup: Lookup, origin: str, owner: str | None) -> NextCommand | NoCommand:
        """Return the command that writes manifests for all ids that DAGs use, no Secret has, and an origin provides.

        Args:
            lookup: one of these ids.
            origin: ``environment`` or ``metadata-db``.
            owner: the team that the id belongs to there; ``None`` if it belongs to no team.
        """
        reason = self.why_no_export or why_not_read(owner, lookup.team, self.options)
        if reason:
            return NoCommand(reason)
        given = dict(self.access)
        if (
            self.options.path is None
            and (namespace := self.options.namespaces[0] or self.default_namespace) is not None
        ):
            given["--namespace"] = namespace
        arguments = [("--from", SOURCES[origin]), *self.dags, ("--output-dir", "secrets"), *given.items()]
        return _unseen(arguments) or NextCommand(
            f"To write manifests for all ids that DAGs use, that no Secret has, and that {_WORDS[origin]} provides",
            " ".join([_PROGRAM, "export", "--missing", *_words(arguments)]),
        )


def _can_be_shown(text: str) -> bool:
    """Return whether a command can contain a string unchanged. If not, the command would name something else."""
    return printable(text) == text


def _unseen(arguments: Sequence[tuple[str, str]]) -> NoCommand | None:
    """Return that a command cannot be shown, if one of its arguments cannot; else ``None``."""
    flag = next((flag for flag, value in arguments if not _can_be_shown(value)), None)
    if flag is None:
        return None
    return NoCommand(f"{flag} has characters that a command cannot show. Use a value with printable characters only")


def _words(arguments: Sequence[tuple[str, str]]) -> list[str]:
    """Return flags and values as words of a shell. A value that begins with '-' must be in one word with its flag."""
    return [
        shell_word(f"{flag}={value}") if value.startswith("-") and value != "-" else f"{flag} {shell_word(value)}"
        for flag, value in arguments
    ]
