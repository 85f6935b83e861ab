"""Writes docs/reference/options.md from the options: ``python docs/make_reference.py``. A test keeps it current."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from airflow_kubernetes_secrets.errors import OptionError
from airflow_kubernetes_secrets.options.backend_kwargs import OPTIONS, Options

DOCS = Path(__file__).parent
PAGE = DOCS / "reference" / "options.md"
PROSE = PAGE.with_name("options-prose.md")
VARIABLE = "AIRFLOW__SECRETS__BACKEND_KWARG__"


@dataclass(frozen=True)
class Told:
    """The parts of an option's description that its definition does not contain.

    Attributes:
        takes: the type, and the allowed values.
        example: a value for ``backend_kwargs``.
        wrong: a value that is refused.
        page: the page with more information.
    """

    takes: str
    example: object
    wrong: object
    page: str = ""


_LABEL = "a label key, or `null`"
_KEY = "a key of a Secret's data: 1 to 253 of `A-Z`, `a-z`, `0-9`, `-`, `_` and `.`"
_PATTERN = "a regular expression of Python's, or `null`"
_TEXT = "a string on one line"
_SECONDS = "seconds, a number from 0 to 86400"
_TRUTH = "`true` or `false`"

_SECTIONS: Mapping[str, Mapping[str, Told]] = {
    "Where it looks": {
        "namespace": Told(
            "names of namespaces, as a list or a string with commas; or `null`",
            ["airflow-secrets", "databases"],
            "Airflow",
            "../how-to/namespaces-and-references.md#several-namespaces-and-a-namespace-for-a-team",
        ),
        "team_namespaces": Told(
            "an object: team to namespace",
            {"blue": "blue-secrets"},
            {"blue": "Blue"},
            "../how-to/teams.md#a-namespace-for-a-team",
        ),
        "team_fallback": Told(_TRUTH, False, "perhaps", "../how-to/teams.md#only-the-teams-own-secrets"),
        "references": Told(
            "an object: `connections`, `variables` and `config`, each an object: id to `name` or `namespace/name`",
            {"connections": {"my_db": "databases/app-db-app"}},
            {"connection": {"my_db": "app-db-app"}},
            "../how-to/namespaces-and-references.md#secrets-by-name",
        ),
        "path": Told(
            f"{_TEXT}, or `null`; not together with `kubeconfig` or `context`",
            "/opt/airflow/secrets",
            "",
            "folder.md#what-is-read",
        ),
    },
    "How a Secret is found": {
        "connections_label": Told(_LABEL, "example.com/connection", "my connection", "../concepts/identifiers.md"),
        "variables_label": Told(_LABEL, None, "variable/", "../concepts/identifiers.md"),
        "config_label": Told(_LABEL, "example.com/option", "-option", "../how-to/configuration-options.md"),
        "team_label": Told(
            f"{_LABEL}; another one than the three above", "example.com/team", "team:", "../how-to/teams.md"
        ),
        "connections_lookup_pattern": Told(_PATTERN, "k8s_", "k8s_(", "patterns.md#how-a-pattern-is-matched"),
        "variables_lookup_pattern": Told(_PATTERN, "(?!cosmos__)", "*", "patterns.md#how-a-pattern-is-matched"),
        "config_lookup_pattern": Told(_PATTERN, "airflow-", "[", "patterns.md#how-a-pattern-is-matched"),
    },
    "What is read from it": {
        "connections_data_key": Told(_KEY, "connection", "a key", "formats.md#what-is-read-in-which-order"),
        "variables_data_key": Told(_KEY, "variable", "", "formats.md#what-is-read-in-which-order"),
        "config_data_key": Told(_KEY, "option", "a/b", "../how-to/configuration-options.md"),
    },
    "How the API server is reached": {
        "service_account_path": Told(_TEXT, "/var/run/secrets/airflow", "", "../how-to/permissions.md#traps"),
        "kubeconfig": Told(f"{_TEXT}, or `null`", "/home/me/.kube/config", "\n"),
        "context": Told(f"{_TEXT}, or `null`", "staging", ""),
    },
    "Time": {
        "timeout": Told(
            "seconds, a number above 0 and up to 3600",
            3,
            "soon",
            "../concepts/outages.md#the-deadline-and-the-probes",
        ),
        "cache_ttl": Told(_SECONDS, 60, -1, "../concepts/freshness.md#what-a-process-does"),
        "outage_ttl": Told(_SECONDS, 0, "5 minutes", "../concepts/outages.md#what-is-used-instead"),
    },
    "Errors and logs": {
        "on_error": Told(
            '`"next"` or `"deny"`',
            "deny",
            "raise",
            "on-error.md",
        ),
        "mask_values": Told(_TRUTH, True, "all", "../how-to/masking.md"),
    },
}


def page() -> str:
    """Return the whole page."""
    described = [name for section in _SECTIONS.values() for name in section]
    if sorted(described) != sorted(OPTIONS):
        raise ValueError(f"described and not defined, or the other way round: {set(described) ^ set(OPTIONS)}")
    return PROSE.read_text().replace("<!-- options -->\n", "".join(_sections()))


def _sections() -> Iterator[str]:
    for title, options in _SECTIONS.items():
        yield f"## {title}\n\n"
        for name, told in options.items():
            yield "\n".join(_option(name, told)) + "\n\n"


def _option(name: str, told: Told) -> Sequence[str]:
    more = f" More: [{PurePosixPath(told.page.partition('#')[0]).name}]({told.page})." if told.page else ""
    default = OPTIONS[name].default
    return [
        f"### `{name}`",
        "",
        f"{OPTIONS[name].doc}{more}",
        "",
        f"- Takes {told.takes}.",
        f"- Default: `{f'{default:g}' if isinstance(default, float) else json.dumps(default)}`",
        f"- Example: `{json.dumps({name: told.example})}`",
        f"- As a variable: `{VARIABLE}{name.upper()}={_as_variable(told.example)}`",
        f"- `{json.dumps({name: told.wrong})}` is refused: `{error(name, told.wrong)}`",
    ]


def _as_variable(value: object) -> str:
    """Return the value as written after the ``=`` in a shell."""
    return shlex.quote(value if isinstance(value, str) else json.dumps(value))


def error(name: str, wrong: object) -> str:
    """Return the option's error message for a value that it must refuse."""
    try:
        Options.parse({name: wrong})
    except OptionError as refused:
        return str(refused)
    raise ValueError(f"{name} takes {wrong!r}")


if __name__ == "__main__":
    PAGE.write_text(page())
