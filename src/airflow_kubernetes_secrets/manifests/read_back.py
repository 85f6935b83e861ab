"""Whether a lookup reads a Secret that was written, or that a dry run would write."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress

from airflow_kubernetes_secrets.errors import MalformedSecretError, MissingSecretError
from airflow_kubernetes_secrets.formats.single_key import fields_of_whole
from airflow_kubernetes_secrets.inventory.cluster import Cluster
from airflow_kubernetes_secrets.inventory.content import READERS
from airflow_kubernetes_secrets.kubernetes.deadline import TimeBudget
from airflow_kubernetes_secrets.kubernetes.kubectl_commands import remove_label
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.bundles import name_with_key
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Find, Lookup, decide
from airflow_kubernetes_secrets.manifests.requested_secret import labelled_lookup
from airflow_kubernetes_secrets.manifests.secret_manifest import decide_alone
from airflow_kubernetes_secrets.messages.advice import command_lines
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.query import Query


def find_as_if_stored(cluster: Cluster, secret: Secret) -> Find:
    """Return a function that finds Secrets as if this one were stored."""

    def find(query: Query, time: TimeBudget) -> Sequence[Secret]:
        others = [each for each in cluster.find(query, time) if str(each) != str(secret)]
        is_there = cluster.namespace(query.namespace) == secret.namespace and query.matches(secret)
        return [*others, secret] if is_there else others

    return find


def why_not_selected(lookup: Lookup, options: Options, find: Find, secret: Secret) -> str:
    """Return why a lookup does not select this Secret, with the remedy; empty if it does."""
    try:
        decision = decide(lookup, options, find)
    except (MalformedSecretError, MissingSecretError) as error:
        return f"the lookup fails before it reaches the Secret: {error}"
    selected = decision.secret
    if selected is None:
        return f"Airflow does not find it: {decision.outcome}"
    if str(selected) == str(secret):
        labelled = labelled_lookup(lookup, options, selected.namespace)
        return "" if reads_the_same(labelled, secret, selected, options) else "another client has changed it since"
    if selected.bundle_key:
        return f"Secret {name_with_key(selected)} comes first in Airflow's order and is used. Remove that key"
    label = str(lookup.kind.label(options))  # `checked_manifest` has refused a kind without a label
    return (
        f"Secret {selected} comes first in Airflow's order and is used. Delete it, or remove its label:"
        + command_lines(remove_label(options.kubectl, selected.namespace, selected.name, label))
    )


def reads_the_same(lookup: Lookup, meant: Secret, result: Secret, options: Options) -> bool:
    """Return whether Airflow would read the same value from both Secrets."""
    texts = set()
    for secret in (meant, result):
        try:
            decision = decide_alone(lookup, secret, options)
            if decision.secret is None:
                return False
            texts.add(_comparable(lookup.kind, READERS[lookup.kind](decision.secret, decision.data_key)))
        except MalformedSecretError:
            return False
    return len(texts) == 1


def _comparable(kind: Kind, stored: str) -> str:
    """Return a value in a form that can be compared: a connection, which can be a URI or JSON, as sorted JSON."""
    if kind is not Kind.CONNECTION:
        return stored
    fields = fields_of_whole(stored)
    extra = fields.get("extra")
    if isinstance(extra, str) and extra:
        with suppress(ValueError, RecursionError):
            fields["extra"] = json.loads(extra)
    return json.dumps({name: value for name, value in fields.items() if value}, sort_keys=True)
