"""All commands and their arguments. argparse, Airflow and the command reference in the docs use these definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_kubernetes_secrets.cli.argument_values import (
    count_argument,
    path_argument,
    port_argument,
    team_argument,
    user_argument,
)

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


DEBUG = _argument("--debug", help="show the traceback of an error", action="store_true")
OUTPUT = _argument(
    "--output",
    "-o",
    help="the output format (default: table on a terminal, else plain)",
    choices=("table", "json", "yaml", "plain"),
)
ID = _argument(
    "id",
    help="a connection id, the key of a variable, or the id that an option with the suffix _SECRET names",
    metavar="ID",
)
TEAM = _argument("--team", help="the team of the lookup", metavar="TEAM", type=team_argument)
KUBECONFIG = _argument("--kubeconfig", help="a kubeconfig, instead of Airflow's configured credentials", metavar="PATH")
CONTEXT = _argument("--context", help="a context in the kubeconfig", metavar="NAME")
AS_USER = _argument(
    "--as",
    help="the user to impersonate, such as system:serviceaccount:airflow:airflow-worker",
    metavar="USER",
    dest="as_user",
    type=user_argument,
)


def _access(namespace: str) -> tuple[Argument, ...]:
    """Return the arguments that replace parts of Airflow's configuration; ``namespace`` begins that argument's help."""
    return (
        KUBECONFIG,
        CONTEXT,
        _argument(
            "--namespace",
            "-n",
            help=f"{namespace}, instead of the namespaces that Airflow is configured with",
            metavar="NAME",
        ),
        AS_USER,
        DEBUG,
    )


ACCESS = _access("the namespace to search, or several separated by commas")
DAGS = _argument(
    "--dags",
    help="read the DAGs in this folder or archive, instead of those of this deployment; can be given several times",
    metavar="DIR",
    action="append",
    default=[],
    type=path_argument,
)

EXPLAIN = Command(
    "explain",
    "explain how Airflow looks up an id, and why a Secret is or is not selected",
    "Show every step of one lookup: the configuration, the user, the API server and the queries. Show which Secret is "
    "selected, whether Airflow can parse it, and why other Secrets are skipped. Also show the entries with this id in "
    "the environment or database, which Airflow does not use because of the Secret. No value is shown.",
    (
        _argument("kind", help="the kind", choices=KINDS),
        ID,
        TEAM,
        _argument(
            "--test",
            help="also let the connection's hook test it, in a process of its own that ends after 60 s. Airflow's "
            "option [core] test_connection must be Enabled",
            action="store_true",
        ),
        replace(DAGS, help="also show where the DAGs in this folder or archive use the id; can be given several times"),
        _argument("--output", "-o", help="the output format", choices=("text", "json", "yaml"), default="text"),
        *ACCESS,
    ),
    {
        0: "found",
        1: "not found",
        2: "error: the lookup failed, or the Secret cannot be read",
        3: "found, but --test failed or was not possible",
    },
    "airflow_kubernetes_secrets.cli.explain",
)

LIST = Command(
    "list",
    "list the connections, variables and configuration options in Secrets",
    "List the connections, variables and configuration options in the Secrets of all namespaces that Airflow searches, "
    "with their problems. The list is sorted by kind, team and id. No value is shown.",
    (
        _argument("kind", help="only this kind (default: all)", choices=LISTS, nargs="?"),
        _argument("--team", help="only entries of this team", metavar="TEAM", type=team_argument),
        _argument("--problems", help="only entries with problems", action="store_true"),
        OUTPUT,
        *ACCESS,
    ),
    {0: "listed", 1: "a namespace or Secret could not be read", 2: "error: nothing could be listed"},
    "airflow_kubernetes_secrets.cli.list",
)

USAGE = Command(
    "usage",
    "show which connections and variables DAGs use, and what provides each",
    "Find the connections, variables and options that DAGs use, in their code and in the metadata database, and show "
    "what provides each: a Secret, the environment, the database, or nothing. DAG code is parsed and never run. Ids "
    "that are known only when the code runs are counted. No value is shown.",
    (
        DAGS,
        _argument("--team", help="the team that the DAGs of --dags belong to", metavar="TEAM", type=team_argument),
        _argument(
            "--missing",
            help="only ids whose status is missing or unknown; also print the commands that create the missing Secrets "
            "and that move ids from the environment or the metadata database into Secrets",
            action="store_true",
        ),
        _argument(
            "--unused", help="only the connections and variables in Secrets that no DAG uses", action="store_true"
        ),
        _argument("--id", help="only this id, with all its uses", metavar="ID"),
        _argument(
            "--no-database",
            help="do not read DAGs, connections and variables from the metadata database",
            action="store_false",
            dest="database",
        ),
        _argument(
            "--processes",
            help="how many processes may parse DAG code at the same time (default: one for each CPU, at most 8)",
            metavar="COUNT",
            type=count_argument,
        ),
        OUTPUT,
        *ACCESS,
    ),
    {
        0: "nothing is missing",
        1: "an id that is shown is missing",
        2: "error: something could not be read, so it is unknown whether an id is missing",
    },
    "airflow_kubernetes_secrets.cli.usage",
)

DOCTOR = Command(
    "doctor",
    "check everything that a deployment needs",
    "Check the configuration, the credentials, the API server, the permissions, the Secrets and the cache settings, "
    "and print what to do. The command works even if Airflow itself does not start.",
    (
        _argument("--output", "-o", help="the output format", choices=("text", "json", "yaml"), default="text"),
        *ACCESS,
    ),
    {0: "no errors; there may be warnings", 1: "there are errors", 2: "error: the checks themselves failed"},
    "airflow_kubernetes_secrets.cli.doctor",
)

RBAC = Command(
    "rbac",
    "print the Roles and RoleBindings that this configuration needs",
    "Print manifests of Roles and RoleBindings for kubectl. In each namespace that Airflow searches, they grant only "
    "the verbs that Airflow uses. For references, they grant 'get' on the named Secrets only.",
    (
        _argument(
            "--service-account",
            "-s",
            help="a service account that gets the permissions, as NAME or NAMESPACE/NAME; give one for each component "
            "of Airflow that reads Secrets",
            metavar="SA",
            action="append",
            required=True,
        ),
        _argument(
            "--name",
            help="the name of the Roles (default: airflow-kubernetes-secrets)",
            default="airflow-kubernetes-secrets",
            metavar="NAME",
        ),
        _argument(
            "--namespace",
            "-n",
            help="the namespaces, separated by commas, instead of the namespaces that Airflow is configured with",
            metavar="NAME",
        ),
        DEBUG,
    ),
    {
        0: "printed, or no permission is needed",
        2: "error: an argument or an option in backend_kwargs is invalid, or the namespace is not known",
    },
    "airflow_kubernetes_secrets.cli.rbac",
)

_DATA = (
    _argument(
        "--uri",
        help="a connection as a URI; '-' reads it from standard input, or prompts for it on a terminal",
        metavar="-",
    ),
    _argument("--json", help="a connection as Airflow's JSON; '-' as for --uri", metavar="-"),
    _argument("--value", help="a variable or configuration option; '-' as for --uri", metavar="-"),
    _argument(
        "--from-file",
        help="read the value from this file, byte for byte; '-' is standard input",
        metavar="PATH",
        type=path_argument,
    ),
    _argument(
        "--field",
        help="a field of a connection (conn_type, host, login, password, port, schema, extra), stored in a key of its "
        "own in the Secret; NAME=- reads the value like --uri -",
        metavar="NAME=VALUE",
        action="append",
        default=[],
    ),
    _argument(
        "--allow-secret-arguments",
        help="accept values in arguments, although the shell history and the process list show them",
        action="store_true",
    ),
)

PUT = Command(
    "put",
    "create or update the Secret of a connection, variable or configuration option",
    "Write a labelled Secret by server-side apply, and read it back as Airflow would. If a Secret "
    "for the id exists, it is updated, unless an operator manages it.",
    (
        _argument("kind", help="the kind", choices=KINDS),
        ID,
        *_DATA,
        _argument("--team", help="the team that the Secret belongs to", metavar="TEAM", type=team_argument),
        _argument("--name", help="the Secret's name (default: derived from the id)", metavar="NAME"),
        _argument(
            "--bundle",
            help="write the value into the bundle of this name, as one key of it; its other keys are not affected",
            metavar="NAME",
        ),
        _argument(
            "--dry-run",
            help="store nothing. client: only create the manifest; server: let the API server check it too",
            choices=("client", "server"),
        ),
        _argument("--output", "-o", help="print the Secret too, with its data in base64", choices=("yaml", "json")),
        _argument(
            "--force",
            help="overwrite keys that other field managers own, and remove fields that are not given",
            action="store_true",
        ),
        *_access("the namespace to write to"),
    ),
    {
        0: "written, and read back",
        1: "refused and not written; or written, but Airflow does not read it",
        2: "error: not written, not read back, or the output cannot be written",
    },
    "airflow_kubernetes_secrets.cli.put",
)

CHECK = Command(
    "check",
    "check manifests before they are merged",
    "Check manifests of Secrets, and of resources that create Secrets. Report what Airflow cannot find or read: wrong "
    "labels, ids, keys and values, duplicates, and templates that omit labels. No cluster and no database are needed.",
    (
        _argument(
            "paths",
            help="files, or folders with .yaml, .yml, .json and Kustomization files; '-' reads standard input; all of "
            "them are checked together",
            nargs="+",
            metavar="PATH",
            type=path_argument,
        ),
        _argument(
            "--output",
            "-o",
            help="the output format; github: comments at the lines of a pull request",
            choices=("text", "json", "github"),
            default="text",
        ),
        _argument(
            "--namespace",
            "-n",
            help="the namespace for manifests without a namespace (default: default)",
            metavar="NAME",
            default="default",
        ),
        _argument(
            "--exclude",
            help="skip paths, or names of files and folders, that match this pattern; can be given several times",
            metavar="GLOB",
            action="append",
            default=[],
        ),
        replace(
            DAGS,
            help="also check that there is a manifest for each id that the DAGs in this folder or archive use; can be "
            "given several times",
        ),
        _argument("--strict", help="fail on warnings too", action="store_true"),
        DEBUG,
    ),
    {
        0: "no errors; there may be warnings, and notices of what cannot be checked",
        1: "there are errors, or warnings with --strict",
        2: "error: a path cannot be read, or an argument is invalid",
    },
    "airflow_kubernetes_secrets.cli.check",
)

EXPORT = Command(
    "export",
    "write manifests for connections and variables from other sources",
    "Write the manifest of a labelled Secret for each connection and variable. Apply the manifests with kubectl, or "
    "seal them. They contain the values, and only your user can read the files.",
    (
        _argument(
            "--from",
            help="metadata-db: Airflow's database; env: the variables AIRFLOW_CONN_… and AIRFLOW_VAR_…; else the path "
            "of a file that 'airflow connections export' or 'airflow variables export' wrote",
            metavar="SOURCE",
            required=True,
            dest="source",
        ),
        _argument(
            "--output-dir", "-o", help="the folder to write to", metavar="DIR", required=True, type=path_argument
        ),
        _argument(
            "--kind",
            help="only this kind; required for a file that does not specify its kind",
            choices=("connections", "variables"),
        ),
        _argument(
            "--namespace",
            "-n",
            help="the namespace in the manifests (default: none; with --missing: the first one that Airflow searches)",
            metavar="NAME",
        ),
        _argument(
            "--team",
            help="entries without a team get this team. With --missing, it is the team of the DAGs in --dags, and such "
            "entries stay without a team",
            metavar="TEAM",
            type=team_argument,
        ),
        _argument(
            "--missing",
            help="only connections and variables that DAGs use, as 'usage' finds them, and that no Secret provides",
            action="store_true",
        ),
        replace(DAGS, help=f"only with --missing: {DAGS.help}"),
        _argument(
            "--bundle",
            help="write one Secret for each kind, in which every key is an id, instead of one for each id",
            action="store_true",
        ),
        _argument("--force", help="replace existing files", action="store_true"),
        _argument("--report", help="the format of the report", choices=("text", "json"), default="text"),
        *(replace(each, help=f"only with --missing: {each.help}") for each in (KUBECONFIG, CONTEXT, AS_USER)),
        DEBUG,
    ),
    {
        0: "all entries were written",
        1: "some entries could not be written, and the report names them; or --missing could not read all DAGs",
        2: "error: nothing was written, or the export ended before all entries were written",
    },
    "airflow_kubernetes_secrets.cli.export",
)

DEVSERVER = Command(
    "devserver",
    "run a Kubernetes API for Secrets on this machine, without a cluster",
    "Run a Kubernetes API for Secrets, ConfigMaps and namespaces on loopback, for kubectl and Airflow, until Ctrl-C. "
    "It stores nothing: objects that are created over its API are lost when it stops.",
    (
        _argument(
            "--manifests",
            help="serve the Secrets and ConfigMaps in this folder of YAML and JSON, and follow its changes",
            metavar="DIR",
            type=path_argument,
        ),
        _argument("--port", help="the port to listen on (default: a free one)", type=port_argument, default=0),
        _argument("--host", help="the loopback address", choices=("127.0.0.1", "::1"), default="127.0.0.1"),
        _argument(
            "--namespace",
            help="a namespace to create; Airflow and kubectl use it (default: airflow)",
            default="airflow",
        ),
        _argument(
            "--directory",
            help="where to write ca.crt, kubeconfig and serviceaccount/ (default: a temporary folder). They are "
            "removed at the end. It is an error if other files have these names",
            metavar="DIR",
            type=path_argument,
        ),
        _argument(
            "--ready-file",
            help="a file with export lines for a shell, written when the server is ready; removed at the end. "
            "It is an error if another file has this name",
            metavar="FILE",
            type=path_argument,
        ),
        DEBUG,
    ),
    {0: "stopped", 1: "it could not be started, or ended by itself"},
    "airflow_kubernetes_secrets.cli.devserver",
)

COMMANDS = (EXPLAIN, LIST, USAGE, DOCTOR, RBAC, PUT, CHECK, EXPORT, DEVSERVER)
