"""Which Secret answers, and why: every rule of choice is here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.labels import is_label_value
from airflow_kubernetes_secrets.options import Options
from airflow_kubernetes_secrets.sources.query import Query


class Kind(Enum):
    """What Airflow looks up.

    Attributes:
        word: what it is called in texts.
    """

    CONNECTION = ("connection", "connections_label", "connections_data_key")
    VARIABLE = ("variable", "variables_label", "variables_data_key")
    CONFIG = ("configuration option", "config_label", "config_data_key")

    def __init__(self, word: str, label_option: str, data_key_option: str) -> None:
        self.word = word
        self._label_option = label_option
        self._data_key_option = data_key_option

    def label(self, options: Options) -> str | None:
        """The label key that marks a Secret of this kind."""
        label: str | None = getattr(options, self._label_option)
        return label

    def data_key(self, options: Options) -> str:
        """The key in a Secret's data that holds what Airflow wants."""
        key: str = getattr(options, self._data_key_option)
        return key


class Outcome(Enum):
    """How a lookup ended; the value completes the sentence "connection 'x': …"."""

    FOUND = "found"
    SWITCHED_OFF = "its label is null in backend_kwargs, so nothing was asked"
    NOT_A_LABEL_VALUE = "the id cannot be the value of a label, so no Secret can carry it"
    NO_MATCH = "no Secret matches"
    NO_DATA_KEY = "the Secret lacks the data key"


class Lookup:
    """A question: the id as Airflow gives it, and the team that asks, if any."""

    __slots__ = ("id", "kind", "team")

    def __init__(self, kind: Kind, id: str, team: str | None = None) -> None:
        self.kind = kind
        self.id = id
        self.team = team

    def __str__(self) -> str:
        # Where a configuration option wants an id, people have put the database URI itself.
        shown = "(a URI)" if "://" in self.id else repr(self.id)
        return f"{self.kind.word} {shown}" + (f" of team {self.team!r}" if self.team else "")


class Decision:
    """The answer, with all that is needed to explain it.

    Attributes:
        query: what the source was asked; ``None`` if it was not.
        matches: the Secrets that could have answered, in order of preference; the first one does.
        data_key: the key that is read in it.
    """

    __slots__ = ("data_key", "lookup", "matches", "outcome", "query")

    def __init__(
        self,
        lookup: Lookup,
        outcome: Outcome,
        data_key: str,
        query: Query | None = None,
        matches: Sequence[Secret] = (),
    ) -> None:
        self.lookup = lookup
        self.outcome = outcome
        self.data_key = data_key
        self.query = query
        self.matches = matches

    @property
    def secret(self) -> Secret | None:
        """The Secret that answers, if one does."""
        return self.matches[0] if self.outcome is Outcome.FOUND else None


def decide(lookup: Lookup, options: Options, find: Callable[[Query], Sequence[Secret]]) -> Decision:
    """Find the Secret that answers.

    Args:
        find: the source. It may answer with more than it was asked for, and in any order.

    Raises:
        MalformedSecretError: a team's Secret lacks the data key. The global one must not stand in for it.
        KubernetesSecretsError: the source could not be asked.
    """
    kind, value, team = lookup.kind, lookup.id, lookup.team
    data_key = kind.data_key(options)
    label = kind.label(options)
    if label is None:
        return Decision(lookup, Outcome.SWITCHED_OFF, data_key)
    if not is_label_value(value):
        return Decision(lookup, Outcome.NOT_A_LABEL_VALUE, data_key)
    team_label = options.team_label
    query = Query(label, value, None if team else team_label)
    matches = [secret for secret in find(query) if query.matches(secret)]
    if matches and team and team_label is not None:
        of_team = [secret for secret in matches if secret.labels.get(team_label) == team]
        matches = of_team or [secret for secret in matches if team_label not in secret.labels]
    if not matches:
        return Decision(lookup, Outcome.NO_MATCH, data_key, query)
    if len(matches) > 1:
        matches.sort(key=lambda secret: secret.age_order)
    chosen = matches[0]
    if data_key in chosen.data:
        return Decision(lookup, Outcome.FOUND, data_key, query, matches)
    if team_label is not None and team_label in chosen.labels:
        raise MalformedSecretError(chosen.namespace, chosen.name, data_key, missing_key_text(chosen))
    return Decision(lookup, Outcome.NO_DATA_KEY, data_key, query, matches)


def missing_key_text(secret: Secret) -> str:
    """What to say of a Secret without the data key: which keys it has."""
    keys = ", ".join(map(repr, sorted(secret.data))) or "none at all"
    return f"there is no such key in its data; the keys are {keys}"
