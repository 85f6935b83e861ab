"""The generated pages and pictures are current."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from support.pages import DOCS, page_file


def maker(name: str) -> ModuleType:
    """Import a script of the documentation."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look up their module.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_the_reference_of_options() -> None:
    assert maker("make_reference").page() == page_file("options").read_text(), "run: make docs"


def test_the_secrets_of_other_software() -> None:
    assert maker("make_corpus").page() == page_file("corpus").read_text(), "run: make docs"


DIAGRAMS = dict(maker("make_diagrams").drawn())


@pytest.mark.parametrize("name", DIAGRAMS)
def test_a_diagram(name: str) -> None:
    assert DIAGRAMS[name] == (DOCS / "images" / name).read_text(), "run: make docs"


def test_the_pictures_of_a_terminal() -> None:
    """They show what the commands print now."""
    for name, svg in maker("make_pictures").drawn():
        assert svg == (DOCS / "images" / name).read_text(), f"{name} is not current. Run: make docs"
