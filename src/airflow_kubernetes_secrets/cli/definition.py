"""All commands and their arguments. argparse, Airflow and the command reference in the docs use these definitions."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = "airflow-kubernetes-secrets"
GROUP = "kubernetes-secrets"
DESCRIPTION = "Airflow's connections, variables and configuration options in Kubernetes Secrets, found by label."

KINDS = ("connection", "variable", "config")
LISTS = ("connections", "variables", "config")


@dataclass(frozen=True)
class Argument:
    """One argument, in the form of ``argparse.ArgumentParser.add_argument``.

    Attributes:
        flags: the name of a positional argument, or the flags of an option.
        help: one line for the help output.
        settings: the other arguments of ``add_argument``.
    """

    flags: tuple[str, ...]
    help: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        help: one line, for the list of commands.
        description: what the command does, in full.
        statuses: the meaning of each exit status.
        module: the module whose ``run`` takes the parsed arguments and returns the exit status. It is imported when the
            command runs.
    """

    name: str
    help: str
    description: str
    arguments: tuple[Argument, ...]
    statuses: Mapping[int, str]
    module: str


def _argument(*flags: str, help: str, **settings: Any) -> Argument:
    return Argument(flags, help, settings)


def user_name(text: str) -> str:
    """Return the name of a user that an HTTP header can carry.

    Raises:
        ArgumentTypeError: it is blank, or not printable ASCII.
    """
    if text.strip() and text.isascii() and text.isprintable():
        return text
    raise ArgumentTypeError("a user's name is printable ASCII, such as system:serviceaccount:airflow:airflow-worker")


def port_number(text: str) -> int:
    """Return a TCP port, or 0.

    Raises:
        ArgumentTypeError: it is not a number up to 65535.
    """
    if text.isascii() and text.isdecimal() and int(text) < 65536:
        return int(text)
    raise ArgumentTypeError("a port is a number up to 65535")


DEBUG = _argument("--debug", help="show the traceback of an error", action="store_true")
OUTPUT = _argument(
    "--output",
    "-o",
    help="how to show it (default: table on a terminal, else plain)",
    choices=("table", "json", "yaml", "plain"),
)
TEAM = _argument("--team", help="the team that asks", metavar="TEAM")

# Arguments that replace where Airflow is configured to look.
ACCESS = (
    _argument("--kubeconfig", help="a kubeconfig, in place of what Airflow is configured with", metavar="PATH"),
    _argument("--context", help="a context in the kubeconfig", metavar="NAME"),
    _argument(
        "--namespace",
        "-n",
        help="the namespace to look in, or several with commas between them, in place of those that Airflow is "
        "configured with",
        metavar="NAME",
    ),
    _argument(
        "--as",
        help="the user to impersonate, such as system:serviceaccount:airflow:airflow-worker",
        metavar="USER",
        dest="as_user",
        type=user_name,
    ),
    DEBUG,
)

EXPLAIN = Command(
    "explain",
    "say how Airflow looks an id up, and why it finds what it finds",
    "Follow one lookup all the way: the configuration, who asks where, what was asked, which Secret answers and which "
    "are passed over and why, whether Airflow can parse it, and what Airflow does not read because of it. No value is "
    "shown.",
    (
        _argument("kind", help="what it is", choices=KINDS),
        _argument("id", help="the connection's id, the variable's key, or what …_SECRET says", metavar="ID"),
        TEAM,
        _argument("--output", "-o", help="how to show it", choices=("text", "json", "yaml"), default="text"),
        *ACCESS,
    ),
    {0: "found", 1: "not found", 2: "trouble: it could not be looked up, or cannot be read"},
    "airflow_kubernetes_secrets.cli.explain",
)

LIST = Command(
    "list",
    "list the connections, variables and options in Secrets",
    "List what there is in the namespaces that Airflow looks in, by team and namespace, with what is wrong with it. No "
    "value is shown.",
    (
        _argument("kind", help="only these (default: all)", choices=LISTS, nargs="?"),
        _argument("--team", help="only those of this team", metavar="TEAM"),
        _argument("--problems", help="only those that something is wrong with", action="store_true"),
        OUTPUT,
        *ACCESS,
    ),
    {0: "listed", 1: "some namespace or Secret could not be read", 2: "trouble: nothing could be listed"},
    "airflow_kubernetes_secrets.cli.list",
)

DOCTOR = Command(
    "doctor",
    "check everything that a deployment needs",
    "Check the configuration as Airflow will see it, the credentials, the API server, permissions, the Secrets "
    "themselves and the settings of caches, and say what to do. It starts where Airflow itself cannot.",
    (
        _argument("--output", "-o", help="how to show it", choices=("text", "json", "yaml"), default="text"),
        *ACCESS,
    ),
    {0: "nothing is wrong; there may be warnings", 1: "something is wrong", 2: "trouble: the checks themselves failed"},
    "airflow_kubernetes_secrets.cli.doctor",
)

RBAC = Command(
    "rbac",
    "print the Roles and RoleBindings that this configuration needs",
    "Print least-privilege manifests for kubectl: in each namespace that Airflow looks in the verbs that it uses, and "
    "where references allow it only the Secrets that they name.",
    (
        _argument(
            "--service-account",
            "-s",
            help="a service account to bind, as NAME or NAMESPACE/NAME; once for each component of Airflow that reads "
            "Secrets",
            metavar="SA",
            action="append",
            required=True,
        ),
        _argument(
            "--name",
            help="what the Roles are called (default: airflow-kubernetes-secrets)",
            default="airflow-kubernetes-secrets",
            metavar="NAME",
        ),
        _argument(
            "--namespace",
            "-n",
            help="the namespaces, with commas between them, in place of those that Airflow is configured with",
            metavar="NAME",
        ),
        DEBUG,
    ),
    {0: "printed", 2: "trouble: something is not known or not valid"},
    "airflow_kubernetes_secrets.cli.rbac",
)

_DATA = (
    _argument(
        "--uri",
        help="a connection as a URI; '-' reads it from standard input, or asks for it on a terminal",
        metavar="-",
    ),
    _argument("--json", help="a connection as Airflow's JSON; '-' as above", metavar="-"),
    _argument("--value", help="a variable or configuration option; '-' as above", metavar="-"),
    _argument(
        "--from-file",
        help="the same out of a file, exactly as it is there; '-' is standard input",
        metavar="PATH",
        type=Path,
    ),
    _argument(
        "--field",
        help="a field of a connection (conn_type, host, login, password, port, schema, extra), each a key of its own "
        "in the Secret; NAME=- reads it as above",
        metavar="NAME=VALUE",
        action="append",
        default=[],
    ),
    _argument(
        "--allow-secret-arguments",
        help="take secret values from the command line itself, where the history of the shell and the list of "
        "processes show them",
        action="store_true",
    ),
)

PUT = Command(
    "put",
    "create or update the Secret of a connection, variable or option",
    "Write a labelled Secret by server-side apply, and read it back as Airflow would. Where a Secret for the id "
    "exists, that one is updated; one that an operator keeps is left alone.",
    (
        _argument("kind", help="what it is", choices=KINDS),
        _argument("id", help="the connection's id, the variable's key, or what …_SECRET says", metavar="ID"),
        *_DATA,
        TEAM,
        _argument("--name", help="the Secret's name (default: one that is made of the id)", metavar="NAME"),
        _argument(
            "--dry-run",
            help="client: only make the manifest; server: have the API server check it too; neither stores anything",
            choices=("client", "server"),
        ),
        _argument("--output", "-o", help="print the Secret too, with its data in base64", choices=("yaml", "json")),
        _argument("--force", help="take fields over from others that manage them", action="store_true"),
        *ACCESS,
    ),
    {
        0: "written, and read back",
        1: "refused and not written; or written, and another Secret comes before it",
        2: "trouble: not written, or not read back",
    },
    "airflow_kubernetes_secrets.cli.put",
)

CHECK = Command(
    "check",
    "check manifests before they are merged",
    "Read manifests of Secrets, and of resources that make Secrets, as Airflow would find what they make: labels, "
    "ids, duplicates, keys, values, templates that lose labels. It needs no cluster and no database.",
    (
        _argument(
            "paths",
            help="files, or folders of .yaml, .yml and .json; '-' reads standard input; all together are one set",
            nargs="+",
            metavar="PATH",
            type=Path,
        ),
        _argument(
            "--output",
            "-o",
            help="how to show it; github: as annotations of a workflow's run",
            choices=("text", "json", "github"),
            default="text",
        ),
        _argument(
            "--namespace",
            "-n",
            help="the namespace of manifests that name none (default: default)",
            metavar="NAME",
            default="default",
        ),
        _argument(
            "--exclude",
            help="leave out paths, or names of files and folders, that match this pattern; can be given several times",
            metavar="GLOB",
            action="append",
            default=[],
        ),
        _argument("--strict", help="fail on warnings too", action="store_true"),
        DEBUG,
    ),
    {
        0: "nothing is wrong; there may be warnings, and notices of what cannot be checked",
        1: "something is wrong",
        2: "trouble: a path cannot be read",
    },
    "airflow_kubernetes_secrets.cli.check",
)

EXPORT = Command(
    "export",
    "write manifests for connections and variables that are elsewhere",
    "Write one labelled Secret manifest for each connection and variable, for kubectl or for sealing. The files hold "
    "the values; they are readable by their owner only.",
    (
        _argument(
            "--from",
            help="metadata-db: Airflow's database; env: the variables AIRFLOW_CONN_… and AIRFLOW_VAR_…; else the path "
            "of a file that 'airflow connections export' or 'airflow variables export' has written",
            metavar="SOURCE",
            required=True,
            dest="source",
        ),
        _argument("--output-dir", "-o", help="the folder to write to", metavar="DIR", required=True, type=Path),
        _argument(
            "--kind",
            help="only these; needed for a file that does not say which it holds",
            choices=("connections", "variables"),
        ),
        _argument("--namespace", "-n", help="the namespace in the manifests (default: none)", metavar="NAME"),
        _argument("--team", help="the team of what has none of its own", metavar="TEAM"),
        _argument("--force", help="replace files that are there", action="store_true"),
        _argument("--report", help="how to show what was done", choices=("text", "json"), default="text"),
        DEBUG,
    ),
    {0: "all were written", 1: "some could not be written; the report names them", 2: "trouble: nothing was written"},
    "airflow_kubernetes_secrets.cli.export",
)

DEVSERVER = Command(
    "devserver",
    "run a Kubernetes API for Secrets on this machine, without a cluster",
    "Run a Kubernetes API for Secrets and namespaces on loopback, for kubectl and Airflow, until Ctrl-C. It keeps "
    "nothing: Secrets made over its API are gone when it stops.",
    (
        _argument(
            "--manifests",
            help="serve the Secrets in this folder of YAML and JSON, and follow it",
            metavar="DIR",
            type=Path,
        ),
        _argument("--port", help="the port to listen on (default: a free one)", type=port_number, default=0),
        _argument("--host", help="the loopback address", choices=("127.0.0.1", "::1"), default="127.0.0.1"),
        _argument(
            "--namespace", help="a namespace to create; Airflow's and kubectl's (default: airflow)", default="airflow"
        ),
        _argument(
            "--directory",
            help="where to write ca.crt, kubeconfig and serviceaccount/ (default: a temporary folder); removed at the "
            "end. It is an error if they exist",
            metavar="DIR",
            type=Path,
        ),
        _argument(
            "--ready-file",
            help="written when requests are answered, with the export lines for a shell; removed at the end. "
            "It is an error if it exists",
            metavar="FILE",
            type=Path,
        ),
        DEBUG,
    ),
    {0: "stopped", 1: "it could not be started"},
    "airflow_kubernetes_secrets.cli.devserver",
)

COMMANDS = (EXPLAIN, LIST, DOCTOR, RBAC, PUT, CHECK, EXPORT, DEVSERVER)
