"""The statements of ``docs/reference/options.md`` about options are true in real Airflows."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.errors import OptionError
from airflow_kubernetes_secrets.options.backend_kwargs import OPTIONS, Options
from support.airflow import Airflow
from support.pages import Block, blocks, page_file
from support.requirements import require_airflow

PAGE = page_file("options").read_text()
CONFIGURATION, OBJECT, SINGLE, _UNKNOWN = blocks("options")
EXPECTED = {"namespace": ("airflow-secrets",), "cache_ttl": 60.0}

# Prints the options that Airflow passes to the backend.
SHOW = """
from airflow.configuration import ensure_secrets_loaded
options = ensure_secrets_loaded()[0].options
print([options.namespace, options.cache_ttl])
"""


def exported(block: Block) -> dict[str, str]:
    lines = [shlex.split(line) for line in block.text.splitlines()]
    assert all(line[0] == "export" for line in lines)
    return dict(line[1].split("=", 1) for line in lines)


def options_of(airflow: Airflow) -> str:
    require_airflow(airflow.version)
    done = airflow.python(SHOW)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("version", ["3.3", "2.11"])
def test_in_airflow_cfg(tmp_path: Path, version: str) -> None:
    (tmp_path / "airflow.cfg").write_text(CONFIGURATION.text)
    assert options_of(Airflow(version, tmp_path)) == str(list(EXPECTED.values()))


def test_a_cache_for_all_components(tmp_path: Path) -> None:
    """The configuration in ``docs/how-to/caching.md`` is the one of the reference."""
    [block] = [each for each in blocks("caching") if each.language == "ini"]
    (tmp_path / "airflow.cfg").write_text(block.text)
    assert options_of(Airflow("3.3", tmp_path)) == str(list(EXPECTED.values()))


@pytest.mark.parametrize("version", ["3.3", "2.11"])
def test_as_an_object_in_a_variable(tmp_path: Path, version: str) -> None:
    assert options_of(Airflow(version, tmp_path, exported(OBJECT))) == str(list(EXPECTED.values()))


def test_as_separate_variables(tmp_path: Path) -> None:
    """They take precedence over the object."""
    before = {**exported(OBJECT), "AIRFLOW__SECRETS__BACKEND_KWARGS": '{"namespace": "another", "timeout": 5}'}
    assert options_of(Airflow("3.3", tmp_path, {**before, **exported(SINGLE)})) == str(list(EXPECTED.values()))


EXAMPLES = re.findall(
    r"^- Example: `(\{.*\})`\n- As a variable: `AIRFLOW__SECRETS__BACKEND_KWARG__(\w+)=(.*)`$", PAGE, re.M
)


def test_every_option_has_an_example() -> None:
    assert sorted(name.lower() for _example, name, _value in EXAMPLES) == sorted(OPTIONS)


@pytest.mark.parametrize(("example", "name", "value"), EXAMPLES, ids=[name for _example, name, _value in EXAMPLES])
def test_an_example_means_the_same_as_a_variable(example: str, name: str, value: str) -> None:
    [text] = shlex.split(value) or [""]
    assert Options.parse(json.loads(example)) == Options.parse({name.lower(): text})


def test_error_names_the_nearest_option() -> None:
    said = " ".join(_UNKNOWN.text.split()).removesuffix("…")
    with pytest.raises(OptionError, match=re.escape(said)):
        Options.parse({"connection_label": "example.com/x"})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"path": "/x", "kubeconfig": "/y"}, "path replaces the Kubernetes API, so it excludes kubeconfig"),
        ({"path": "/x", "context": "y"}, "path replaces the Kubernetes API, so it excludes context"),
        ({"path": "/x", "team_namespaces": {"a": "b"}}, "path with team_namespaces requires namespace too"),
        ({"team_label": "a/b", "config_label": "a/b"}, "config_label and team_label are both 'a/b'"),
    ],
)
def test_options_that_exclude_each_other(given: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        Options.parse(given)
