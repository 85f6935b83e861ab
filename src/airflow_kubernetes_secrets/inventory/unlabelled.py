"""Secrets that no query by label finds, because their label is misspelt, or an annotation is in its place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from airflow_kubernetes_secrets.inventory.labels_and_annotations import unknown_labels_and_annotations
from airflow_kubernetes_secrets.inventory.location import BackendLocation
from airflow_kubernetes_secrets.inventory.snapshot import namespaces_of
from airflow_kubernetes_secrets.lookup.kinds import selecting_labels
from airflow_kubernetes_secrets.messages.problem import Problem
from airflow_kubernetes_secrets.options.backend_kwargs import Options


def problems_of_unlabelled(location: BackendLocation, options: Options) -> Iterator[Problem]:
    """Yield what is wrong with the labels and annotations of Secrets that have no label by which lookups find them.

    An inventory has the problems of all other Secrets. Only metadata is read.

    Raises:
        KubernetesSecretsError: the metadata cannot be listed.
    """
    labels = selecting_labels(options)
    for resource, namespace in product(options.resources, namespaces_of(options, location)):
        for page in location.metadata(namespace, resource):
            for secret in (each.secret for each in page):
                if labels.isdisjoint(secret.labels):
                    yield from unknown_labels_and_annotations(secret, options)
