"""The files in the distributions."""

from __future__ import annotations

import csv
import io
import itertools
import zipfile
from pathlib import Path

from support.cncf_path import (
    FINDER,
    Wheels,
)
from support.environments import ROOT, build_wheel_from_sdist


class TestWheels:
    def test_wheels_contain_no_file_of_airflow(self, wheels: Wheels) -> None:
        for wheel in (wheels.main, wheels.cncf_path):
            assert not [path for path in recorded(wheel) if path.startswith("airflow/")]

    def test_no_two_distributions_share_a_file(self, wheels: Wheels) -> None:
        for provider in (wheels.provider_without, wheels.provider_first_with, wheels.provider_with):
            for one, other in itertools.combinations((wheels.main, wheels.cncf_path, provider), 2):
                assert recorded(one).isdisjoint(recorded(other))

    def test_cncf_path_contains_a_package_and_its_pth_file(self, wheels: Wheels) -> None:
        installed = {path for path in recorded(wheels.cncf_path) if ".dist-info/" not in path}

        package = {f"{FINDER}/{name}" for name in ("__init__.py", "fallback.py", "py.typed")}
        assert installed == {f"{FINDER}.pth", *package}

    def test_cncf_path_wheel_from_the_sdist_is_identical(self, wheels: Wheels, tmp_path: Path) -> None:
        assert checksums(build_wheel_from_sdist(ROOT / "cncf-path", tmp_path)) == checksums(wheels.cncf_path)

    def test_both_have_the_same_version(self, wheels: Wheels) -> None:
        versions = [wheel.name.split("-")[1] for wheel in (wheels.main, wheels.cncf_path, wheels.cncf_path_older)]

        assert versions[0] == versions[1] != versions[2]

    def test_both_have_the_same_license(self) -> None:
        assert (ROOT / "cncf-path" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def recorded(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        (record,) = (name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
        return {row[0] for row in csv.reader(io.StringIO(archive.read(record).decode()))}


def checksums(wheel: Path) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as archive:
        return {info.filename: info.CRC for info in archive.infolist()}
