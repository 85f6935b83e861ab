"""Marks for tests that run on only one of the two API servers."""

from __future__ import annotations

import pytest

from support.kube_apiserver import assets

# A real server if this machine has one. It is for tests that start Airflow's own processes, which are expensive: that
# both servers answer in the same way is the subject of other tests.
ONE_SERVER = ["devserver" if assets() is None else "kube-apiserver"]

on_the_devserver = pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
on_one_server = pytest.mark.parametrize("cluster", ONE_SERVER, indirect=True)
on_a_real_server = pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
