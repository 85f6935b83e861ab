"""Queries to a source of Secrets."""

from __future__ import annotations

from airflow_kubernetes_secrets.kubernetes.labels import LabelSelector
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.kubernetes.resources import SECRETS, Resource
from airflow_kubernetes_secrets.record import Record


class LabelQuery(Record):
    """The objects of a namespace whose label ``label`` has ``value``, which must be a valid label value.

    Attributes:
        resource: the resource that they are objects of.
        namespace: ``None`` for the namespace of the credentials.
        absent: the label that they must not have, if any. A source may ignore this, and return more objects.
        identifier: the id that ``value`` represents, for sources in which names can be ids.
    """

    __slots__ = ("absent", "identifier", "label", "namespace", "resource", "value")

    def __init__(
        self,
        namespace: str | None,
        label: str,
        value: str,
        absent: str | None = None,
        *,
        identifier: str | None = None,
        resource: Resource = SECRETS,
    ) -> None:
        self.resource = resource
        self.namespace = namespace
        self.identifier = value if identifier is None else identifier
        self.label = label
        self.value = value
        self.absent = absent

    @property
    def selector(self) -> LabelSelector:
        """The label selector for the API."""
        selector = LabelSelector.equal(self.label, self.value)
        return selector if self.absent is None else selector.without(self.absent)

    def matches(self, secret: Secret) -> bool:
        """Return whether an object has the resource and the labels of this query. The namespace is not compared."""
        labels = secret.labels
        return (
            labels.get(self.label) == self.value
            and (self.absent is None or self.absent not in labels)
            and secret.resource is self.resource
        )

    def __str__(self) -> str:
        return str(self.selector)


class NameQuery(Record):
    """The Secret with one name.

    Attributes:
        namespace: ``None`` for the namespace of the credentials.
    """

    __slots__ = ("name", "namespace")

    resource = SECRETS

    def __init__(self, namespace: str | None, name: str) -> None:
        self.namespace = namespace
        self.name = name

    def matches(self, secret: Secret) -> bool:
        """Return whether an object is a Secret with the name of this query. The namespace is not compared."""
        return secret.resource is SECRETS and secret.name == self.name

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


Query = LabelQuery | NameQuery
