"""Checks of the Secrets: whether they can be read, and whether those exist that Airflow's own options name."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

from airflow_kubernetes_secrets.backend.airflow_versions import has_teams
from airflow_kubernetes_secrets.deployment.configuration import AirflowConfiguration, configuration_file
from airflow_kubernetes_secrets.deployment.secret_options import (
    SecretOption,
    is_of_metadata_database,
    only_in_environment,
    secret_options,
)
from airflow_kubernetes_secrets.diagnosis.finding import (
    Finding,
    FindingStatus,
    error,
    findings_of,
    ok,
    skipped,
    warning,
)
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.inventory.cluster import Cluster
from airflow_kubernetes_secrets.inventory.entries import inventory_of, problems_with_ids
from airflow_kubernetes_secrets.inventory.location import BackendLocation
from airflow_kubernetes_secrets.inventory.snapshot import namespaces_of
from airflow_kubernetes_secrets.inventory.unlabelled import problems_of_unlabelled
from airflow_kubernetes_secrets.kubernetes.credentials import SERVICE_HOST
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup, decide
from airflow_kubernetes_secrets.messages.listing import number_of
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.options.backend_kwargs import Options

SECRETS_CHECK = "Secrets"
FROM_SECRETS_CHECK = "Options from Secrets"

# For a LIST by label, the API server reads all Secrets of a namespace. With this many, that takes milliseconds.
# docs/how-to/caching.md contains the measurements.
_MANY = 5000


def check_secrets(location: BackendLocation, options: Options) -> Iterator[Finding]:
    """Check how many entries can be read, and what is wrong with the others."""
    for text in location.problems():
        yield error(SECRETS_CHECK, "manifest", text)
    inventory = inventory_of(location, options)
    for failure in inventory.failures:
        yield error(SECRETS_CHECK, "unlisted", failure)
    counts = Counter(entry.kind for entry in inventory.entries if entry.provides_value)
    if not inventory.failures:
        yield ok(SECRETS_CHECK, ", ".join(number_of(counts[kind], kind.word) for kind in Kind) + " can be read")
    yield from findings_of(
        SECRETS_CHECK, [*problems_with_ids(inventory.entries, inventory.failures), *inventory.problems]
    )
    if not inventory.failures:
        yield from _unlabelled(location, options)
    if not has_teams() and any(entry.team for entry in inventory.entries):
        yield warning(
            SECRETS_CHECK,
            "teams-off",
            "there are Secrets of teams, which Airflow looks up only with [core] multi_team (3.2 and "
            "later): enable it, or remove the team's label",
        )
    if isinstance(location, Cluster) and not inventory.failures and not options.cache_ttl:
        yield from _many(location, options)


def _unlabelled(location: BackendLocation, options: Options) -> Iterator[Finding]:
    """Warn of Secrets that no lookup finds, because their label is misspelt or missing."""
    try:
        problems = sorted(problems_of_unlabelled(location, options), key=lambda each: each.code)
    except KubernetesSecretsError as problem:
        yield skipped(SECRETS_CHECK, f"not searched for misspelt labels: {problem}")
    else:
        yield from findings_of(SECRETS_CHECK, problems)


def _many(cluster: Cluster, options: Options) -> Iterator[Finding]:
    """Warn of namespaces in which every lookup is expensive for the API server."""
    for namespace in namespaces_of(options, cluster):
        count = cluster.count(namespace)
        if count > _MANY:
            yield warning(
                SECRETS_CHECK,
                "many",
                f"namespace {namespace} has {count} Secrets, and the API server reads all of them for each lookup. "
                "Set cache_ttl in backend_kwargs, or move Airflow's Secrets to a namespace of their own",
            )


def check_secret_options(
    location: BackendLocation, options: Options, configured: AirflowConfiguration
) -> Iterator[Finding]:
    """Check whether the Secrets exist that Airflow's own options name. Without one, the option has its default."""
    for option in secret_options():
        finding = _secret_option(option, location, options)
        yield finding
        # The environment matters only in a pod: the other pods of Airflow need these variables too.
        is_ok = finding.status is FindingStatus.OK
        if is_ok and is_of_metadata_database(option) and SERVICE_HOST in os.environ:
            yield from _only_in_environment(option, configured)


def check_options_without_secrets() -> Iterator[Finding]:
    """Warn of Airflow's options that name Secrets, in a process that reads none."""
    for option in secret_options():
        instead = option.instead or (
            f"Airflow uses the default of {option.name}, because this process reads no Secrets. Set the value itself, "
            "such as with secretKeyRef in the pod"
        )
        yield warning(FROM_SECRETS_CHECK, "not-taken", f"{option.where}: {instead}")


def _only_in_environment(option: SecretOption, configured: AirflowConfiguration) -> Iterator[Finding]:
    """Warn if a process finds the Secret only with environment variables that other pods may lack."""
    if variables := only_in_environment(option, configured):
        names = ", ".join(variables)
        yield warning(
            FROM_SECRETS_CHECK,
            "only-in-environment",
            printable(
                f"{option.name} comes from a Secret through environment variables alone ({names}). A pod "
                "without them silently uses an empty SQLite database. With applyCustomEnv: false the "
                "jobs of the official Helm chart are such pods, and 'airflow db migrate' migrates that file. Set "
                f"these options in {configuration_file()} too: that is 'config' in the chart's values"
            ),
        )


def _secret_option(option: SecretOption, location: BackendLocation, options: Options) -> Finding:
    """Look up the Secret of one option."""
    lookup = Lookup(Kind.CONFIG, option.id)
    if option.instead:
        return warning(FROM_SECRETS_CHECK, "not-taken", f"{option.where}: {option.instead}")
    try:
        decision = decide(lookup, options, location.find)
    except KubernetesSecretsError as problem:
        return error(
            FROM_SECRETS_CHECK,
            "option-fails",
            # The problem is last, because it can end with a command.
            f"{option.where}: Airflow does not start, because the lookup of this option fails: {lookup}: {problem}",
        )
    if decision.secret is None:
        return error(
            FROM_SECRETS_CHECK,
            "option-missing",
            f"{option.where}: {lookup}: {decision.outcome}. Airflow silently uses the default "
            f"of {option.name}. Create the Secret, or correct the id",
        )
    return ok(FROM_SECRETS_CHECK, f"{option.name} is in Secret {decision.secret} ({option.where})")
