"""``doctor``: all checks of a deployment, each after those that it depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing

from airflow_kubernetes_secrets.deployment.configuration import AirflowConfiguration, read_configuration
from airflow_kubernetes_secrets.diagnosis import check_api_server as api_server
from airflow_kubernetes_secrets.diagnosis import check_configuration as configuration
from airflow_kubernetes_secrets.diagnosis import check_secrets as secrets
from airflow_kubernetes_secrets.diagnosis.finding import Finding, error, ok, skipped
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.inventory.cluster import Cluster
from airflow_kubernetes_secrets.inventory.location import BackendLocation, location_of
from airflow_kubernetes_secrets.options.backend_kwargs import Options


def run_checks(overrides: Mapping[str, str | None], as_user: str | None = None) -> Iterator[Finding]:
    """Run all checks, and yield each finding as soon as it is known.

    Args:
        overrides: options that replace the configured ones, by name; ``None`` keeps the configured value.
        as_user: the user to impersonate at the API server.
    """
    try:
        configured = read_configuration()
    except KubernetesSecretsError as problem:
        yield error(configuration.AIRFLOW_CHECK, "airflow-unreadable", str(problem))
        return
    yield from configuration.check_backend(configured)
    if configured.reads_no_secrets and as_user is None and not any(overrides.values()):
        yield from secrets.check_options_without_secrets()
        yield skipped("Other checks", "not checked: this process reads no Secrets")
        return
    try:
        options = configured.options(**overrides)
    except KubernetesSecretsError as problem:
        yield error(
            configuration.OPTIONS_CHECK,
            "option-unusable",
            f"{problem}{'' if str(problem).endswith('?') else '.'} Airflow does not start until this is corrected",
        )
        yield skipped("Other checks", "not checked: the options cannot be used")
        return
    yield from configuration.check_options(configured, options)
    try:
        location = location_of(options, as_user)
    except KubernetesSecretsError as problem:
        yield error(api_server.CREDENTIALS_CHECK, "not-configured", str(problem))
        yield skipped("Other checks", f"not checked, because of the error under {api_server.CREDENTIALS_CHECK}")
        return
    with closing(location):
        yield from _location(location, options, configured)


def _location(location: BackendLocation, options: Options, configured: AirflowConfiguration) -> Iterator[Finding]:
    """Run the checks that need a backend location."""
    if not isinstance(location, Cluster):
        yield ok(api_server.CREDENTIALS_CHECK, f"Secrets are read from {location.text}, without an API")
    try:
        if isinstance(location, Cluster):
            yield from api_server.check_credentials(location, options)
            yield from api_server.check_reachable(location, options)
            yield from api_server.check_permissions(location, options)
        yield from secrets.check_secrets(location, options)
        yield from secrets.check_secret_options(location, options, configured)
    except KubernetesSecretsError as problem:
        yield error(
            api_server.API_SERVER_CHECK if isinstance(location, Cluster) else secrets.SECRETS_CHECK,
            "unreachable",
            str(problem),
        )
        yield skipped("Other checks", f"not checked: {location.text} cannot be read")
