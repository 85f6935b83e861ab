"""The options of the backend: each is declared once, in :class:`Options`. No other module reads ``backend_kwargs``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar, overload

from airflow_kubernetes_secrets.errors import OptionError
from airflow_kubernetes_secrets.kubernetes.labels import BUNDLE
from airflow_kubernetes_secrets.kubernetes.objects import CONFIG_MAPS, SECRETS, Resource
from airflow_kubernetes_secrets.options.accepted_values import (
    BOOLEAN,
    DATA_KEY,
    LABEL_KEY,
    NAMESPACES,
    NEXT,
    ON_ERROR,
    PATTERN,
    REFERENCES,
    TEAM_NAMESPACES,
    TEXT,
    TIMEOUT,
    TTL,
    Accepted,
    Map,
    did_you_mean,
    or_null,
    redacted_name,
    shown_value,
)

# The topics of options, which are the sections of the reference.
WHERE = "Where the backend searches"
SELECTION = "How a Secret is found"
CONTENT = "Which key contains the value"
API_SERVER = "How the API server is reached"
TIME = "Time limits and caching"
ERRORS = "Errors and logs"

Value = TypeVar("Value")


class Option(Generic[Value]):
    """One option. ``Options.timeout`` is the option, and ``options.timeout`` its value.

    docs/make_reference.py writes the section of each option in docs/reference/options.md from these attributes.

    Attributes:
        name: the name in ``backend_kwargs``, which is that of the attribute of :class:`Options`.
        accepted: the values that it accepts.
        default: the parsed value if the option is not given.
        doc: what the option does.
        topic: one of the topics in this module.
        example: a value in JSON.
        refused: an invalid value in JSON. The reference shows its error.
        condition: which other options limit the value, for the reference; empty if none does.
        page: a page with more information, relative to docs/reference; empty if there is none.
    """

    __slots__ = ("accepted", "condition", "default", "doc", "example", "name", "page", "refused", "topic")

    def __init__(
        self,
        accepted: Accepted[Value],
        default: Value,
        doc: str,
        *,
        topic: str,
        example: object,
        refused: object,
        condition: str = "",
        page: str = "",
    ) -> None:
        self.accepted = accepted
        self.default = default
        self.doc = doc
        self.topic = topic
        self.example = example
        self.refused = refused
        self.condition = condition
        self.page = page

    def __set_name__(self, _owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, options: None, _owner: type) -> Option[Value]: ...
    @overload
    def __get__(self, options: Options, _owner: type) -> Value: ...
    def __get__(self, options: Options | None, _owner: type) -> Option[Value] | Value:
        # Python does not call this for an instance: it has the value in its dictionary, which comes first.
        return self if options is None else self.default

    def parse(self, value: object) -> Value:
        """Parse a value from ``backend_kwargs``.

        Raises:
            OptionError: it is invalid. The message names the option and what it needs.
        """
        try:
            return self.accepted.parse(value)
        except ValueError as error:
            problem = str(error)
        # This is raised outside the except block, with nothing chained, because a value can contain a password.
        it_is = "" if self.accepted.names_the_wrong_part else f"; it is {shown_value(value)}"
        raise OptionError(f"backend_kwargs: {self.name} {problem}{it_is}")


class Options:
    """The options of one backend. Equal options mean the same source of Secrets.

    Each attribute is the declaration of one option. All else follows from it: what is accepted, the errors, and the
    reference.
    """

    namespace = Option(
        or_null(NAMESPACES),
        None,
        "Namespace to search, or several that are searched in order. Default: the pod's own namespace, or the "
        "namespace of the kubeconfig's context.",
        topic=WHERE,
        example=["airflow-secrets", "databases"],
        refused="Airflow",
        page="../how-to/namespaces-and-references.md#several-namespaces-and-a-namespace-for-a-team",
    )
    team_namespaces = Option(
        TEAM_NAMESPACES,
        Map(),
        "Object that maps each team to its namespace. Lookups of the team search this namespace first.",
        topic=WHERE,
        example={"blue": "blue-secrets"},
        refused={"blue": "Blue"},
        page="../how-to/teams.md#a-namespace-for-a-team",
    )
    team_fallback = Option(
        BOOLEAN,
        True,
        "Whether a lookup of a team that has no Secret for an id uses the reference or the global Secret.",
        topic=WHERE,
        example=False,
        refused="perhaps",
        page="../how-to/teams.md#only-the-teams-own-secrets",
    )
    references = Option(
        REFERENCES,
        Map(),
        'Secrets that are selected by name and need no label: `{"connections": {"id": "name"}, "variables": …, '
        '"config": …}`; the name may be `namespace/name`. '
        'In place of a name, `{"secret": "name", "annotations": {…}}` replaces the Secret\'s own annotations. Write '
        "the annotations with or without their prefix.",
        topic=WHERE,
        example={"connections": {"my_db": "databases/app-db-app"}},
        refused={"connection": {"my_db": "app-db-app"}},
        page="../how-to/namespaces-and-references.md#secrets-by-name",
    )
    path = Option(
        or_null(TEXT),
        None,
        "Folder with mounted Secrets or with manifests of Secrets, read instead of the Kubernetes API. Changed files "
        "are read again.",
        topic=WHERE,
        example="/opt/airflow/secrets",
        refused="",
        condition="not together with `kubeconfig` or `context`",
        page="folder.md#what-is-read",
    )
    connections_label = Option(
        or_null(LABEL_KEY),
        "airflow.apache.org/connection-id",
        "Label key that marks a connection's Secret; its value is the connection id. `null`: no connection is "
        "selected by label.",
        topic=SELECTION,
        example="example.com/connection",
        refused="my connection",
        page="../concepts/identifiers.md",
    )
    variables_label = Option(
        or_null(LABEL_KEY),
        "airflow.apache.org/variable-key",
        "Label key that marks a variable's Secret; its value is the variable's key. `null`: no variable is selected "
        "by label.",
        topic=SELECTION,
        example=None,
        refused="variable/",
        page="../concepts/identifiers.md",
    )
    config_label = Option(
        or_null(LABEL_KEY),
        "airflow.apache.org/config-key",
        "Label key that marks a configuration option's Secret; its value is the id in Airflow's `…_secret` option. "
        "`null`: no option is selected by label.",
        topic=SELECTION,
        example="example.com/option",
        refused="-option",
        page="../how-to/configuration-options.md",
    )
    team_label = Option(
        or_null(LABEL_KEY),
        "airflow.apache.org/team",
        "Label key whose value is the team that a Secret belongs to. `null`: labels do not assign Secrets to teams.",
        topic=SELECTION,
        example="example.com/team",
        refused="team:",
        condition="different from the three above",
        page="../how-to/teams.md",
    )
    bundles = Option(
        BOOLEAN,
        False,
        "Whether to search bundles: Secrets with the label `airflow.apache.org/bundle`, in which each key is an id. "
        "With `cache_ttl` 0, an id without a Secret of its own needs one more request in each namespace.",
        topic=SELECTION,
        example=True,
        refused="connections",
        page="../how-to/bundles.md",
    )
    config_maps = Option(
        BOOLEAN,
        False,
        "Whether variables are read from ConfigMaps too, if no Secret has them. ConfigMaps have the labels of Secrets. "
        "With `cache_ttl` 0, a variable that no Secret has needs one more request in each namespace, and up to two "
        "with `bundles`.",
        topic=SELECTION,
        example=True,
        refused="variables",
        page="../how-to/config-maps.md",
    )
    connections_data_key = Option(
        DATA_KEY,
        "value",
        "Key in the Secret's data that contains a connection.",
        topic=CONTENT,
        example="connection",
        refused="a key",
        page="formats.md#what-is-read-in-which-order",
    )
    variables_data_key = Option(
        DATA_KEY,
        "value",
        "Key in the Secret's data that contains a variable.",
        topic=CONTENT,
        example="variable",
        refused="",
        page="formats.md#what-is-read-in-which-order",
    )
    config_data_key = Option(
        DATA_KEY,
        "value",
        "Key in the Secret's data that contains a configuration option.",
        topic=CONTENT,
        example="option",
        refused="a/b",
        page="../how-to/configuration-options.md",
    )
    connections_lookup_pattern = Option(
        or_null(PATTERN),
        None,
        "Regular expression. A connection is looked up only if the beginning of its id matches. Case is ignored.",
        topic=SELECTION,
        example="k8s_",
        refused="k8s_(",
        page="patterns.md#how-a-pattern-is-matched",
    )
    variables_lookup_pattern = Option(
        or_null(PATTERN),
        None,
        "Regular expression. A variable is looked up only if the beginning of its key matches. Case is ignored.",
        topic=SELECTION,
        example="(?!cosmos__)",
        refused="*",
        page="patterns.md#how-a-pattern-is-matched",
    )
    config_lookup_pattern = Option(
        or_null(PATTERN),
        None,
        "Regular expression. A configuration option is looked up only if the beginning of its id matches. Case is "
        "ignored.",
        topic=SELECTION,
        example="airflow-",
        refused="[",
        page="patterns.md#how-a-pattern-is-matched",
    )
    service_account_path = Option(
        TEXT,
        "/var/run/secrets/kubernetes.io/serviceaccount",
        "Folder with the service account's `token`, `ca.crt` and `namespace`.",
        topic=API_SERVER,
        example="/var/run/secrets/airflow",
        refused="",
        page="../how-to/permissions.md#pitfalls",
    )
    kubeconfig = Option(
        or_null(TEXT),
        None,
        "Path of a kubeconfig file. Without it, the variable `KUBECONFIG` names one, except in a pod. "
        "Needs the extra `kubeconfig`.",
        topic=API_SERVER,
        example="/home/me/.kube/config",
        refused="\n",
    )
    context = Option(
        or_null(TEXT),
        None,
        "Context in the kubeconfig. Default: its current context.",
        topic=API_SERVER,
        example="staging",
        refused="",
    )
    timeout = Option(
        TIMEOUT,
        4.0,
        "Time limit of one lookup in seconds, retries included.",
        topic=TIME,
        example=3,
        refused="soon",
        page="../concepts/outages.md#the-deadline-and-the-probes",
    )
    cache_ttl = Option(
        TTL,
        0.0,
        "Maximum age of a cached connection or variable in seconds. 0: each lookup queries the API server. Above 0: a "
        "process with repeated lookups caches all Secrets with the label in memory. From 2 on, a watch updates them.",
        topic=TIME,
        example=60,
        refused=-1,
        page="../concepts/freshness.md#what-a-process-does",
    )
    outage_ttl = Option(
        TTL,
        300.0,
        "Seconds beyond `cache_ttl` for which a cached result may be used while the API server is unavailable. 0: "
        "never.",
        topic=TIME,
        example=0,
        refused="5 minutes",
        page="../concepts/outages.md#what-is-used-instead",
    )
    on_error = Option(
        ON_ERROR,
        NEXT,
        "What Airflow does when the lookup of a connection or variable fails. `next`: it continues with the "
        "environment and its database. `deny`: it stops (Airflow 3.2.2 and later).",
        topic=ERRORS,
        example="deny",
        refused="raise",
        page="on-error.md",
    )
    mask_values = Option(
        BOOLEAN,
        False,
        "Whether to register the values of connections and variables with Airflow's log masker, up to a limit for each "
        "Secret.",
        topic=ERRORS,
        example=True,
        refused="all",
        page="../how-to/masking.md",
    )

    metrics = Option(
        BOOLEAN,
        False,
        "Whether to count lookups, requests and outages, and to send the counts as metrics of Airflow: to StatsD or "
        "OpenTelemetry, as `[metrics]` configures it.",
        topic=ERRORS,
        example=True,
        refused="statsd",
        page="../how-to/metrics.md",
    )

    def __init__(self, **given: Any) -> None:
        """Create options from parsed values.

        Args:
            given: the options that differ from their defaults.

        Raises:
            TypeError: there is no such option.
        """
        unknown = given.keys() - OPTIONS.keys()
        if unknown:
            raise TypeError(f"no such option: {', '.join(sorted(unknown))}")
        self.__dict__.update(_DEFAULTS)
        self.__dict__.update(given)

    @classmethod
    def parse(cls, kwargs: Mapping[str, object]) -> Options:
        """Parse ``backend_kwargs``. Values may be strings, as in environment variables.

        Raises:
            OptionError: an option is unknown or invalid. The message names the option and what it needs, and for an
                unknown option the most similar one.
        """
        options = cls(**{name: _option(name).parse(value) for name, value in kwargs.items()})
        options._check_together()
        return options

    def replace(self, **given: Any) -> Options:
        """Return a copy in which parsed values replace those of some options.

        Raises:
            TypeError: there is no such option.
        """
        return Options(**{**self.__dict__, **given})

    @property
    def namespaces(self) -> tuple[str | None, ...]:
        """The namespaces of lookups without a team, in order; ``None`` is the namespace of the credentials."""
        return self.namespace or (None,)

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The resources that lookups read by label."""
        return (SECRETS, CONFIG_MAPS) if self.config_maps and self.variables_label is not None else (SECRETS,)

    @property
    def kubectl(self) -> str:
        """The command ``kubectl`` with the arguments that select the API server of lookups, for messages."""
        # Lookups without an error do not need this module.
        from airflow_kubernetes_secrets.kubernetes.kubectl_commands import kubectl_for

        return kubectl_for(self.kubeconfig, self.context)

    @property
    def referenced(self) -> dict[str | None, tuple[str, ...]]:
        """For each namespace, the names of the Secrets that these options read by name."""
        names: dict[str | None, set[str]] = {}
        for references in self.references.values():
            for each in references.values():
                names.setdefault(each.namespace or self.namespaces[0], set()).add(each.name)
        return {namespace: tuple(sorted(each)) for namespace, each in names.items()}

    def _check_together(self) -> None:
        of_ids = ("connections_label", "variables_label", "config_label")
        for name in (*of_ids, "team_label"):
            if getattr(self, name) == BUNDLE:
                raise OptionError(
                    f"backend_kwargs: {name} is {BUNDLE!r}, which is the label of bundles; use another key"
                )
        for name in of_ids:
            if self.team_label is not None and getattr(self, name) == self.team_label:
                raise OptionError(
                    f"backend_kwargs: {name} and team_label are both {self.team_label!r}; use two different keys"
                )
        for name in ("kubeconfig", "context"):
            if self.path is not None and getattr(self, name) is not None:
                raise OptionError(
                    f"backend_kwargs: path replaces the Kubernetes API, so it excludes {name}; remove one of them"
                )
        if self.path is not None and self.team_namespaces and self.namespace is None:
            raise OptionError(
                "backend_kwargs: path with team_namespaces requires namespace too; without it, every team "
                "can use every namespace in the folder"
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Options) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))

    def __repr__(self) -> str:
        return f"Options({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"


OPTIONS: dict[str, Option[Any]] = {name: each for name, each in vars(Options).items() if isinstance(each, Option)}
_DEFAULTS = {name: option.default for name, option in OPTIONS.items()}


def _option(name: str) -> Option[Any]:
    """Return the option of this name.

    Raises:
        OptionError: there is none.
    """
    if name in OPTIONS:
        return OPTIONS[name]
    hint = did_you_mean(name, list(OPTIONS))
    raise OptionError(
        f"backend_kwargs: there is no option {redacted_name(name)}; {hint and f'{hint} '}The options are "
        f"{', '.join(OPTIONS)}"
    )
