"""``airflow-kubernetes-secrets put``: creates or updates the Secret of a connection, variable or option.

Values come from standard input, from a terminal without echo, or from a file. From standard input, one newline at the
end is removed, because ``echo`` and most programs add it. A file is taken exactly as it is.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import warnings
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from dataclasses import field as value_field
from difflib import get_close_matches
from getpass import GetPassWarning, getpass
from pathlib import Path
from typing import BinaryIO

from airflow_kubernetes_secrets.cli.access import usable_configuration
from airflow_kubernetes_secrets.cli.definition import PROGRAM
from airflow_kubernetes_secrets.cli.output import print_document, print_line, say
from airflow_kubernetes_secrets.deployment.configuration import AirflowConfiguration
from airflow_kubernetes_secrets.errors import OneLineError
from airflow_kubernetes_secrets.formats.aliases import ALIASES, URI, folded
from airflow_kubernetes_secrets.inventory.cluster import Cluster
from airflow_kubernetes_secrets.lookup.selection import Kind, Lookup
from airflow_kubernetes_secrets.manifests.put import PutResult, write
from airflow_kubernetes_secrets.manifests.requested_secret import (
    CheckedManifest,
    RequestedSecret,
    checked_manifest,
    namespace_for,
)
from airflow_kubernetes_secrets.manifests.secret_manifest import LARGEST_BYTES, NotWritableError
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.options.backend_kwargs import Options

_WRITTEN, _REFUSED, _ERROR = 0, 1, 2

STDIN = "-"

# Fields that are a password, or may contain one.
_SECRET_FIELDS = (URI, "password", "extra")
_FIELDS = {name: field for field, names in ALIASES.items() for name in names}
_OF_A_CONNECTION = "--uri, --json, --from-file or --field"

# A terminal cuts off lines after this many bytes. https://man7.org/linux/man-pages/man3/termios.3.html
_LONGEST_TYPED = 4095


@dataclass(frozen=True)
class _Given:
    """One value from the command line. Its ``repr`` does not show the value.

    Attributes:
        argument: the argument without its value.
        text: the value, ``-`` to read it, or the path of a file.
        field: the field of a connection that it sets; empty if it is the whole value.
    """

    argument: str
    text: str = value_field(repr=False)
    field: str = ""


def run(arguments: argparse.Namespace) -> int:
    """Write the Secret, or say why it is refused."""
    try:
        return _put(arguments)
    except NotWritableError as error:
        _fail(str(error))
        return _REFUSED


def _put(arguments: argparse.Namespace) -> int:
    """Write the Secret, or with ``--dry-run=client`` only make its manifest."""
    kind = Kind[arguments.kind.upper()]
    given = _given(kind, arguments)
    _check_given(given, arguments.allow_secret_arguments)
    configured = usable_configuration()
    access = {"kubeconfig": arguments.kubeconfig, "context": arguments.context}
    options = configured.options(**access, namespace=arguments.namespace)
    is_local = arguments.dry_run == "client"
    if options.path is not None and not is_local:
        raise NotWritableError(
            f"Airflow reads the folder {printable(options.path)} instead of an API ('path' in backend_kwargs). "
            "Write a manifest into it: run this command with --dry-run=client -o yaml, and redirect the output "
            "to a file there. Or choose an API with --kubeconfig"
        )
    lookup = Lookup(kind, arguments.id, arguments.team or None)
    namespace = options.namespaces[0] if arguments.namespace else namespace_for(lookup, options)
    data = {each.field or kind.data_key(options): _value(each) for each in given}
    wanted = RequestedSecret(lookup, data, bool(given[0].field), namespace, arguments.name)
    if is_local:
        made = checked_manifest(wanted, options, namespace)
        _show(arguments, lookup, made, "dry run")
        return _WRITTEN
    with closing(Cluster(options, arguments.as_user)) as cluster:
        looked_up = _as_airflow(options, configured.options(**access), cluster.namespace(namespace))
        written = write(cluster, wanted, looked_up, force=arguments.force, dry_run=arguments.dry_run is not None)
        written = _unless_not_searched(written, configured, lookup, cluster.namespace(namespace))
    return _report(arguments, lookup, written)


def _as_airflow(options: Options, configured: Options, namespace: str) -> Options:
    """Return the options for reading the Secret back.

    If Airflow searches the namespace that is written to, these are Airflow's own options, with all its namespaces.
    """
    return configured if namespace in (configured.namespace or ()) else options


def _unless_not_searched(
    written: PutResult, configured: AirflowConfiguration, lookup: Lookup, namespace: str
) -> PutResult:
    """Return the result, marked as hidden if Airflow does not search the namespace that was written to.

    If the options name no namespace, it is unknown which one Airflow searches.
    """
    options = configured.options()
    known = (*(options.namespace or ()), options.team_namespaces.get(lookup.team or ""))
    if not configured.backend or options.namespace is None or namespace in known:
        return written
    return replace(
        written,
        hidden=f"Airflow does not search namespace {namespace}: 'namespace' in backend_kwargs "
        f"is {', '.join(options.namespace)}. Use one of these, or add the namespace to the option",
    )


def _given(kind: Kind, arguments: argparse.Namespace) -> Sequence[_Given]:
    """Return the values from the command line: one whole value, or several fields."""
    whole = {"--uri": arguments.uri, "--json": arguments.json, "--value": arguments.value}
    path = None if arguments.from_file is None else str(arguments.from_file)
    given = [_Given(name, text) for name, text in {**whole, "--from-file": path}.items() if text is not None]
    is_connection = kind is Kind.CONNECTION
    wrong = ("--value",) if is_connection else ("--uri", "--json")
    if any(each.argument in wrong for each in given) or (arguments.field and not is_connection):
        usable = _OF_A_CONNECTION if is_connection else "--value or --from-file"
        raise NotWritableError(f"pass a {kind.word} with {usable}")
    ways = len(given) + bool(arguments.field)
    if ways != 1:
        usable = _OF_A_CONNECTION if is_connection else "--value or --from-file"
        raise NotWritableError(
            f"{'there is no value to write' if not ways else 'the value is passed in two ways'}: use {usable}"
        )
    return given or _fields(arguments.field)


def _fields(arguments: Sequence[str]) -> Sequence[_Given]:
    """Return the fields of a connection from the ``--field`` arguments."""
    found: dict[str, _Given] = {}
    for argument in arguments:
        name, equals, text = argument.partition("=")
        if not equals:
            raise NotWritableError("--field must be NAME=VALUE, or NAME=- to read the value; one has no '='")
        field = _FIELDS.get(folded(name.strip()))
        if field is None:
            raise NotWritableError(f"--field: {_unknown(name)}; the fields are {', '.join(ALIASES)}")
        if field in found:
            raise NotWritableError(f"--field: {field} is given twice")
        found[field] = _Given(f"--field {field}", text, field)
    return list(found.values())


def _unknown(name: str) -> str:
    """Return the message for an unknown field."""
    # If the name was left out, the text before the '=' can be a part of a password.
    nearest = get_close_matches(folded(name), _FIELDS, n=1) if re.fullmatch("[A-Za-z_.-]{1,30}", name) else []
    return (
        f"{name!r} is not a field; did you mean {nearest[0]!r}?"
        if nearest
        else "the name before the '=' is not a field"
    )


def _check_given(given: Sequence[_Given], allow_secret_arguments: bool) -> None:
    """Refuse secret values on the command line, and more than one value from standard input."""
    for each in given:
        if not allow_secret_arguments and _is_secret_argument(each):
            of_it = f"{each.argument}=-" if each.field else f"{each.argument} -"
            other = "" if each.field else " or --from-file"
            raise NotWritableError(
                f"{each.argument} has its value on the command line, where the shell history and "
                f"the process list show it. Use {of_it}{other}, or --allow-secret-arguments"
            )
    read = [each.argument for each in given if _is_read(each)]
    if len(read) > 1 and not _is_a_terminal():
        raise NotWritableError(
            f"{' and '.join(read)} cannot both be read from standard input; use a terminal, or --json -"
        )


def _is_read(given: _Given) -> bool:
    return given.text == STDIN and given.argument != "--from-file"


def _is_secret_argument(given: _Given) -> bool:
    if given.argument == "--from-file" or given.text == STDIN:
        return False
    # A host may be a whole URL with login and password.
    return given.field in ("", *_SECRET_FIELDS) or (given.field == "host" and "@" in given.text)


def _value(given: _Given) -> bytes:
    """Return the bytes of a value, from the command line, a file, a terminal or standard input.

    Raises:
        NotWritableError: there is no value, it has the wrong format, or the terminal cannot hide what is typed.
    """
    if given.argument == "--from-file":
        return _read_standard_input() if given.text == STDIN else _file(Path(given.text))
    value = _read(given) if _is_read(given) else os.fsencode(given.text)
    if given.argument in ("--uri", "--json"):
        is_json = value.lstrip().startswith(b"{")
        if is_json != (given.argument == "--json"):
            right = "JSON ({…}); use --json" if is_json else "not JSON ({…}); for a URI use --uri"
            raise NotWritableError(f"the value of {given.argument} is {right}")
    return value


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return _bounded(file, "--from-file")
    except OSError as error:
        problem = error.strerror
    raise OneLineError(f"{path} cannot be read: {problem}")


def _bounded(stream: BinaryIO, argument: str) -> bytes:
    """Return the whole content of a stream. The size is limited, because a pipe or a device can be endless.

    Raises:
        NotWritableError: the content is larger than a Secret can be.
    """
    content = stream.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise NotWritableError(
            f"{argument}: the value has more than {LARGEST_BYTES} bytes, the most that a Secret can contain"
        )
    return content


def _read_standard_input() -> bytes:
    """Return standard input including the newline at its end, which the other arguments remove."""
    if sys.stdin is None:
        raise NotWritableError("--from-file: there is no standard input to read it from")
    return _bounded(sys.stdin.buffer, "--from-file")


def _is_a_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _read(given: _Given) -> bytes:
    if sys.stdin is None:
        raise NotWritableError(f"{given.argument}: there is no standard input to read it from")
    value = _typed(given) if _is_a_terminal() else _piped(given)
    if not value:
        remedy = "Omit the field if there is none" if given.field else "For an empty value: --from-file /dev/null"
        raise NotWritableError(f"{given.argument}: nothing was read, so nothing is written. {remedy}")
    return value


def _typed(given: _Given) -> bytes:
    """Ask for a value on the terminal."""
    try:
        with warnings.catch_warnings():
            # Otherwise getpass would warn and show what is typed.
            warnings.simplefilter("error", GetPassWarning)
            value = os.fsencode(getpass(f"{given.field or given.argument.removeprefix('--')}: "))
    except EOFError:
        return b""
    except GetPassWarning:
        raise NotWritableError(f"{given.argument}: this terminal cannot hide the input; use a pipe") from None
    if len(value) >= _LONGEST_TYPED:
        raise NotWritableError(
            f"{given.argument}: a terminal cuts lines off at {_LONGEST_TYPED} bytes; use --from-file, or a pipe"
        )
    return value


def _piped(given: _Given) -> bytes:
    """Read a value from standard input, without one newline at its end."""
    piped = _bounded(sys.stdin.buffer, given.argument)
    value = piped.removesuffix(b"\n")
    if value != piped and given.argument not in ("--uri", "--json"):
        keeps = "" if given.field else "; --from-file keeps it"
        say(f"{given.argument}: one newline at the end of standard input was removed{keeps}")
    return value


def _report(arguments: argparse.Namespace, lookup: Lookup, written: PutResult) -> int:
    """Print the result of a write, and return the exit status."""
    is_dry = arguments.dry_run is not None
    _show(arguments, lookup, written.made, f"{written.change}, dry run" if is_dry else written.change)
    done = "would be written" if is_dry else "was written"
    if written.hidden:
        _fail(f"{lookup} {done}, but Airflow does not read it: {written.hidden}")
        return _REFUSED
    if written.not_read_back:
        _fail(f"{lookup} {done}, but could not be read back as Airflow reads it: {written.not_read_back}")
        return _ERROR
    return _WRITTEN


def _show(arguments: argparse.Namespace, lookup: Lookup, made: CheckedManifest, change: str) -> None:
    """Print the result as one line.

    With ``--output``, the line goes to standard error, and the Secret to standard output.
    """
    for problem in made.problems:
        say(f"{problem.severity.value}: {problem.text}")
    metadata = made.manifest["metadata"]
    secret = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
    verb = "would be" if arguments.dry_run else "is"
    line = f"{lookup} {verb} in Secret {secret} ({change})"
    if arguments.output is None:
        print_line(line)
        return
    say(line)
    print_document(made.manifest, arguments.output)


def _fail(text: str) -> None:
    say(f"{PROGRAM} put: {text}")
