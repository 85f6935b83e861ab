"""What a source is asked."""

from __future__ import annotations

from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.labels import LabelSelector
from airflow_kubernetes_secrets.record import Record


class Query(Record):
    """The Secrets whose label ``label`` has ``value``, which must be able to be one.

    Attributes:
        absent: the label that they must not have, if any. A source may leave this out, and answer with more.
    """

    __slots__ = ("absent", "label", "value")

    def __init__(self, label: str, value: str, absent: str | None = None) -> None:
        self.label = label
        self.value = value
        self.absent = absent

    @property
    def selector(self) -> LabelSelector:
        """The same, as the API is asked."""
        selector = LabelSelector.equal(self.label, self.value)
        return selector if self.absent is None else selector.without(self.absent)

    def matches(self, secret: Secret) -> bool:
        labels = secret.labels
        return labels.get(self.label) == self.value and (self.absent is None or self.absent not in labels)

    def __str__(self) -> str:
        return str(self.selector)
