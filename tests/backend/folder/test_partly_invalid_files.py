"""One invalid manifest does not drop the others in its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support.logs import log_messages
from support.manifest_texts import manifest, secret
from support.secrets import VARIABLE


class TestPartlyInvalidFiles:
    """A problem in one Secret of a file does not affect the others."""

    @pytest.mark.parametrize(
        "broken",
        [secret("stringData: {value: 5}"), "a: [", "a: !x b", secret("data: {value: hunter2}"), "--- x"],
        ids=["a number", "no YAML", "a tag", "no base64", "text at the separator"],
    )
    def test_other_manifests_of_the_file_are_used(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture, broken: str
    ) -> None:
        (folder / "x.yaml").write_text(f"{manifest('a', 'found')}---\n{broken}\n{manifest('b', 'found')}")

        assert (backend.get_variable("a"), backend.get_variable("x")) == ("found", None)
        assert backend.get_variable("b") == "found"
        [warning] = log_messages(caplog)
        assert warning.startswith(f"{folder}/x.yaml: line ")
        assert warning.endswith("; the rest of the file is used")

    def test_value_in_place_of_a_name_is_not_shown(
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

        warnings = log_messages(caplog)
        assert len(warnings) == 4
        assert "Secret x: the name of a key is not valid in data: 1 to 253 of" in warnings[0]
        assert "hunter2" not in "".join(warnings)

    def test_previous_content_of_an_invalid_manifest_is_used(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = folder / "x.yaml"
        path.write_text(manifest("x", "old") + manifest("y", "old"))
        assert backend.get_variable("x") == "old"

        path.write_text(f"{manifest('y', 'new')}---\n{secret('stringData: {value: 5}')}")
        assert (backend.get_variable("x"), backend.get_variable("y")) == ("old", "new")
        [warning] = log_messages(caplog)
        assert warning.endswith("is not a string; put it in quotation marks; its previous content is still used")

        path.write_text(manifest("y", "new"))
        assert backend.get_variable("x") is None

    def test_many_invalid_manifests_cause_few_warnings(
        self, backend: KubernetesSecretsBackend, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (folder / "x.yaml").write_text(f"---\n{secret('stringData: {value: 5}')}" * 100)

        assert backend.get_variable("x") is None
        assert len(log_messages(caplog)) == 5
        assert " and 95 more; " in log_messages(caplog)[-1]

    def test_two_objects_of_json(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        (folder / "x.json").write_text(manifest("x", "found")[4:] + manifest("y", "found")[4:])

        assert (backend.get_variable("x"), backend.get_variable("y")) == ("found", "found")

    def test_file_extension_does_not_determine_the_format(
        self, backend: KubernetesSecretsBackend, folder: Path
    ) -> None:
        (folder / "x.json").write_text(secret("stringData: {value: found}"))
        (folder / "y.yaml").write_text(manifest("y", "found")[4:])

        assert (backend.get_variable("x"), backend.get_variable("y")) == ("found", "found")

    def test_null_value_is_an_empty_string(self, backend: KubernetesSecretsBackend, folder: Path) -> None:
        """A current kubectl and API accept null. As a URI or an option it would be unusable."""
        (folder / "x.yaml").write_text(secret("stringData: {value: ~, other: }", f"{VARIABLE}: x, app: "))

        assert backend.get_variable("x") == ""
