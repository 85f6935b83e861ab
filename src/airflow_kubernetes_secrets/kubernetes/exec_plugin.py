"""A limit on the time that an exec plugin of a kubeconfig may take.

The loader of the official client runs the plugin, and waits for it without a limit. So it gets another program instead,
which runs the plugin and ends it if it takes too long.
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# A plugin may ask a user to log in. kubectl sets no limit.
PLUGIN_SECONDS = 60.0

# The exit statuses of timeout(1), and of shells for a program that they cannot start.
_TIMED_OUT, _NOT_STARTED = 124, 127

# A process that the plugin has started can keep the output open, so the program does not wait for its end. It passes
# standard input on, and a terminal as standard error, because a plugin may ask for a password.
_PROGRAM = f"""
import subprocess, sys
seconds, folder, *command = sys.argv[1:]
error = None if sys.stderr.isatty() else subprocess.PIPE
try:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=error, timeout=float(seconds), cwd=folder or None)
except subprocess.TimeoutExpired:
    print("it did not end within", seconds, "seconds. Run it in a terminal", file=sys.stderr)
    sys.exit({_TIMED_OUT})
except OSError as problem:
    print("it cannot be started:", problem.strerror, file=sys.stderr)
    sys.exit({_NOT_STARTED})
except KeyboardInterrupt:
    sys.exit(130)
sys.stdout.buffer.write(done.stdout)
sys.stderr.buffer.write(done.stderr or b"")
sys.exit(done.returncode)
"""


def limited(plugin: Mapping[str, Any], folder: Path, seconds: float = PLUGIN_SECONDS) -> Mapping[str, Any]:
    """Return a plugin that runs another one, and ends it after some time.

    Args:
        plugin: the object ``exec`` of a user. Its command is a string.
        folder: the folder of the kubeconfig, at which a relative path of the command starts.
        seconds: the limit.
    """
    command = plugin["command"]
    # As in kubectl, a name without a slash is searched in PATH, and the plugin runs in the current folder. The loader
    # would run it in the folder of the kubeconfig.
    if "/" in command:
        command = str(folder / command)
    try:
        current = str(Path.cwd())
    except OSError:  # it was deleted
        current = ""
    # Without these options, Python would read its own variables and the user's packages.
    program = ["-I", "-S", "-c", _PROGRAM, f"{seconds:g}", current, command, *(plugin.get("args") or ())]
    return {**plugin, "command": sys.executable, "args": program} if sys.executable else plugin
