"""Checks of the API server: credentials and how long they last, reachability, missing and excessive permissions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from ssl import CERT_NONE
from statistics import median
from time import monotonic, time

from airflow_kubernetes_secrets.diagnosis.finding import Finding, error, ok, skipped, warning
from airflow_kubernetes_secrets.errors import ForbiddenError
from airflow_kubernetes_secrets.inventory.cluster import Cluster
from airflow_kubernetes_secrets.inventory.missing_namespaces import missing_namespace
from airflow_kubernetes_secrets.inventory.snapshot import namespaces_of
from airflow_kubernetes_secrets.kubernetes.bearer_token import token_claims
from airflow_kubernetes_secrets.kubernetes.credentials import Credentials, ServiceAccountCredentials
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS
from airflow_kubernetes_secrets.kubernetes.permissions import Grant, forbidden_text
from airflow_kubernetes_secrets.messages.listing import number_of
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.api_source import verbs_of

CREDENTIALS_CHECK = "Credentials"
API_SERVER_CHECK = "API server"
PERMISSIONS_CHECK = "Permissions"

_CA_DAYS = 30
_WARM_REQUESTS = 5

# If a request takes this share of ``timeout``, a lookup has little time left for a second attempt.
_SLOW_SHARE = 0.25

_WRITES = ("create", "update", "patch", "delete")
_SERVICE_ACCOUNT = "system:serviceaccount:"


def check_credentials(cluster: Cluster, options: Options) -> Iterator[Finding]:
    """Check how long the token and the CA are valid, and whether anyone on the network path could read them."""
    credentials = cluster.credentials
    yield ok(CREDENTIALS_CHECK, credentials.source)
    claims = token_claims(credentials.authorization())
    if claims:
        yield _token(claims.get("exp"), credentials)
    if isinstance(credentials, ServiceAccountCredentials):
        yield _ca(Path(options.service_account_path) / "ca.crt")
    else:
        yield from _transport(credentials)


def _transport(credentials: Credentials) -> Iterator[Finding]:
    """Check how a kubeconfig connects to the API server. A pod always uses TLS with the mounted CA."""
    tls, host = credentials.tls(), credentials.endpoint.host
    if tls is None and not _is_this_machine(host):
        yield warning(
            CREDENTIALS_CHECK,
            "no-tls",
            f"{credentials.source} reaches {host} over plain HTTP: anyone on the network path can read and change "
            "every Secret. Write https:// in its 'server', or run 'kubectl proxy' on this machine",
        )
    if tls is not None and tls.context.verify_mode is CERT_NONE:
        yield warning(
            CREDENTIALS_CHECK,
            "certificate-unchecked",
            f"{credentials.source} sets insecure-skip-tls-verify: anyone on the network path to {host} "
            "can impersonate it, and read the token and every Secret. Remove that setting, and specify the cluster's "
            "CA (certificate-authority-data)",
        )


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _token(expires: object, credentials: Credentials) -> Finding:
    """Check when a token expires."""
    is_mounted = isinstance(credentials, ServiceAccountCredentials)
    if not isinstance(expires, (int, float)):
        remedy = (
            "Use the projected token that Kubernetes mounts, which expires"
            if is_mounted
            else "Use a token that expires, such as one from 'kubectl create token', or an exec plugin"
        )
        return warning(
            CREDENTIALS_CHECK, "token-without-end", f"{credentials.source}: the token does not expire. {remedy}"
        )
    left = expires - time()
    if left <= 0:
        remedy = (
            "Kubernetes renews tokens that it mounts itself; if the token was copied, copy a current one"
            if is_mounted
            else credentials.renewal
        )
        text = f"{credentials.source}: the token expired {_duration(-left)} ago. {remedy}"
        return error(CREDENTIALS_CHECK, "token-expired", text)
    text = f"the token expires in {_duration(left)}"
    return ok(CREDENTIALS_CHECK, f"{text}; it is read again every minute" if is_mounted else text)


def _ca(path: Path) -> Finding:
    """Check how long the CA certificates in a file are valid."""
    file = printable(path)
    # Airflow depends on this package for its Fernet keys.
    from cryptography.x509 import load_pem_x509_certificates

    try:
        certificates = load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as problem:
        return error(
            CREDENTIALS_CHECK,
            "ca-unreadable",
            f"{file} contains no usable CA certificate ({type(problem).__name__}). Kubernetes mounts it with the "
            "service account; see service_account_path in backend_kwargs",
        )
    # Releases before 42 have only the attribute without a time zone. Later ones warn if it is used.
    ends = min(
        each.not_valid_after_utc
        if hasattr(each, "not_valid_after_utc")
        else each.not_valid_after.replace(tzinfo=timezone.utc)
        for each in certificates
    )
    left = ends - datetime.now(timezone.utc)
    if left <= timedelta(days=_CA_DAYS):
        return warning(
            CREDENTIALS_CHECK,
            "ca-ends",
            f"a CA certificate in {file} is valid until {ends:%Y-%m-%d}. If it signs the API server's "
            "certificate, every lookup fails after that: have the cluster's CA renewed",
        )
    return ok(CREDENTIALS_CHECK, f"the CA certificates in {file} are valid until {ends:%Y-%m-%d} or longer")


def check_reachable(cluster: Cluster, options: Options) -> Iterator[Finding]:
    """Check whether the API server responds, how fast, and which version it has.

    Raises:
        KubernetesSecretsError: it does not respond.
    """
    began = monotonic()
    version = printable(cluster.version())
    first = monotonic() - began
    seconds = []
    for _ in range(_WARM_REQUESTS):
        began = monotonic()
        cluster.version()
        seconds.append(monotonic() - began)
    warm = median(seconds)
    text = (
        f"{cluster.text} is {version or 'of unknown version'}; it responds in {warm * 1000:.0f} ms, and "
        f"to the first request in {first * 1000:.0f} ms"
    )
    if warm > options.timeout * _SLOW_SHARE:
        yield warning(
            API_SERVER_CHECK,
            "slow",
            f"{text}. timeout is {options.timeout:g} s, the limit for a lookup with all its attempts: raise "
            "it, or find out what is slow",
        )
    else:
        yield ok(API_SERVER_CHECK, text)


def check_permissions(cluster: Cluster, options: Options) -> Iterator[Finding]:
    """Check whether this user has the permissions that lookups need, and which ones it has beyond those.

    Raises:
        KubernetesSecretsError: the API server cannot be queried.
    """
    user = cluster.user()
    yield ok(PERMISSIONS_CHECK, f"the API server authenticates this as {printable(user) or 'an unknown user'}")
    try:
        yield from _permissions(cluster, options, user)
    except ForbiddenError as problem:
        yield skipped(PERMISSIONS_CHECK, f"not checked: {problem}")


def _permissions(cluster: Cluster, options: Options, user: str) -> Iterator[Finding]:
    for namespace in namespaces_of(options, cluster):
        if missing := missing_namespace(cluster, namespace):
            yield error(PERMISSIONS_CHECK, "no-namespace", missing)
            continue
        yield from _permissions_in_namespace(cluster, options, user, namespace)
    for query_namespace, names in options.referenced.items():
        yield from _permissions_by_name(cluster, user, cluster.namespace(query_namespace), names)
    if user.startswith(_SERVICE_ACCOUNT):
        yield from _excess_permissions(cluster, options)
    else:
        yield skipped(
            PERMISSIONS_CHECK,
            "excess permissions were not checked: this is not a service account. To check them for one of Airflow's, "
            f"add '--as {_SERVICE_ACCOUNT}NAMESPACE:NAME'",
        )


def _permissions_in_namespace(cluster: Cluster, options: Options, user: str, namespace: str) -> Iterator[Finding]:
    """Check the permissions on all Secrets and ConfigMaps of a namespace, which lookups by label need."""
    verbs, resources = verbs_of(options), options.resources
    for resource in resources:
        missing = [verb for verb in verbs if not cluster.may(verb, namespace, resource=resource)]
        if not missing:
            yield ok(PERMISSIONS_CHECK, f"may {' and '.join(verbs)} {resource.kind}s in {namespace}")
            continue
        text = forbidden_text(
            user, missing[0], resource, namespace, grant=Grant(verbs, resources), kubectl=options.kubectl
        )
        if missing == ["watch"]:
            without = f"Without it, all {resource.kind}s are listed every {options.cache_ttl:g} s (cache_ttl)"
            yield warning(PERMISSIONS_CHECK, "may-not-watch", f"{text}\n{without}")
        else:
            yield error(PERMISSIONS_CHECK, "may-not-list", text)


def _permissions_by_name(cluster: Cluster, user: str, namespace: str, names: tuple[str, ...]) -> Iterator[Finding]:
    """Check the permission to get single Secrets, which references need."""
    missing = [name for name in names if not cluster.may("get", namespace, name)]
    if missing:
        grant = Grant(("get",), names=names)
        text = forbidden_text(user, "get", SECRETS, namespace, grant=grant, kubectl=cluster.kubectl)
        yield error(PERMISSIONS_CHECK, "may-not-get", text)
    else:
        yield ok(PERMISSIONS_CHECK, f"may get the Secrets in {namespace} that 'references' names: {', '.join(names)}")


def _excess_permissions(cluster: Cluster, options: Options) -> Iterator[Finding]:
    """Check for permissions that no lookup needs."""
    if cluster.may("list", ""):
        yield warning(
            PERMISSIONS_CHECK,
            "may-list-everywhere",
            "may list the Secrets of every namespace. A Role in each namespace that Airflow searches is enough; "
            "'airflow-kubernetes-secrets rbac' prints it",
        )
    excess = {}
    for namespace in namespaces_of(options, cluster):
        writes = [verb for verb in _WRITES if cluster.may(verb, namespace)]
        if writes:
            excess[namespace] = writes
            yield warning(
                PERMISSIONS_CHECK,
                "may-write",
                f"may {', '.join(writes)} Secrets in {namespace}, which no lookup does. Grant "
                "only what 'airflow-kubernetes-secrets rbac' prints",
            )
    if not excess:
        yield ok(PERMISSIONS_CHECK, "may not change Secrets in the namespaces that it searches")


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return number_of(int(seconds // size), unit)
    return number_of(round(seconds), "second")
