"""Real environments for the packaging tests: created by ``venv``, filled by pip from files, never from the network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pip

from support.shared import once
from support.warm import warm_python

ROOT = Path(__file__).resolve().parents[2]
DOWNLOADS = ROOT / ".cache" / "wheels"
TIMEOUT = 240

_STEERING = ("PYTHON", "PIP_", "AIRFLOW", "_AIRFLOW")

# The packages that are installed next to pytest, such as Airflow, can be imported in an environment without being
# installed in it. A variable switches this on. pip runs without the variable, so it sees and changes only what the
# environment itself contains. These packages come last on the path, so the environment's own distributions win. Their
# .pth files are not read.
_BELOW = "PACKAGES_BELOW"
_BELOW_LINE = f"import os, sys; sys.path += filter(None, [os.environ.get({_BELOW!r})])\n"

# Makes a fork of the Python next to pytest import from an environment, whose .pth files are executed as at its start.
_FROM_THE_ENVIRONMENT = """
import os, site, sys
ours = [each for each in sys.path if each in os.environ.get("PYTHONPATH", "").split(os.pathsep)]
sys.path[:] = [*ours, *(each for each in sys.path if each.startswith(sys.base_prefix))]
site.addsitedir({!r})
"""


def build_wheel(project: Path, directory: Path) -> Path:
    """Build the wheel of the project's working tree, once in a run, and copy it into an empty directory."""
    return _built(project, directory, "--wheel")


def build_wheel_from_sdist(project: Path, directory: Path) -> Path:
    """Build the source distribution, and the wheel from that alone, once in a run. Copy both into ``directory``."""
    return _built(project, directory)


def _built(project: Path, directory: Path, *options: str) -> Path:
    def build(made: Path) -> None:
        _check(sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", made, project)

    name = "-".join(["build", *options, *project.resolve().parts[1:]])
    shutil.copytree(once(name, build), directory, dirs_exist_ok=True)
    (wheel,) = directory.glob("*.whl")
    return wheel


def downloaded_wheel(distribution: str, version: str) -> Path:
    """Return a wheel that ``requirements/packaging-wheels.txt`` lists."""
    wheels = list(DOWNLOADS.glob(f"{distribution.replace('-', '_')}-{version}-*.whl"))
    if not wheels:
        raise FileNotFoundError(f"{DOWNLOADS} contains no wheel of {distribution} {version}: run `make wheels`")
    return wheels[0]


@dataclass(frozen=True)
class Environment:
    """A virtual environment without pip. The pip next to pytest installs into it, as ``pip --python`` does."""

    root: Path

    @classmethod
    def create(cls, root: Path) -> Environment:
        """Create an environment that can import the packages next to pytest where :meth:`run` allows it."""
        environment = cls(root)
        venv.EnvBuilder(symlinks=True).create(root)
        (environment.site_packages / "packages_below.pth").write_text(_BELOW_LINE)
        _link_packages_beside_pytest(environment.below)
        return environment

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.root / "bin" / "python"

    def program(self, name: str) -> Path:
        """Return the path of a program that a distribution has installed; :meth:`run` accepts it."""
        return self.root / "bin" / name

    @property
    def below(self) -> Path:
        """The folder with links to the packages that are installed next to pytest."""
        return self.root / "below"

    @property
    def site_packages(self) -> Path:
        """Its site-packages."""
        return Path(sysconfig.get_path("purelib", vars={"base": str(self.root)}))

    def install(self, *wheels: Path) -> None:
        """Install these wheels, or replace the installed versions by them. Their dependencies are ignored."""
        # Newer releases of the provider require a newer Python than the oldest one in the tests, but run on that too.
        self._pip("install", "--no-deps", "--no-index", "--ignore-requires-python", *wheels)

    def install_projects(self, *requirements: str) -> None:
        """Install requirements such as ``/path/to/clone``. The packages next to pytest count as installed."""
        options = ["install", "--no-index", "--no-build-isolation"]
        self._pip(*options, *requirements, variables={_BELOW: str(self.below)})

    def uninstall(self, *distributions: str) -> None:
        self._pip("uninstall", "--yes", *distributions)

    def files(self) -> set[Path]:
        """Return every file and directory in site-packages."""
        return set(self.site_packages.rglob("*"))

    def run(
        self, *arguments: str | Path, below: bool = True, variables: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run this environment's interpreter. With ``below``, it can also import what is installed next to pytest."""
        return subprocess.run(
            [self.python, *arguments],
            env=self.variables(below=below) | (variables or {}),
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    def run_in_fork(
        self, code: str, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run code in a fork that has loaded Airflow's libraries, and imports the rest as :meth:`run` does.

        A new interpreter takes seconds to import them. ``sys.executable`` is not that of the environment.
        """
        begin = _FROM_THE_ENVIRONMENT.format(str(self.site_packages))
        environment = self.variables() | dict(variables or {})
        return warm_python(Path(sys.prefix)).run(begin + code, ["-c", *arguments], environment, TIMEOUT)

    def variables(self, *, below: bool = True) -> dict[str, str]:
        """Return the variables of its interpreter. :meth:`run` describes ``below``."""
        return {
            **_clean_environ(),
            "AIRFLOW_HOME": str(self.root / "airflow-home"),
            **({_BELOW: str(self.below)} if below else {}),
        }

    def evaluate(self, code: str, *flags: str, below: bool = True, variables: dict[str, str] | None = None) -> Any:
        """Run code that prints a JSON value last, and return that value."""
        return _printed(self.run(*flags, "-c", code, below=below, variables=variables))

    def evaluate_in_fork(self, code: str, variables: Mapping[str, str] | None = None) -> Any:
        """Run code with :meth:`run_in_fork`, and return the JSON value that it prints last."""
        return _printed(self.run_in_fork(code, variables=variables))

    def copy(self, root: Path) -> Environment:
        """Return a copy of this environment. Programs that distributions have installed still run in this one."""
        shutil.copytree(self.root, root, symlinks=True)
        return Environment(root)

    def _pip(self, *arguments: str | Path, variables: dict[str, str] | None = None) -> None:
        # This is what ``pip --python`` runs in the end, without the pip before it, which takes as long to start.
        runner = Path(pip.__file__).with_name("__pip-runner__.py")
        variables = {"_PIP_RUNNING_IN_SUBPROCESS": "1", **(variables or {})}
        _check(self.python, runner, "--quiet", *arguments, variables=variables)


def _link_packages_beside_pytest(directory: Path) -> None:
    """Link to all packages next to pytest, except this project's: Airflow would find its metadata without its code."""
    directory.mkdir()
    for installed in {Path(sysconfig.get_path(scheme)).resolve() for scheme in ("purelib", "platlib")}:
        if (installed / "airflow" / "providers" / "cncf" / "kubernetes").exists():
            raise RuntimeError(
                f"{installed} contains Apache's Kubernetes provider: the tests need an environment without it"
            )
        for path in installed.iterdir():
            if not path.name.startswith("airflow_kubernetes_secrets"):
                (directory / path.name).symlink_to(path)


def _clean_environ() -> dict[str, str]:
    """Return the variables of this process, except those that configure Python, pip or Airflow."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_STEERING)}
    return environ | {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def _printed(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def _check(*command: str | Path, variables: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command,
        env=_clean_environ() | (variables or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout
