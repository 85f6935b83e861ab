"""File names cannot forge the output of the devserver."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

from support.commands import PATIENCE, PROGRAM
from support.hostile import FILE_NAMES, NAMES, assert_harmless
from support.hostile_commands import broken_manifests


class TestDevserver:
    def test_names_of_files(self, tmp_path: Path) -> None:
        manifests, ready = tmp_path / "manifests", tmp_path / "ready"
        # The library that watches the folder does not support folder names that are not UTF-8.
        broken_manifests(manifests, NAMES.values())
        for number, name in enumerate(NAMES.values()):
            (manifests / f"kind-{number}.json").write_text(json.dumps({"kind": name, "apiVersion": "v1"}))
        directory = tmp_path / FILE_NAMES["bytes that are no UTF-8"] / NAMES["several lines"] / NAMES["a link"]
        command = [
            *PROGRAM,
            "devserver",
            "--manifests",
            str(manifests),
            "--ready-file",
            str(ready),
            "--directory",
            str(directory),
        ]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        try:
            deadline = time.monotonic() + PATIENCE
            while not ready.exists():
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            # A shell reads exactly these paths from the ready file.
            script = f'. {shlex.quote(str(ready))}; printf %s "$KUBECONFIG"'
            read = subprocess.run(["sh", "-c", script], capture_output=True, timeout=PATIENCE, check=True)
            assert read.stdout == os.fsencode(directory / "kubeconfig")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
            process.communicate()
        assert process.returncode == 0, err
        assert err.decode() == ""
        text = out.decode("utf-8")
        assert_harmless(text)
        assert text.count("is not served") == len(NAMES)
        # `broken_manifests` writes two files for each name, and none has ever been usable.
        assert text.count("; nothing in it is used") == 2 * len(NAMES)
