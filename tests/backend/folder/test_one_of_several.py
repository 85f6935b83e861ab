"""One invalid manifest does not drop the others in its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support.logs import said
from support.manifest_texts import manifest, secret
from support.secrets import VARIABLE


class TestOneOfSeveral:
    """A problem in one Secret of a file does not affect the others."""

    @pytest.mark.parametrize(
        "broken",
        [secret("stringData: {value: 5}"), "a: [", "a: !x b", secret("data: {value: hunter2}"), "--- x"],
        ids=["a number", "no YAML", "a tag", "no base64", "text at the separator"],
    )
    def test_the_others_are_served(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture, broken: str
    ) -> None:
        (folder / "x.yaml").write_text(f"{manifest('a', 'found')}---\n{broken}\n{manifest('b', 'found')}")

        assert (backend.get_variable("a"), backend.get_variable("x")) == ("found", None)
        assert backend.get_variable("b") == "found"
        [warning] = said(caplog)
        assert warning.startswith(f"{folder}/x.yaml: line ")
        assert warning.endswith("; the rest of the file is used")

    def test_a_value_where_a_name_belongs_is_not_shown(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        for number, field in enumerate(
            [
                "stringData: {value:hunter2}",
                "stringData: {'x:hunter2': 5}",
                "data: {'x:hunter2': x}",
                "data: {'x:hunter2': '<path:a#b>'}",
            ]
        ):
            (folder / f"{number}.yaml").write_text(secret(field))

        assert backend.get_variable("x") is None

        warnings = said(caplog)
        assert len(warnings) == 4
        assert "Secret x: the name of a key is not valid in data: 1 to 253 of" in warnings[0]
        assert "hunter2" not in "".join(warnings)

    def test_it_keeps_what_it_was(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = folder / "x.yaml"
        path.write_text(manifest("x", "old") + manifest("y", "old"))
        assert backend.get_variable("x") == "old"

        path.write_text(f"{manifest('y', 'new')}---\n{secret('stringData: {value: 5}')}")
        assert (backend.get_variable("x"), backend.get_variable("y")) == ("old", "new")
        [warning] = said(caplog)
        assert warning.endswith("is not a string; put it in quotation marks; its previous content is still used")

        path.write_text(manifest("y", "new"))
        assert backend.get_variable("x") is None

    def test_many_of_them_are_few_warnings(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (folder / "x.yaml").write_text(f"---\n{secret('stringData: {value: 5}')}" * 100)

        assert backend.get_variable("x") is None
        assert len(said(caplog)) == 5
        assert " and 95 more; " in said(caplog)[-1]

    def test_two_objects_of_json(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        (folder / "x.json").write_text(manifest("x", "found")[4:] + manifest("y", "found")[4:])

        assert (backend.get_variable("x"), backend.get_variable("y")) == ("found", "found")

    def test_a_name_says_nothing(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        (folder / "x.json").write_text(secret("stringData: {value: found}"))
        (folder / "y.yaml").write_text(manifest("y", "found")[4:])

        assert (backend.get_variable("x"), backend.get_variable("y")) == ("found", "found")

    def test_a_null_is_empty(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        """A current kubectl and API accept null. As a URI or an option it would be unusable."""
        (folder / "x.yaml").write_text(secret("stringData: {value: ~, other: }", f"{VARIABLE}: x, app: "))

        assert backend.get_variable("x") == ""
