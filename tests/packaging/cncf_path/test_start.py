"""What the start of an interpreter costs and prints."""

from __future__ import annotations

import shutil

import pytest

from support.cncf_path import (
    FINDER,
    Wheels,
    assert_silent_start,
)
from support.environments import Environment


class TestStartOfAnInterpreter:
    LOADED = "import json, sys; print(json.dumps(sorted(sys.modules)))"

    @pytest.mark.parametrize("flags", [(), ("-I",), ("-E",), ("-s",), ("-O",)])
    def test_start_loads_one_additional_module(
        self, flags: tuple[str, ...], without_provider: Environment, environment: Environment
    ) -> None:
        before = environment.evaluate(self.LOADED, *flags, below=False)

        assert set(without_provider.evaluate(self.LOADED, *flags, below=False)) - set(before) == {FINDER}

    def test_start_without_site_does_not_load_the_finder(self, without_provider: Environment) -> None:
        assert FINDER not in without_provider.evaluate(self.LOADED, "-S", below=False)

    def test_finder_is_registered_once_and_last(self, without_provider: Environment) -> None:
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
    def test_start_is_silent_after_a_partial_uninstall(
        self, lost: str, environment: Environment, wheels: Wheels
    ) -> None:
        environment.install(wheels.cncf_path)
        path = environment.site_packages / lost
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

        assert_silent_start(environment)
