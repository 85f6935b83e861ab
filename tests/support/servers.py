"""Marks for tests that run on only one of the two API servers."""

from __future__ import annotations

import pytest

on_the_devserver = pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
on_a_real_server = pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
