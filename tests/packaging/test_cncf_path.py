"""The class path in Airflow's documentation, in real environments with and without Apache's provider."""

from __future__ import annotations

import csv
import io
import itertools
import re
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.environments import ROOT, Environment, build_wheel, build_wheel_from_sdist, downloaded_wheel

MODULE = "airflow.providers.cncf.kubernetes.secrets.kubernetes_secrets_backend"
CLASS = f"{MODULE}.KubernetesSecretsBackend"
FINDER = "airflow_kubernetes_secrets_cncf_path"

MAIN = "airflow-kubernetes-secrets"
CNCF_PATH = "airflow-kubernetes-secrets-cncf-path"
PROVIDER = "apache-airflow-providers-cncf-kubernetes"

OURS = "airflow_kubernetes_secrets.backend.kubernetes_secrets"
APACHES = MODULE
# pip leaves the parent directory of the one that Apache's provider owns, and Python treats it as a package.
LEFT_BY_PIP = ("airflow", "airflow/providers", "airflow/providers/cncf")
NOTHING_BUT_A_DIRECTORY = "no airflow.providers.cncf.kubernetes"

# Airflow's own switch for an import without its database, logging and plugins.
LIBRARY = {"_AIRFLOW__AS_LIBRARY": "1"}


@dataclass(frozen=True)
class Wheels:
    main: Path
    cncf_path: Path
    cncf_path_older: Path
    provider_without: Path
    provider_first_with: Path
    provider_with: Path


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    older = tmp_path_factory.mktemp("older")
    shutil.copytree(ROOT / "cncf-path", older / "project")
    pyproject = older / "project" / "pyproject.toml"
    pyproject.write_text(re.sub(r"(?m)^version = .*$", 'version = "0.0.1"', pyproject.read_text()))
    return Wheels(
        main=build_wheel(ROOT, tmp_path_factory.mktemp("main")),
        cncf_path=build_wheel(ROOT / "cncf-path", tmp_path_factory.mktemp("cncf-path")),
        cncf_path_older=build_wheel(older / "project", older / "wheel"),
        provider_without=downloaded_wheel(PROVIDER, "10.12.4"),
        provider_first_with=downloaded_wheel(PROVIDER, "10.13.0"),
        provider_with=downloaded_wheel(PROVIDER, "10.25.0"),
    )


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment.create(tmp_path / "environment")


@pytest.fixture(scope="module")
def main_alone(tmp_path_factory: pytest.TempPathFactory, wheels: Wheels) -> Environment:
    """Return an environment with our main distribution. Tests must not change it, only copies of it."""
    environment = Environment.create(tmp_path_factory.mktemp("main-alone") / "environment")
    environment.install(wheels.main)
    return environment


@pytest.fixture
def environment_with_main(tmp_path: Path, main_alone: Environment) -> Environment:
    return main_alone.copy(tmp_path / "environment")


@pytest.fixture(scope="module")
def without_provider(tmp_path_factory: pytest.TempPathFactory, main_alone: Environment, wheels: Wheels) -> Environment:
    """Return an environment with our two distributions, without Apache's provider. Tests must not change it."""
    environment = main_alone.copy(tmp_path_factory.mktemp("without-provider") / "environment")
    environment.install(wheels.cncf_path)
    return environment


def whose(environment: Environment, *, below: bool = True) -> str:
    """Import the documented path in a new interpreter, which must start silently. Returns the source of the class."""
    assert_silent_start(environment)
    code = f"""
import importlib, json
try:
    print(json.dumps(importlib.import_module("{MODULE}").KubernetesSecretsBackend.__module__))
except ModuleNotFoundError as error:
    print(json.dumps(f"no {{error.name}}"))
"""
    return str(environment.evaluate(code, below=below, variables=LIBRARY))


def assert_silent_start(environment: Environment) -> None:
    start = environment.run("-W", "error", "-c", "pass")
    assert (start.returncode, start.stdout, start.stderr) == (0, "", "")


def change(environment: Environment, wheels: Wheels, step: str) -> None:
    """Carry out a step of a scenario: ``+ field of Wheels`` or ``- distribution``."""
    verb, what = step.split()
    if verb == "+":
        environment.install(getattr(wheels, what))
    else:
        environment.uninstall(what)


class TestWheels:
    def test_they_hold_no_file_of_airflow(self, wheels: Wheels) -> None:
        for wheel in (wheels.main, wheels.cncf_path):
            assert not [path for path in recorded(wheel) if path.startswith("airflow/")]

    def test_no_two_distributions_share_a_file(self, wheels: Wheels) -> None:
        for provider in (wheels.provider_without, wheels.provider_first_with, wheels.provider_with):
            for one, other in itertools.combinations((wheels.main, wheels.cncf_path, provider), 2):
                assert recorded(one).isdisjoint(recorded(other))

    def test_the_small_one_holds_a_package_and_its_pth_at_the_root(self, wheels: Wheels) -> None:
        installed = {path for path in recorded(wheels.cncf_path) if ".dist-info/" not in path}

        package = {f"{FINDER}/{name}" for name in ("__init__.py", "fallback.py", "py.typed")}
        assert installed == {f"{FINDER}.pth", *package}

    def test_the_small_one_is_the_same_when_built_from_its_sdist(self, wheels: Wheels, tmp_path: Path) -> None:
        assert checksums(build_wheel_from_sdist(ROOT / "cncf-path", tmp_path)) == checksums(wheels.cncf_path)

    def test_both_are_of_one_release(self, wheels: Wheels) -> None:
        versions = [wheel.name.split("-")[1] for wheel in (wheels.main, wheels.cncf_path, wheels.cncf_path_older)]

        assert versions[0] == versions[1] != versions[2]

    def test_both_have_one_license(self) -> None:
        assert (ROOT / "cncf-path" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def recorded(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        (record,) = (name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
        return {row[0] for row in csv.reader(io.StringIO(archive.read(record).decode()))}


def checksums(wheel: Path) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as archive:
        return {info.filename: info.CRC for info in archive.infolist()}


STORIES = {
    "each comes and goes while the other is there": [
        ("+ cncf_path", OURS),
        ("+ provider_with", APACHES),
        (f"- {CNCF_PATH}", APACHES),
        ("+ cncf_path", APACHES),
        (f"- {PROVIDER}", OURS),
        (f"- {CNCF_PATH}", NOTHING_BUT_A_DIRECTORY),
    ],
    "Apache's is upgraded and downgraded": [
        ("+ provider_without", "no airflow.providers.cncf.kubernetes.secrets"),
        ("+ cncf_path", OURS),
        ("+ provider_first_with", APACHES),
        ("+ provider_with", APACHES),
        ("+ provider_without", OURS),
        (f"- {CNCF_PATH}", "no airflow.providers.cncf.kubernetes.secrets"),
        (f"- {PROVIDER}", NOTHING_BUT_A_DIRECTORY),
    ],
    "ours is upgraded and downgraded": [
        ("+ cncf_path_older", OURS),
        ("+ cncf_path", OURS),
        ("+ cncf_path_older", OURS),
        (f"- {CNCF_PATH}", "no airflow.providers.cncf"),
    ],
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_the_path_is_apaches_class_where_there_is_one_and_ours_elsewhere(
    story: list[tuple[str, str]], environment_with_main: Environment, wheels: Wheels
) -> None:
    environment = environment_with_main
    before = environment.files() | {environment.site_packages / path for path in LEFT_BY_PIP}

    for step, expected in story:
        change(environment, wheels, step)
        assert whose(environment) == expected, step

    assert environment.files() <= before


def test_the_older_providers_own_modules_are_untouched(environment_with_main: Environment, wheels: Wheels) -> None:
    environment = environment_with_main
    # Some modules cannot be imported, because the provider's dependencies are not installed.
    code = """
import importlib, json, pkgutil
import airflow.providers.cncf.kubernetes as provider
def outcome(name):
    try:
        return importlib.import_module(name).__spec__.origin
    except Exception as error:
        return repr(error)
names = [module.name for module in pkgutil.walk_packages(provider.__path__, f"{provider.__name__}.")]
print(json.dumps({name: outcome(name) for name in names}))
"""
    environment.install(wheels.provider_without)
    alone = environment.evaluate(code, variables=LIBRARY)
    environment.install(wheels.cncf_path)

    assert environment.evaluate(code, variables=LIBRARY) == alone
    assert alone["airflow.providers.cncf.kubernetes.secret"].startswith(str(environment.site_packages))


class TestInAirflow:
    def test_a_command_runs_with_the_documented_path(self, without_provider: Environment) -> None:
        configured = {"AIRFLOW__SECRETS__BACKEND": CLASS}
        done = without_provider.run("-m", "airflow", "config", "get-value", "secrets", "backend", variables=configured)

        assert (done.returncode, done.stdout.strip()) == (0, CLASS), done.stderr

    @pytest.mark.parametrize("section", ["SECRETS", "WORKERS"])
    def test_it_builds_our_backend_from_the_documented_path(self, section: str, without_provider: Environment) -> None:
        code = """
import json
from airflow.configuration import ensure_secrets_loaded
from airflow.secrets import DEFAULT_SECRETS_SEARCH_PATH_WORKERS
from airflow_kubernetes_secrets import KubernetesSecretsBackend
backends = ensure_secrets_loaded(DEFAULT_SECRETS_SEARCH_PATH_WORKERS)
print(json.dumps(type(backends[0]) is KubernetesSecretsBackend))
"""
        option = "BACKEND" if section == "SECRETS" else "SECRETS_BACKEND"

        assert without_provider.evaluate(code, variables={f"AIRFLOW__{section}__{option}": CLASS})


class TestImporting:
    def test_every_way_to_import_gives_the_class_itself(self, without_provider: Environment) -> None:
        code = f"""
import importlib, json, sys
from airflow_kubernetes_secrets import KubernetesSecretsBackend
def import_as():
    import {MODULE} as module
    return module.KubernetesSecretsBackend
def import_chain():
    import {MODULE}
    return {CLASS}
def from_module():
    from {MODULE} import KubernetesSecretsBackend
    return KubernetesSecretsBackend
def from_package():
    from airflow.providers.cncf.kubernetes.secrets import kubernetes_secrets_backend
    return kubernetes_secrets_backend.KubernetesSecretsBackend
def star():
    names = {{}}
    exec("from {MODULE} import *", names)
    return names["KubernetesSecretsBackend"]
def airflows():
    from airflow._shared.module_loading import import_string
    return import_string("{CLASS}")
def in_python():
    return importlib.__import__("{MODULE}", fromlist=["KubernetesSecretsBackend"]).KubernetesSecretsBackend
def found():
    spec = importlib.util.find_spec("{MODULE}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.KubernetesSecretsBackend
wrong = []
for way in (import_as, import_chain, from_module, from_package, star, airflows, in_python, found):
    if way() is not KubernetesSecretsBackend:
        wrong.append(way.__name__)
    for name in [name for name in sys.modules if name.startswith("airflow.providers.cncf")]:
        del sys.modules[name]
print(json.dumps(wrong))
"""
        assert without_provider.evaluate(code, variables=LIBRARY) == []

    def test_modules_can_be_reloaded_and_the_class_pickled(self, without_provider: Environment) -> None:
        code = f"""
import importlib, json, pickle, sys
import {MODULE} as module
from airflow_kubernetes_secrets import KubernetesSecretsBackend
for name in [name for name in sys.modules if name.startswith("airflow.providers.cncf")]:
    importlib.reload(sys.modules[name])
data = pickle.dumps(module.KubernetesSecretsBackend)
print(json.dumps([module.KubernetesSecretsBackend is KubernetesSecretsBackend, b"cncf" in data]))
"""
        assert without_provider.evaluate(code, variables=LIBRARY) == [True, False]

    def test_threads_that_import_it_at_once_get_one_class(self, without_provider: Environment) -> None:
        code = f"""
import importlib, json, sys, threading
import airflow.providers
sys.setswitchinterval(1e-6)
barrier = threading.Barrier(16)
classes = []
def load():
    barrier.wait(10)
    classes.append(importlib.import_module("{MODULE}").KubernetesSecretsBackend)
threads = [threading.Thread(target=load) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(30)
print(json.dumps([len(classes), len(set(classes))]))
"""
        assert without_provider.evaluate(code, variables=LIBRARY) == [16, 1]

    def test_a_finder_added_later_still_goes_first(self, without_provider: Environment) -> None:
        code = f"""
import importlib.machinery, json, sys
class Legacy:  # Python before 3.12 asks it, later ones pass it over
    @staticmethod
    def find_module(name, path=None):
        return None
class Later:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.startswith("airflow.providers.cncf"):
            return importlib.machinery.ModuleSpec(name, Later, is_package=name != "{MODULE}")
    @staticmethod
    def create_module(spec):
        return None
    @staticmethod
    def exec_module(module):
        module.KubernetesSecretsBackend = "later"
sys.meta_path += [Legacy, Later]
from {MODULE} import KubernetesSecretsBackend
print(json.dumps(KubernetesSecretsBackend))
"""
        assert without_provider.evaluate(code, variables=LIBRARY) == "later"

    def test_it_needs_airflow(self, without_provider: Environment) -> None:
        assert whose(without_provider, below=False) == "no airflow"

    def test_an_error_names_our_main_distribution_where_that_is_missing(
        self, environment: Environment, wheels: Wheels
    ) -> None:
        environment.install(wheels.cncf_path)

        assert whose(environment) == "no airflow_kubernetes_secrets"


class TestDetectionOfTheProvider:
    """Code checks by its packages whether Apache's provider is installed. Without it, the result must stay negative."""

    @pytest.mark.parametrize("package", ["airflow.providers.cncf", "airflow.providers.cncf.kubernetes"])
    def test_its_packages_alone_are_missing(self, package: str, without_provider: Environment) -> None:
        code = f"""
import importlib.util, json, pkgutil
import airflow.providers
outcomes = []
for ask in (importlib.import_module, importlib.util.find_spec, __import__, importlib.__import__):
    try:
        outcomes.append(ask("{package}") is not None)
    except ModuleNotFoundError as error:
        outcomes.append(False)
walked = [module.name for module in pkgutil.iter_modules(airflow.providers.__path__)]
print(json.dumps([*outcomes, "cncf" in walked]))
"""
        assert without_provider.evaluate(code, variables=LIBRARY) == [False] * 5

    def test_what_it_would_hold_is_missing_also_after_the_path_was_imported(
        self, without_provider: Environment
    ) -> None:
        code = f"""
import importlib.util, json, pkgutil
import {MODULE}
import airflow.providers.cncf as cncf
def missing(name):
    try:
        return importlib.util.find_spec(name) is None
    except ModuleNotFoundError:
        return True
names = ["airflow.providers.cncf.other", "airflow.providers.cncf.kubernetes.operators.pod", "{MODULE}.other"]
print(json.dumps([list(map(missing, names)), list(pkgutil.walk_packages(cncf.__path__, "airflow.providers.cncf."))]))
"""
        assert without_provider.evaluate(code, variables=LIBRARY) == [[True] * 3, []]

    def test_a_package_is_made_where_the_import_under_way_cannot_be_told(self, without_provider: Environment) -> None:
        code = """
import json, sys
names = ["airflow.providers.cncf", "airflow.providers.cncf.other", "airflow.providers.cncf_other", "airflow.providers"]
print(json.dumps([sys.meta_path[-1].find_spec(name) is not None for name in names]))
"""
        assert without_provider.evaluate(code, below=False) == [True, False, False, False]

    def test_its_version_is_unknown(self, without_provider: Environment) -> None:
        code = f"""
import json
import {MODULE}
try:
    from airflow.providers.cncf.kubernetes import __version__
except ImportError:
    print(json.dumps(True))
"""
        assert without_provider.evaluate(code, variables=LIBRARY)


class TestStartOfAnInterpreter:
    LOADED = "import json, sys; print(json.dumps(sorted(sys.modules)))"

    @pytest.mark.parametrize("flags", [(), ("-I",), ("-E",), ("-s",), ("-O",)])
    def test_it_loads_one_module_more(
        self, flags: tuple[str, ...], without_provider: Environment, environment: Environment
    ) -> None:
        before = environment.evaluate(self.LOADED, *flags, below=False)

        assert set(without_provider.evaluate(self.LOADED, *flags, below=False)) - set(before) == {FINDER}

    def test_it_loads_nothing_without_site(self, without_provider: Environment) -> None:
        assert FINDER not in without_provider.evaluate(self.LOADED, "-S", below=False)

    def test_the_finder_is_there_once_and_last(self, without_provider: Environment) -> None:
        code = f"""
import importlib, json, site, sys
before = list(sys.meta_path)
for again in (lambda: site.addsitedir(site.getsitepackages()[0]), lambda: importlib.reload(sys.modules["{FINDER}"])):
    again()
    del sys.modules["{FINDER}"]
    again = importlib.import_module("{FINDER}")
print(json.dumps([type(before[-1]).__module__, sys.meta_path == before]))
"""
        assert without_provider.evaluate(code, below=False) == [FINDER, True]

    @pytest.mark.parametrize("lost", [f"{FINDER}/__init__.py", FINDER])
    def test_it_is_silent_while_half_uninstalled(self, lost: str, environment: Environment, wheels: Wheels) -> None:
        environment.install(wheels.cncf_path)
        path = environment.site_packages / lost
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

        assert_silent_start(environment)
