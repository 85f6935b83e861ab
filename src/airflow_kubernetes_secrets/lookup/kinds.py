"""What Airflow looks up: the kinds, each with its label, data key and pattern in the options."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

from airflow_kubernetes_secrets.kubernetes.labels import BUNDLE

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.options.accepted_values import Reference
    from airflow_kubernetes_secrets.options.backend_kwargs import Options


class Kind(Enum):
    """What Airflow looks up: a connection, a variable or a configuration option.

    Attributes:
        word: its name in messages.
        plural: its name in the options, and in the label of a bundle.
        env_prefix: the prefix of the environment variables whose names Airflow derives from ids.
    """

    CONNECTION = ("connection", "connections", "AIRFLOW_CONN_")
    VARIABLE = ("variable", "variables", "AIRFLOW_VAR_")
    CONFIG = ("configuration option", "config", "AIRFLOW__")

    def __init__(self, word: str, plural: str, env_prefix: str) -> None:
        self.word = word
        self.plural = plural
        self.env_prefix = env_prefix
        self._label = f"{plural}_label"
        self._data_key = f"{plural}_data_key"
        self._pattern = f"{plural}_lookup_pattern"

    def label(self, options: Options) -> str | None:
        """Return the label key that marks a Secret of this kind; ``None`` if nothing is looked up by label."""
        label: str | None = getattr(options, self._label)
        return label

    def data_key(self, options: Options) -> str:
        """Return the key of a Secret's data that contains the value, unless an annotation names another one."""
        key: str = getattr(options, self._data_key)
        return key

    def pattern(self, options: Options) -> str | None:
        """Return the regular expression that an id must match to be looked up; ``None`` if every id is."""
        pattern: str | None = getattr(options, self._pattern)
        return pattern

    def namespaces(self, options: Options) -> Sequence[str | None]:
        """Return the namespaces for lookups by label, in order, followed by those of teams.

        Configuration options are looked up without a team, so they are not read in the namespaces of teams.
        """
        if self.label(options) is None:
            return ()
        of_teams = () if self is Kind.CONFIG else options.team_namespaces.values()
        return (*options.namespaces, *of_teams)

    def reference(self, options: Options, identifier: str) -> Reference | None:
        """Return the Secret that the options reference for an id; ``None`` without a reference."""
        references = options.references
        return references[self.plural].get(identifier) if self.plural in references else None


def kinds_with_labels(options: Options) -> list[tuple[Kind, str]]:
    """Return the kinds that have a label, each with its label. Several kinds can have the same label."""
    return [(kind, label) for kind in Kind if (label := kind.label(options)) is not None]


def labels_of_ids(options: Options) -> tuple[str, ...]:
    """Return the labels whose values are ids, each once."""
    return tuple(dict.fromkeys(label for _kind, label in kinds_with_labels(options)))


def selecting_labels(options: Options) -> frozenset[str]:
    """Return the labels by which lookups find Secrets, including the label of bundles. A Secret needs one of them."""
    return frozenset((*labels_of_ids(options), BUNDLE))
