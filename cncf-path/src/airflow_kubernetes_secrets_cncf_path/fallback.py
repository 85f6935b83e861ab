"""The search of the finder, and the loader of what it finds. The docstring of the package states the rules."""

from __future__ import annotations

import importlib.machinery
import sys
from importlib.abc import Loader
from itertools import dropwhile, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType, ModuleType

    from airflow_kubernetes_secrets_cncf_path import FallbackFinder

__all__ = ["FallbackLoader", "find_spec"]

_KUBERNETES = "airflow.providers.cncf.kubernetes"
_SECRETS = f"{_KUBERNETES}.secrets"
_BACKEND = f"{_SECRETS}.kubernetes_secrets_backend"
_PACKAGES = ("airflow.providers.cncf", _KUBERNETES, _SECRETS)


class FallbackLoader(Loader):
    """Load the documented module, which contains the class of the backend, and its parents, which are empty."""

    def exec_module(self, module: ModuleType) -> None:
        """Add the class to the documented module."""
        if module.__name__ != _BACKEND:
            return
        from airflow_kubernetes_secrets import KubernetesSecretsBackend

        vars(module).update(
            KubernetesSecretsBackend=KubernetesSecretsBackend,
            __all__=["KubernetesSecretsBackend"],
            __doc__=f"``airflow_kubernetes_secrets.KubernetesSecretsBackend``, put here by ``{__package__}``.",
        )


def find_spec(
    own_finder: FallbackFinder, fullname: str, path: Sequence[str] | None, target: ModuleType | None
) -> importlib.machinery.ModuleSpec | None:
    """Return the spec of the documented module or a parent. The finders after ``own_finder`` take precedence."""
    if fullname != _BACKEND and fullname not in _PACKAGES:
        return None
    # There can be finders after this one: editable installs append theirs, and .pth files are read in order of name.
    for finder in islice(dropwhile(lambda finder: finder is not own_finder, sys.meta_path), 1, None):
        if hasattr(finder, "find_spec") and (spec := finder.find_spec(fullname, path, target)) is not None:
            return spec
    # A package that is already loaded is being reloaded.
    if fullname == _BACKEND or fullname in sys.modules or _is_parent_needed():
        return importlib.machinery.ModuleSpec(
            fullname, FallbackLoader(), origin=__package__, is_package=fullname != _BACKEND
        )
    return None


def _is_parent_needed() -> bool:
    """Return whether a parent is imported on the way to the module or its package ``secrets``.

    Python imports the parents of a module first, each by a call inside the call for its child. It passes only the
    current name to finders; the frames of the outer calls contain the other names. If these calls cannot be recognized,
    the parent is created: the documented path matters more than what a parent alone suggests.
    """
    machinery = vars(sys.modules["_frozen_importlib"])
    names = set()
    frame: FrameType | None = sys._getframe(3)
    while frame is not None and frame.f_globals is machinery:
        names.add(frame.f_locals.get("name"))
        frame = frame.f_back
    return not names or not names.isdisjoint({_SECRETS, _BACKEND})
