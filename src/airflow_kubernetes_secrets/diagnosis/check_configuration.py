"""Checks of Airflow's configuration: whether it leads to this backend, and whether its options work together."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from airflow_kubernetes_secrets.backend.airflow_versions import DENY_IS_UNSUPPORTED, access_denied, airflow_version
from airflow_kubernetes_secrets.deployment.configuration import AirflowConfiguration, airflow_conf
from airflow_kubernetes_secrets.deployment.secret_options import misplaced_options
from airflow_kubernetes_secrets.diagnosis.finding import Finding, error, ok, warning
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.options.accepted_values import DENY
from airflow_kubernetes_secrets.options.backend_kwargs import Options

AIRFLOW_CHECK = "Airflow"
OPTIONS_CHECK = "Options"

# The options that each switch Airflow's metrics on, with the package that Airflow then needs, and the extra of Airflow
# that installs it. Airflow uses the first option that is on.
_CLIENTS = (
    ("statsd_datadog_enabled", "datadog", "datadog"),
    ("statsd_on", "statsd", "statsd"),
    ("otel_on", "opentelemetry.sdk", "otel"),
)


def check_backend(configured: AirflowConfiguration) -> Iterator[Finding]:
    """Check the backend class and ``backend_kwargs`` as Airflow will read them."""
    yield ok(AIRFLOW_CHECK, f"Airflow {airflow_version()}")
    for problem in configured.problems:
        if configured.reads_no_secrets:
            yield ok(AIRFLOW_CHECK, problem.text)
        else:
            # Every other problem is an error here, because `doctor` reports whether this backend works.
            yield error(AIRFLOW_CHECK, problem.code, problem.text)
    if not configured.problems:
        yield ok(AIRFLOW_CHECK, printable(f"[secrets] backend is {configured.backend}, from {configured.backend_from}"))
    workers = printable(_option("workers", "secrets_backend") or "")
    if workers:
        yield ok(
            AIRFLOW_CHECK, f"[workers] secrets_backend is {workers}: tasks and DAG files use that backend, not this one"
        )


def check_options(configured: AirflowConfiguration, options: Options) -> Iterator[Finding]:
    """Check for options that are valid but do not fit the rest of Airflow's configuration."""
    given = ", ".join(sorted(configured.kwargs)) or "none; all options have their defaults"
    yield ok(OPTIONS_CHECK, printable(f"backend_kwargs: {given}{configured.kwargs_origins}"))
    for problem in configured.warnings:
        yield warning(OPTIONS_CHECK, problem.code, problem.text)
    for where, remedy in misplaced_options().items():
        yield warning(OPTIONS_CHECK, "misplaced-option", f"{where}: {remedy}")
    if options.on_error == DENY and access_denied() is None:
        yield warning(OPTIONS_CHECK, "deny-unknown", DENY_IS_UNSUPPORTED)
    if _option("secrets", "use_cache", "getboolean"):
        seconds = float(_option("secrets", "cache_ttl_seconds", "getint") or 0)
        if seconds > options.cache_ttl:
            yield warning(
                OPTIONS_CHECK,
                "airflow-cache",
                f"[secrets] use_cache: while DAG files are parsed, Airflow itself caches connections and variables "
                f"for {seconds:g} s, longer than cache_ttl ({options.cache_ttl:g} "
                "s). Disable it, or lower [secrets] cache_ttl_seconds",
            )
    if options.metrics and (reason := _why_no_metrics()):
        yield warning(
            OPTIONS_CHECK, "metrics-not-sent", f"metrics is true, but this Airflow sends no metrics: {reason}"
        )
    worker_timeout = _option("workers", "execution_api_timeout", "getfloat")
    if worker_timeout is not None and options.path is None and options.timeout >= worker_timeout:
        yield warning(
            OPTIONS_CHECK,
            "workers-give-up",
            f"timeout is {options.timeout:g} s, but workers wait {worker_timeout:g} s for Airflow's API server "
            "([workers] execution_api_timeout), which does their lookups: if Kubernetes is slow, they give up first. "
            f"Set timeout below {worker_timeout:g} in backend_kwargs, or raise execution_api_timeout",
        )


def _why_no_metrics() -> str:
    """Return why Airflow sends no metrics, with a remedy; empty if it sends some."""
    for option, package, extra in _CLIENTS:
        if _option("metrics", option, "getboolean"):
            if _is_installed(package):
                return ""
            return (
                f"[metrics] {option} is on, but the package {package!r} is not installed. Install "
                f"'apache-airflow[{extra}]'"
            )
    return "neither [metrics] statsd_on nor otel_on is on. Switch one of them on, or remove metrics from backend_kwargs"


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # the package that contains it is missing
        return False


def _option(section: str, key: str, get: str = "get") -> Any:
    """Return an option of Airflow, or ``None`` if this Airflow does not have it or cannot use its value."""
    conf = airflow_conf()
    if not conf.has_option(section, key):
        return None
    try:
        return getattr(conf, get)(section, key)
    except Exception:  # Airflow itself reports the error
        return None
