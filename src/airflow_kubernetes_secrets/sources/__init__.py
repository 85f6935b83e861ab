"""Where Secrets come from. A source answers a label selector; how it does that is its own business."""

from __future__ import annotations

from typing import Protocol

from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.labels import LabelSelector


class Source(Protocol):
    """What a lookup asks."""

    @property
    def namespace(self) -> str:
        """The namespace that is looked in."""

    def find(self, selector: LabelSelector) -> list[Secret]:
        """The Secrets that match, in no particular order.

        Raises:
            KubernetesSecretsError: it could not be asked; an empty list always means that nothing matches.
        """
