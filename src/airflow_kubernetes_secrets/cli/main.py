"""The command ``airflow-kubernetes-secrets``."""

# PYTHON_ARGCOMPLETE_OK

from __future__ import annotations

import argparse
import errno
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

from airflow_kubernetes_secrets.cli.definition import COMMANDS, DESCRIPTION, PROGRAM, Command
from airflow_kubernetes_secrets.cli.ending_signals import cleanup_before_end
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.messages.listing import number_of
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.messages.suggestions import nearest
from airflow_kubernetes_secrets.messages.tracebacks import without_variables
from airflow_kubernetes_secrets.version import __version__

# What argparse quotes in its messages, if it contains a URI.
_URI = r"'[^']*://[^']*'|\S*://\S*"

# The required similarity of an unknown argument and the one that is suggested.
_CUTOFF = 0.6

_ERROR = 2
_INTERRUPTED = 130
_BROKEN_PIPE = 141

# The errors of a write for which no space is left. An error of this kind that names no file is about standard output.
_NO_SPACE = (errno.EDQUOT, errno.EFBIG, errno.ENOSPC)


class _Parser(argparse.ArgumentParser):
    """Reports wrong arguments with control characters escaped, so that a terminal does not interpret them."""

    def error(self, message: str) -> NoReturn:
        """Print the message without URIs, which can contain a password, and exit with status 2."""
        super().error(re.sub(_URI, "(a URI)", printable(message)))

    def refuse(self, unknown: Sequence[str]) -> NoReturn:
        """Report arguments that the command does not have, with its usage, and exit with status 2."""
        known = tuple(flag for action in self._actions for flag in action.option_strings)
        # Only names are shown. Anything else can be the value of a misspelt option, such as a password.
        names = [
            each.partition("=")[0] if each.startswith("--") else each[:2] for each in unknown if each.startswith("-")
        ]
        if not names:
            self.error(f"{number_of(len(unknown), 'argument')} too many")
        meant = next(filter(None, (nearest(each, known, _CUTOFF) for each in names if each.startswith("--"))), "")
        self.error(f"unrecognized arguments: {' '.join(names)}" + (f"; did you mean {meant}?" if meant else ""))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in ``argv``, and return its exit status. ``None`` means the arguments of this process."""
    _prepare_streams()
    parser = make_parser()
    with suppress(ImportError):
        import argcomplete

        argcomplete.autocomplete(parser)
    try:
        # The parser of all commands would print its own usage, without the arguments of the command.
        arguments, unknown = parser.parse_known_args(argv)
        if unknown:
            arguments.parser.refuse(unknown)
    except SystemExit:
        # It has printed the help or the version, or what is wrong with an argument.
        if (status := _flush()) is not None:
            return status
        raise
    command: Command = arguments.command
    return run(command, arguments)


@cache
def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands. It is made once, because that takes longer than some commands."""
    parser = _Parser(prog=PROGRAM, description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        statuses = "; ".join(f"{status}: {meaning}" for status, meaning in command.statuses.items())
        each = commands.add_parser(
            command.name,
            help=command.help,
            description=command.description,
            epilog=f"Exit status: {statuses}.",
            allow_abbrev=False,
        )
        for argument in command.arguments:
            each.add_argument(*argument.flags, help=argument.help, **argument.settings)
        each.set_defaults(command=command, parser=each)
    return parser


@without_variables
def run(command: Command, arguments: argparse.Namespace) -> int:
    """Run a command, and return its exit status.

    An error is one line on standard error. With ``--debug`` it is a traceback.
    """
    _prepare_streams()
    try:
        entry: Callable[[argparse.Namespace], int] = import_module(command.module).run
        with cleanup_before_end(), _without_log():
            status = entry(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader of the output has closed the pipe.
        _discard_output()
        return _BROKEN_PIPE
    except Exception as error:
        if _is_about_output(error):
            _discard_output()
        # Standard error may be on a full disk too.
        with suppress(OSError):
            _report(command, error, debug=arguments.debug)
        return _ERROR
    return status


def _prepare_streams() -> None:
    """Make every write to the standard streams possible.

    The parser writes before a command runs, and Airflow runs a command without this parser, so both call this.
    """
    # Python has no object for a stream that was closed before Python started.
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  # it stays open, as standard error does
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  # it stays open, as standard output does
    # By default, a character that the encoding lacks is an error.
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors in ("strict", "surrogateescape"):
        sys.stdout.reconfigure(errors="backslashreplace")


def _flush() -> int | None:
    """Write what the parser has printed. Return the exit status if that is not possible; else ``None``."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        return _BROKEN_PIPE
    except OSError as error:
        _discard_output()
        from airflow_kubernetes_secrets.cli.output import print_message

        with suppress(OSError):
            print_message(f"{PROGRAM}: {_line(error)}")
        return _ERROR
    return None


def _discard_output() -> None:
    """Discard what was not written yet. The interpreter writes it once more when it exits, and would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_about_output(error: Exception) -> bool:
    """Return whether an error means that there is no space for the output."""
    return isinstance(error, OSError) and error.errno in _NO_SPACE and error.filename is None


@contextmanager
def _without_log() -> Iterator[None]:
    """Silence the backend's log, because the commands show the same facts where they belong."""
    log = logging.getLogger("airflow_kubernetes_secrets")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def _report(command: Command, error: Exception, *, debug: bool) -> None:
    """Print an error on standard error: one line, or the traceback."""
    # This import loads rich, which `--version` does not need.
    from airflow_kubernetes_secrets.cli.output import print_message, print_traceback

    if debug:
        print_traceback(error)
    else:
        print_message(f"{PROGRAM} {command.name}: {_line(error)}")


def _line(error: Exception) -> str:
    """Return the message of an error, or only its class if the message may contain a secret value."""
    if isinstance(error, KubernetesSecretsError):
        return str(error)
    if isinstance(error, OSError) and _is_about_output(error):
        done = getattr(error, "done", "")  # of an `UnreportedError`
        problem = f"the output cannot be written: {error.strerror}. Free some space, or redirect it to another place"
        return f"{done}, but {problem}" if done else problem
    # Only messages of this package are known to contain no secret value.
    return f"it ended with an unexpected {type(error).__name__}. Run it again with --debug, and report the output"


if __name__ == "__main__":
    sys.exit(main())
