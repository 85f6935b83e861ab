"""What a source is asked."""

from __future__ import annotations

from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.labels import LabelSelector
from airflow_kubernetes_secrets.record import Record


class LabelQuery(Record):
    """The Secrets of a namespace whose label ``label`` has ``value``, which must be able to be one.

    Attributes:
        namespace: ``None`` for the one that comes with the credentials.
        absent: the label that they must not have, if any. A source may leave this out, and answer with more.
    """

    __slots__ = ("absent", "label", "namespace", "value")

    def __init__(self, namespace: str | None, label: str, value: str, absent: str | None = None) -> None:
        self.namespace = namespace
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


class NameQuery(Record):
    """The Secret of one name.

    Attributes:
        namespace: ``None`` for the one that comes with the credentials.
    """

    __slots__ = ("name", "namespace")

    def __init__(self, namespace: str | None, name: str) -> None:
        self.namespace = namespace
        self.name = name

    def matches(self, secret: Secret) -> bool:
        return secret.name == self.name

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


Query = LabelQuery | NameQuery
