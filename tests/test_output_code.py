"""All code that outputs text. New output code must make its text printable.

Add a line here only after a decision: the text must be printable, or another program prints it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from support.airflow import ROOT

SOURCES = (ROOT / "src" / "airflow_kubernetes_secrets", ROOT / "cncf-path" / "src", ROOT / "devserver" / "src")

# By module. cli/output.py and messages/notices.py escape what they print and log.
OUTPUT_CODE = {
    "cli/output.py": {
        "rich.console.Console",
        "rich.progress.Progress",
        "rich.progress.TextColumn",
        "rich.table.Table",
        "rich.table.Table.grid",
        "rich.text.Text",
        "rich.text.Text.assemble",
        "sys.stderr.isatty",
        "sys.stderr.write",
        "sys.stdout.flush",
        "sys.stdout.isatty",
        "sys.stdout.write",
        "traceback.format_exception",
    },
    # It escapes what it returns.
    "manifests/yaml_text.py": {"yaml.SafeDumper", "yaml.dump_all"},
    "messages/notices.py": {"logging.getLogger", "_log.isEnabledFor", "_log.log"},
    # Its parser escapes argparse's messages about arguments.
    "cli/main.py": {
        "argparse.ArgumentParser",
        "sys.stderr",
        "sys.stdout",
        "sys.stdout.fileno",
        "sys.stdout.flush",
        # This silences the logger.
        "logging.getLogger",
    },
    "cli/devserver.py": {"sys.stdout.flush"},
    # The name of a field or argument.
    "cli/read_value.py": {"getpass.getpass", "warnings.catch_warnings", "warnings.simplefilter"},
    # The devserver's own error, which is escaped there.
    "airflow_kubernetes_secrets_devserver/app.py": {"logging.getLogger", "log.error", "traceback.format_tb"},
    # The list of the files that it has created.
    "airflow_kubernetes_secrets_devserver/own_files.py": {"os.write"},
    # A kubeconfig, in ASCII.
    "airflow_kubernetes_secrets_devserver/client_files.py": {"yaml.safe_dump"},
    # This silences the compiler of DAG files.
    "usage/dag_code.py": {"warnings.catch_warnings", "warnings.simplefilter"},
    # The messages of the command go through `printable`.
    "ui/used_ids.py": {"logging.getLogger", "_log.warning"},
    # This silences Airflow.
    "backend/airflow_versions.py": {"logging.getLogger", "logging.disable", "logging.root.manager.disable"},
}

MODULES = ("argparse", "getpass", "logging", "sys", "traceback", "warnings", "yaml", "rich")
LOGS = ("log", "_log", "logger", "_logger")

# Parts of these modules that write nothing.
HARMLESS = {
    *(f"logging.{level}" for level in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
    *(f"argparse.{name}" for name in ("ArgumentTypeError", "Namespace")),
    *(
        f"sys.{name}"
        for name in (
            "executable",
            "exit",
            "modules",
            "path",
            "stdlib_module_names",
            "modules.get",
            "meta_path",
            "stdin",
            "stdin.buffer",
            "stdin.buffer.read",
            "stdin.isatty",
            "stdout.encoding",
            "stdout.errors",
            "stdout.reconfigure",
            "version_info",
        )
    ),
    "getpass.GetPassWarning",
    "rich.box.SIMPLE_HEAD",
    "rich.progress.SpinnerColumn",
    "rich.progress.TimeElapsedColumn",
    *(f"log.{name}" for name in ("addFilter", "filters", "level", "setLevel")),
    "sys._getframe",
    "sys.meta_path.append",
    *(
        f"yaml.{name}"
        for name in ("AliasEvent", "MappingNode", "MarkedYAMLError", "Node", "SafeLoader", "ScalarNode", "Token")
    ),
    "sys.maxsize",
    *(f"yaml.{name}" for name in ("ScalarEvent", "ScalarToken", "SequenceNode")),
    "yaml.SafeLoader.ESCAPE_REPLACEMENTS.items",
    "yaml.SafeLoader.flatten_mapping",
    "yaml.SafeLoader.timestamp_regexp.match",
    "yaml.SafeLoader.yaml_constructors",
    "yaml.SafeLoader.yaml_implicit_resolvers.items",
}


def test_list_of_output_code_is_complete() -> None:
    found: dict[str, set[str]] = {}
    for folder in SOURCES:
        for path in sorted(folder.rglob("*.py")):
            ways = set(_output_calls(ast.parse(path.read_text(), str(path))))
            if ways:
                found[str(path.relative_to(folder))] = ways
    assert found == OUTPUT_CODE


def _output_calls(tree: ast.AST) -> Iterator[str]:
    imported = dict(_imported(tree))
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        # Only the longest chain counts: ``sys.stdout.write``, and not ``sys.stdout`` too.
        if not isinstance(node, (ast.Name, ast.Attribute)) or id(node) in inner:
            continue
        name = _dotted(node)
        first, dot, rest = name.partition(".")
        name = imported.get(first, first) + dot + rest
        top = name.partition(".")[0]
        if (
            name in ("print", "input", "breakpoint")
            or name.startswith(("os.write", "os.system"))
            or ((top in MODULES or (top in LOGS and dot)) and name not in HARMLESS and name not in MODULES)
        ):
            yield name


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the names in a module, with the full names of what they refer to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for each in node.names:
                yield each.asname or each.name, f"{node.module}.{each.name}"
        elif isinstance(node, ast.Import):
            for each in node.names:
                if each.asname:
                    yield each.asname, each.name


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def test_output_code_is_detected() -> None:
    """Check the test itself: it finds each output call in a module."""
    program = """
import logging, sys, warnings
from logging import getLogger as get
from rich.console import Console
import traceback as tb
log = get(__name__)
def use(text):
    print(text); sys.stderr.write(text); log.info(text); logging.warning(text); Console().print(text)
    warnings.warn(text); tb.print_exc(); out = sys.stdout
"""
    assert set(_output_calls(ast.parse(program))) == {
        "logging.getLogger",
        "print",
        "sys.stderr.write",
        "sys.stdout",
        "log.info",
        "logging.warning",
        "rich.console.Console",
        "warnings.warn",
        "traceback.print_exc",
    }
