"""Which Secret answers, and why: every rule of choice is here."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.labels import LabelSelector, is_label_value
from airflow_kubernetes_secrets.options import Options


class Kind(Enum):
    """What Airflow looks up; the value is the word for it in texts."""

    CONNECTION = "connection"
    VARIABLE = "variable"
    CONFIG = "configuration option"

    def label(self, options: Options) -> str | None:
        """The label key that marks a Secret of this kind."""
        return {
            Kind.CONNECTION: options.connections_label,
            Kind.VARIABLE: options.variables_label,
            Kind.CONFIG: options.config_label,
        }[self]

    def data_key(self, options: Options) -> str:
        """The key in a Secret's data that holds what Airflow wants."""
        return {
            Kind.CONNECTION: options.connections_data_key,
            Kind.VARIABLE: options.variables_data_key,
            Kind.CONFIG: options.config_data_key,
        }[self]


class Outcome(Enum):
    """How a lookup ended; the value completes the sentence "connection 'x': …"."""

    FOUND = "found"
    SWITCHED_OFF = "its label is null in backend_kwargs, so nothing was asked"
    NOT_A_LABEL_VALUE = "the id cannot be the value of a label, so no Secret can carry it"
    NO_MATCH = "no Secret matches"
    NO_DATA_KEY = "the Secret lacks the data key"


class Lookup(NamedTuple):
    """A question: the id as Airflow gives it, and the team that asks, if any."""

    kind: Kind
    id: str
    team: str | None = None

    def __str__(self) -> str:
        # Where a configuration option wants an id, people have put the database URI itself.
        shown = "(a URI)" if "://" in self.id else repr(self.id)
        return f"{self.kind.value} {shown}" + (f" of team {self.team!r}" if self.team else "")


class Decision(NamedTuple):
    """The answer, with all that is needed to explain it.

    Attributes:
        selector: what the source was asked; ``None`` if it was not.
        matches: the Secrets that could have answered, in order of preference; the first one does.
        data_key: the key that is read in it.
    """

    lookup: Lookup
    outcome: Outcome
    data_key: str
    selector: LabelSelector | None = None
    matches: tuple[Secret, ...] = ()

    @property
    def secret(self) -> Secret | None:
        """The Secret that answers, if one does."""
        return self.matches[0] if self.outcome is Outcome.FOUND else None


def decide(lookup: Lookup, options: Options, find: Callable[[LabelSelector], list[Secret]]) -> Decision:
    """Find the Secret that answers.

    A lookup for a team takes the team's Secret, else one that is no team's; a lookup without a team never sees
    a team's. Of several, the oldest, then the first by name.

    Args:
        find: asks the source; it is called once, or not at all.

    Raises:
        MalformedSecretError: the team's Secret lacks the data key. The global one must not stand in for it.
        KubernetesSecretsError: the source could not be asked.
    """
    data_key = lookup.kind.data_key(options)
    label = lookup.kind.label(options)
    if label is None:
        return Decision(lookup, Outcome.SWITCHED_OFF, data_key)
    if not is_label_value(lookup.id):
        return Decision(lookup, Outcome.NOT_A_LABEL_VALUE, data_key)
    selector = LabelSelector.equal(label, lookup.id)
    if options.team_label is not None and not lookup.team:
        selector = selector.without(options.team_label)
    # A proxy on the way could drop the query, and every Secret of the namespace would be an answer.
    found = [secret for secret in find(selector) if selector.matches(secret.labels)]
    matches = _in_order(found, options.team_label, lookup.team)
    if not matches:
        return Decision(lookup, Outcome.NO_MATCH, data_key, selector)
    chosen = matches[0]
    if data_key in chosen.data:
        return Decision(lookup, Outcome.FOUND, data_key, selector, matches)
    if options.team_label is not None and options.team_label in chosen.labels:
        raise MalformedSecretError(chosen.namespace, chosen.name, data_key, missing_key_text(chosen))
    return Decision(lookup, Outcome.NO_DATA_KEY, data_key, selector, matches)


def missing_key_text(secret: Secret) -> str:
    """What to say of a Secret without the data key: which keys it has."""
    keys = ", ".join(map(repr, sorted(secret.data))) or "none at all"
    return f"there is no such key in its data; the keys are {keys}"


def _in_order(found: list[Secret], team_label: str | None, team: str | None) -> tuple[Secret, ...]:
    """Those that may answer: the team's if there are any, else those of no team."""
    if team_label is not None:
        of_team = [secret for secret in found if secret.labels.get(team_label) == team]
        found = of_team or [secret for secret in found if team_label not in secret.labels]
    return tuple(sorted(found, key=lambda secret: secret.age_order))
