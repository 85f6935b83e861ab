"""Queries to a source of Secrets."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from airflow_kubernetes_secrets.kubernetes.labels import LabelSelector
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS, Resource, Secret


class LabelQuery(msgspec.Struct, frozen=True):
    """The objects of a namespace whose label ``label`` has ``value``, which must be a valid label value.

    Attributes:
        namespace: ``None`` for the namespace of the credentials.
        identifier: the id that ``value`` represents, for sources in which names can be ids.
        absent: the label that they must not have, if any. A source may ignore this, and return more objects.
        resource: the resource that they are objects of.
    """

    namespace: str | None
    label: str
    value: str
    identifier: str
    absent: str | None = None
    resource: Resource = SECRETS

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


class NameQuery(msgspec.Struct, frozen=True):
    """The Secret with one name.

    Attributes:
        namespace: ``None`` for the namespace of the credentials.
    """

    resource: ClassVar[Resource] = SECRETS

    namespace: str | None
    name: str

    def matches(self, secret: Secret) -> bool:
        """Return whether an object is a Secret with the name of this query. The namespace is not compared."""
        return secret.resource is SECRETS and secret.name == self.name

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


Query = LabelQuery | NameQuery
