"""Pass a connection or variable to a pod by the name of its Secret.

.. code-block:: python

    refs = secret_refs("my_db", env={"PGHOST": "host", "PGPASSWORD": "password"})
    KubernetesPodOperator(..., secrets=refs, namespace=refs.namespace)

The pod refers to the Secret that contains the connection, and the node reads the Secret when the container starts. The
DAG, XCom and the pod's specification contain no value.

https://airflow.apache.org/docs/apache-airflow-providers-cncf-kubernetes/stable/operators.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_kubernetes_secrets.backend.airflow_versions import pod_secret_class, secrets_backends
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.formats.annotations import LITERALS
from airflow_kubernetes_secrets.formats.fields import fields_of
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS, is_completed, is_converted
from airflow_kubernetes_secrets.formats.value_parsers import ValueParser
from airflow_kubernetes_secrets.formats.values import text
from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup, Outcome
from airflow_kubernetes_secrets.messages.tracebacks import without_variables
from airflow_kubernetes_secrets.options.accepted_values import redacted_name

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.backend.kubernetes_secrets import KubernetesSecretsBackend
    from airflow_kubernetes_secrets.kubernetes.objects import Secret
    from airflow_kubernetes_secrets.lookup.selection import Decision

# What every version of Kubernetes accepts as the name of an environment variable.
# https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/
_VARIABLE_NAME = "[-._a-zA-Z][-._a-zA-Z0-9]*"


class SecretRefsError(KubernetesSecretsError):
    """A connection or variable cannot be passed to a pod."""


# An earlier name of this class, for DAGs that catch it.
HandOnError = SecretRefsError


class SecretRefs(list[Any]):
    """The ``secrets`` argument of ``KubernetesPodOperator``: Apache's ``Secret`` objects, which contain only names.

    Attributes:
        namespace: the Secret's namespace. Kubernetes only lets a pod refer to Secrets in its own namespace.
        secret: the Secret's name.
    """

    def __init__(self, namespace: str, secret: str, refs: list[Any]) -> None:
        super().__init__(refs)
        self.namespace = namespace
        self.secret = secret


@without_variables
def secret_refs(
    conn_id: str,
    env: Mapping[str, str] | None = None,
    *,
    namespace: str | None = None,
    team_name: str | None = None,
) -> SecretRefs:
    """Return environment variables of a pod that refer to the Secret of a connection.

    The Secret is looked up during this call, by the secrets backend that Airflow is configured with.

    Args:
        conn_id: the connection id.
        env: for each environment variable, a field of the connection or a key of the Secret's data. The fields are
            ``host``, ``login``, ``password``, ``port``, ``schema``, ``uri``, ``conn_type`` and ``extra``, whatever the
            Secret calls them. If one key contains the whole connection, only that key is possible. Without ``env``,
            that key becomes ``AIRFLOW_CONN_<ID>``, which Airflow itself reads. Fields in keys of their own become one
            variable each, ``<ID>_HOST``, ``<ID>_PASSWORD`` and so on, with ``_`` for every character except letters and
            digits.
        namespace: the pod's namespace. It is only compared with that of the Secret.
        team_name: the team for which Airflow would look up the connection.

    Raises:
        SecretRefsError: an argument has the wrong type or is blank; the lookup failed; no Secret has the connection;
            the Secret is in another namespace; it has no such field or key; the name of a variable is invalid or occurs
            twice; the configured backend is not ``KubernetesSecretsBackend``; or Apache's provider is not installed.
    """
    lookup = Lookup(Kind.CONNECTION, conn_id, team_name)
    _check_strings(lookup, namespace=namespace, team_name=team_name)
    if env is not None:
        _check_mapping(lookup, env)
    with _errors_of(lookup):
        decision = _found(lookup, namespace)
        return _refs(decision, env if env is not None else _env_of_a_connection(decision))


@without_variables
def variable_refs(
    key: str, env: str | None = None, *, namespace: str | None = None, team_name: str | None = None
) -> SecretRefs:
    """Return an environment variable of a pod that refers to the Secret of an Airflow variable.

    The Secret is looked up during this call, as :func:`secret_refs` does.

    Args:
        key: the key of the Airflow variable.
        env: the name of the environment variable. Default: ``AIRFLOW_VAR_<KEY>``, which Airflow itself reads.
        namespace, team_name: as for :func:`secret_refs`.

    Raises:
        SecretRefsError: as for :func:`secret_refs`; or the variable is in a ConfigMap.
    """
    lookup = Lookup(Kind.VARIABLE, key, team_name)
    _check_strings(lookup, env=env, namespace=namespace, team_name=team_name)
    with _errors_of(lookup):
        decision = _found(lookup, namespace)
        return _refs(decision, {env or f"{Kind.VARIABLE.env_prefix}{key.upper()}": decision.data_key})


def _check_strings(lookup: Lookup, **arguments: object) -> None:
    """Check arguments that may be omitted.

    Raises:
        SecretRefsError: one is not a string, or is blank.
    """
    for name, value in arguments.items():
        if value is not None and not (isinstance(value, str) and value.strip()):
            raise SecretRefsError(
                f"{lookup}: {name!r} must be a string that is not blank; it is {redacted_name(value)}"
            )


def _check_mapping(lookup: Lookup, env: object) -> None:
    """Check that ``env`` maps strings to strings.

    Raises:
        SecretRefsError: it does not.
    """
    if not isinstance(env, Mapping):
        raise SecretRefsError(
            f"{lookup}: 'env' must map the names of environment variables to fields or keys, as in "
            f"{{'DB_PASSWORD': 'password'}}; it is {redacted_name(env)}"
        )
    for name, field_or_key in env.items():
        if not isinstance(name, str):
            raise SecretRefsError(
                f"{lookup}: a name in 'env' must be a string; it is {redacted_name(name)}, for "
                f"{redacted_name(field_or_key)}"
            )
        if not isinstance(field_or_key, str):
            raise SecretRefsError(
                f"{lookup}: 'env' must map {redacted_name(name)} to the name of a field or key; it is "
                f"{redacted_name(field_or_key)}"
            )


@contextmanager
def _errors_of(lookup: Lookup) -> Iterator[None]:
    """Raise every error of this package as a :class:`SecretRefsError` that names the lookup."""
    try:
        yield
    except SecretRefsError:
        raise
    except KubernetesSecretsError as error:
        raise SecretRefsError(f"{lookup}: {error}") from error


def _found(lookup: Lookup, namespace: str | None) -> Decision:
    """Return the decision of a lookup that has selected a Secret to which a pod can refer.

    Args:
        namespace: the pod's namespace, if it is known.

    Raises:
        KubernetesSecretsError: the lookup fails, selects nothing, or selects something to which the pod cannot refer.
    """
    backend = _backend(lookup)
    decision = backend.decide(lookup)
    secret = decision.secret
    if secret is None:
        remedy = "It can be passed to a pod only from a Secret"
        label = lookup.kind.label(backend.options)
        if decision.outcome == Outcome.NO_MATCH and label is not None:
            remedy += f": label it with {label}={label_value(lookup.id)}, or name it in 'references' in backend_kwargs"
        raise SecretRefsError(f"{lookup}: {decision.outcome}. {remedy}")
    if secret.is_mounted:
        raise SecretRefsError(
            f"{lookup}: {secret} is a mounted file, and a pod can refer only to Secrets of the API. Name Secret and "
            "key in the DAG yourself, or mount the Secret in the pod too"
        )
    if secret.resource is not SECRETS:
        raise SecretRefsError(
            f"{lookup}: it is in {secret.full_name}, and Apache's provider can refer only to Secrets. Name the "
            "ConfigMap in the operator's 'env_vars' or 'env_from', or move the variable to a Secret"
        )
    if namespace is not None and secret.namespace != namespace:
        raise SecretRefsError(
            f"{lookup}: its Secret {secret} is in namespace {secret.namespace!r} and the pod in {namespace!r}, and a "
            "pod can refer only to Secrets of its own namespace. Run it there, or create such a Secret there as well"
        )
    return decision


def _backend(lookup: Lookup) -> KubernetesSecretsBackend:
    backends = secrets_backends()
    # Import it only now. The import loads Airflow's configuration, which imports the backend in turn: it would find
    # the module only partly loaded.
    from airflow_kubernetes_secrets.backend.kubernetes_secrets import KubernetesSecretsBackend

    for backend in backends:
        if isinstance(backend, KubernetesSecretsBackend):
            return backend
    # Apache's class has the same name in another module.
    names = ", ".join(f"{type(backend).__module__}.{type(backend).__name__}" for backend in backends)
    raise SecretRefsError(
        f"{lookup}: finding its Secret requires airflow_kubernetes_secrets.KubernetesSecretsBackend in [secrets] "
        f"backend or [workers] secrets_backend, but Airflow uses {names} here. If that is intended, name Secret "
        "and key in the DAG yourself"
    )


def _env_of_a_connection(decision: Decision) -> dict[str, str]:
    """Return the environment variables for a connection by default, each with its data key."""
    identifier, secret = decision.lookup.id, decision.matches[0]
    if decision.data_key != IN_FIELDS:
        return {f"{Kind.CONNECTION.env_prefix}{identifier.upper()}": decision.data_key}
    prefix = re.sub("^(?=[0-9])|[^A-Z0-9]", "_", identifier.upper())
    fields = fields_of(secret)
    in_annotations = fields.description.literals
    env = {f"{prefix}_{field.upper()}": key for field, key in fields.keys.items() if field not in in_annotations}
    of_extra: dict[str, str] = {}
    for name, key in fields.extra_keys.items():
        env_name = f"{prefix}_EXTRA_{re.sub('[^A-Z0-9]', '_', name.upper())}"
        if env_name in env:
            raise SecretRefsError(
                f"{decision.lookup}: {of_extra[env_name]!r} and {name!r}, in the 'extra' of Secret {secret}, would "
                f"both be the variable {env_name}. Choose the names with 'env', for the keys {env[env_name]!r} "
                f"and {key!r}"
            )
        env[env_name], of_extra[env_name] = key, name
    if not env:
        raise SecretRefsError(
            f"{decision.lookup}: annotations of Secret {secret} specify the whole connection, and no key contains a "
            "part of it. Write its fields in the DAG"
        )
    return env


def _refs(decision: Decision, env: Mapping[str, str]) -> SecretRefs:
    """Return the references to the selected Secret.

    Args:
        env: the field or data key for each environment variable.
    """
    lookup, secret = decision.lookup, decision.matches[0]
    if lookup.kind is Kind.CONNECTION and decision.data_key != IN_FIELDS and is_completed(secret, decision.data_key):
        raise SecretRefsError(
            f"{lookup}: annotations of Secret {secret} complete the connection in its key {decision.data_key!r}, and a "
            "pod gets only the key. Store the complete connection in that key, or name Secret and key in the DAG "
            "yourself"
        )
    if lookup.kind is Kind.CONNECTION and is_converted(secret, decision.data_key):
        raise SecretRefsError(
            f"{lookup}: the connection in key {decision.data_key!r} of Secret {secret} is converted for Airflow, and a "
            "pod gets the key as it is. Store the connection as Airflow's URI or JSON, or name Secret and key in the "
            "DAG yourself"
        )
    make = pod_secret_class()
    if make is None:
        raise SecretRefsError(
            f"{lookup}: passing it to a pod requires Apache's provider: pip install "
            "apache-airflow-providers-cncf-kubernetes"
        )
    refs = []
    for name, requested in env.items():
        if not re.fullmatch(_VARIABLE_NAME, name):
            raise SecretRefsError(
                f"{lookup}: {redacted_name(name)} cannot be the name of an environment variable. Choose the names with "
                "'env'"
            )
        ref = make("env", name, secret.name, _key(decision, secret, requested, name))
        # The constructor of Apache's class capitalizes the name.
        ref.deploy_target = name
        refs.append(ref)
    return SecretRefs(secret.namespace, secret.name, refs)


def _is_whole(secret: Secret, key: str, parse: ValueParser) -> bool:
    """Return whether a value consists of one field, without a change.

    Args:
        parse: parses a value that identifies a format into its fields.
    """
    value = text(secret, key)
    return list((parse(value) or {}).values()) == [value.strip()]


def _key(decision: Decision, secret: Secret, requested: str, env_name: str) -> str:
    """Return the data key of a field of the connection, or a requested data key itself.

    Args:
        requested: the field or data key that the environment variable gets.
        env_name: the name of the environment variable, for the error.

    Raises:
        SecretRefsError: the Secret has no such field or key, or the key is not a part of the connection.
    """
    if decision.data_key != IN_FIELDS:
        if requested != decision.data_key:
            # Other keys may have the names of fields, but need not belong to this connection.
            raise SecretRefsError(
                f"{decision.lookup}: Secret {secret} contains the whole connection in key {decision.data_key!r}, so "
                f"only that key can be passed to a pod, not {redacted_name(requested)}. Store each field in its own "
                "key; or, if another key is meant, name Secret and key in the DAG yourself"
            )
        return requested
    found = fields_of(secret)
    fields = found.keys
    if requested in found.description.literals:
        raise SecretRefsError(
            f"{decision.lookup}: the annotation {LITERALS[requested]!r} of Secret {secret} specifies the {requested}, "
            "which is in no key. Write it in the DAG"
        )
    key = fields.get(requested, requested)
    if key in found.parsers and not _is_whole(secret, key, found.parsers[key]):
        raise SecretRefsError(
            f"{decision.lookup}: {requested!r} is only a part of the value under {key!r} in Secret {secret}, and a pod "
            "gets whole values. Name Secret and key in the DAG yourself"
        )
    if key not in secret.data:
        has = f"these fields in keys of their own: {', '.join(fields)}" if fields else "no fields in keys of their own"
        swapped = env_name in fields or env_name in secret.data
        order = (
            f". In 'env', the variable comes first: {{{redacted_name(requested)}: {redacted_name(env_name)}}}"
            if swapped
            else ""
        )
        raise SecretRefsError(
            f"{decision.lookup}: Secret {secret} has no field and no key {redacted_name(requested)}. It has {has}, and "
            f"{secret.keys_text()}{order}"
        )
    return key
