"""A test executes every command, manifest and configuration in the documentation. This module names it.

A block without a claim fails here: write the test that executes it, and name it in :data:`CLAIMS`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.airflow import ROOT
from support.examples import EXAMPLES
from support.pages import Block, blocks, page_names

TESTS = ROOT / "tests"

# The output of a command. Where it must be exact, the tests of the page check it.
OUTPUT = ("text", "")


@dataclass(frozen=True)
class NotExecuted:
    """Why no test can execute a block, and the test that checks as much of it as possible."""

    because: str
    checked_by: str


Claim = str | NotExecuted

_HELM = NotExecuted(
    "helm fetches the chart over the network, and installs it into a cluster with nodes",
    "examples/test_helm.py::test_values",
)
_KUBECTL_EXEC = NotExecuted(
    "kubectl exec needs a node; the command after -- is executed with the accounts of the pods",
    "examples/test_helm.py::test_setup_until_doctor_reports_no_problem",
)
_DOCKER = NotExecuted(
    "building an image fetches another one; the package that it installs is installed and started",
    "examples/test_helm.py::test_the_image",
)
_PIP = NotExecuted(
    "pip fetches Airflow over the network; that the extra exists and the newest Airflow fits is tested",
    "docs/test_start.py::test_what_is_installed",
)
_CLONE = NotExecuted(
    "pip fetches what it builds with over the network; that the extras exist is tested",
    "docs/test_start.py::test_the_extras_of_the_page",
)
_TEMPLATE = NotExecuted(
    "templates of Helm; the pattern in them is compared with that of the code",
    "test_identifiers.py::test_pattern_in_the_document_matches_label_values",
)

_START = "docs/test_start.py::test_the_page"
_TESTING = "docs/test_test_dags.py::test_a_complete_example"
_RBAC = "examples/test_rbac.py"
_CNPG = "examples/test_cloudnative_pg.py"
_XPLANE = "examples/test_crossplane.py"
_MOUNTED = "examples/test_mounted.py"
_ESO = "examples/test_external_secrets.py"
_SHORT_BLOCKS = "docs/test_short_blocks.py"
_OPTIONS = "examples/test_configuration_options.py"
_FORMATS = "formats/test_document.py::test_example_secret_gives_the_documented_connection"
_DATABASE = "examples/test_migration.py::test_from_the_database_and_back"

# By page and heading: a claim for each block below the heading that is not output, in order.
CLAIMS: Mapping[str, Mapping[str, Sequence[Claim]]] = {
    "annotations": {
        "All annotations": [_FORMATS] * 2,
        "Annotations for a connection in one key": [_FORMATS] * 2,
    },
    "argo-cd-and-flux": {"Values": [f"{_SHORT_BLOCKS}::test_the_values_for_argo_cd_and_flux"]},
    "bundles": {
        "Create a bundle": [f"{_SHORT_BLOCKS}::test_a_bundle"] * 2,
        "From External Secrets Operator": [f"{_SHORT_BLOCKS}::test_a_bundle_of_external_secrets"],
    },
    "caching": {"Choose `cache_ttl`": ["docs/test_reference.py::test_a_cache_for_all_components"]},
    "check-in-ci": {"Check manifests in CI": [f"{_SHORT_BLOCKS}::test_the_check_in_ci"]},
    "cli": {
        "Command line": [f"{_SHORT_BLOCKS}::test_the_first_commands_of_the_command_line"],
        "Before a merge": [
            f"{_SHORT_BLOCKS}::test_the_check_before_a_merge",
            f"{_SHORT_BLOCKS}::test_check_of_rendered_helm_charts",
            NotExecuted(
                "pre-commit fetches the repository; its hook is run on files",
                "packaging/test_pre_commit_and_action.py::test_the_page_has_a_hook_that_exists",
            ),
            NotExecuted(
                "GitHub fetches the action; its script is run on files",
                "packaging/test_pre_commit_and_action.py::test_the_page_has_inputs_that_exist",
            ),
        ],
    },
    "config-maps": {
        "Create a ConfigMap": [f"{_SHORT_BLOCKS}::test_variables_in_config_maps"] * 3,
        "Grant the permission": [f"{_SHORT_BLOCKS}::test_the_permission_for_config_maps"],
    },
    "cloudnative-pg": {
        "CloudNativePG": [f"{_CNPG}::test_by_reference"],
        "By reference, without a label": [f"{_CNPG}::test_by_reference"],
        "By a label that you add": [f"{_CNPG}::test_by_an_added_label"],
        "By an inherited label": [f"{_CNPG}::test_by_an_inherited_label"],
        "By a Secret of your own": [f"{_CNPG}::test_by_a_separate_secret"],
        "Add what the keys lack": [f"{_CNPG}::test_described_by_an_annotation"],
    },
    "helm-chart": {
        "An image": [_DOCKER],
        "The namespace and the permissions": ["examples/test_helm.py::test_setup_until_doctor_reports_no_problem"] * 2,
        "Values for Airflow 3": ["examples/test_helm.py::test_values", _HELM],
        "Values for Airflow 2": ["examples/test_helm.py::test_values"],
        "In airflow.cfg instead": ["examples/test_helm.py::test_values"],
        "Check every account": ["examples/test_helm.py::test_setup_until_doctor_reports_no_problem"],
    },
    "configuration-options": {
        "Name the Secret": [
            f"{_OPTIONS}::test_named_by_a_variable",
            f"{_OPTIONS}::test_named_by_a_variable",
            f"{_OPTIONS}::test_named_in_airflow_cfg",
            f"{_OPTIONS}::test_by_a_reference",
        ],
        "With the official Helm chart": [f"{_OPTIONS}::test_with_the_chart"],
        "Check it": [f"{_OPTIONS}::test_named_by_a_variable"],
    },
    "crossplane": {
        "Crossplane 1: by reference": [
            f"{_XPLANE}::test_by_reference",
            f"{_XPLANE}::test_by_reference",
            f"{_XPLANE}::test_by_reference_with_an_annotation",
        ],
        "Crossplane 2: compose the Secret": [f"{_XPLANE}::test_composed_with_a_label"],
    },
    "edge-workers": {"Edge workers outside the cluster": [f"{_SHORT_BLOCKS}::test_an_edge_worker_without_secrets"]},
    "external-secrets": {
        "A connection": [f"{_ESO}::test_a_connection_without_a_template"],
        "With a template": [f"{_ESO}::test_a_connection_with_a_template"],
        "A variable or a configuration option": [f"{_ESO}::test_a_variable_and_an_option"],
    },
    "first-secret": {
        "A Secret": ["examples/test_helm.py::test_setup_until_doctor_reports_no_problem"],
        "Check it": [_KUBECTL_EXEC],
    },
    "formats": {"What is not supported, and what to do then": [_FORMATS] * 2},
    "from-apache": {
        "Move to this backend": [
            "examples/test_from_apache.py::test_both_accept_the_same_options",
            "examples/test_from_apache.py::test_both_accept_the_same_options",
            "examples/test_from_apache.py::test_commands_after_the_move",
        ],
    },
    "identifiers": {
        "Ids and labels": [f"{_SHORT_BLOCKS}::test_a_secret_for_any_id_from_a_shell"],
        "In a shell": [f"{_SHORT_BLOCKS}::test_a_secret_for_any_id_from_a_shell"] * 2,
        "In a Helm chart": [_TEMPLATE, _TEMPLATE],
    },
    "folder": {"What is read": ["backend/test_lookup_page.py::test_options_on_the_pages_are_valid"]},
    "install": {"Install": [_CLONE]},
    "index": {"airflow-kubernetes-secrets": [f"{_SHORT_BLOCKS}::test_the_secret_of_the_first_page"]},
    "kubernetes-pod-operator": {
        "Pass a connection to a pod by its Secret": [f"{_SHORT_BLOCKS}::test_pods_of_tasks"],
        "The namespace": [f"{_SHORT_BLOCKS}::test_pods_of_tasks"],
        "When the Secret is looked up": [f"{_SHORT_BLOCKS}::test_pods_of_tasks"],
    },
    "metrics": {"Switch it on": ["backend/test_metrics_page.py::test_the_configuration_of_the_page"]},
    "migration": {
        "From the database": [_DATABASE] * 5,
        "From the environment": ["examples/test_migration.py::test_from_the_environment"],
        "From another secrets backend": ["examples/test_migration.py::test_from_a_file"] * 2,
        "Move back": [_DATABASE],
    },
    "namespaces-and-references": {
        "Several namespaces, and a namespace for a team": ["backend/test_lookup_page.py::test_namespaces_and_teams"]
        * 2,
        "Secrets by name": ["backend/test_lookup_page.py::test_references"] * 2,
    },
    "permissions": {
        "A namespace for Airflow's Secrets": [f"{_RBAC}::test_every_component"] * 2,
        "Several namespaces": [f"{_RBAC}::test_several_namespaces"] * 2,
        "Single Secrets, by name": [f"{_RBAC}::test_references"] * 2,
        "Workers without any permission": [f"{_RBAC}::test_without_workers"],
    },
    "options": {
        "Options": [
            "docs/test_reference.py::test_in_airflow_cfg",
            "docs/test_reference.py::test_as_an_object_in_a_variable",
            "docs/test_reference.py::test_as_separate_variables",
        ],
    },
    "rotate-a-password": {
        "Rotate a password": [f"{_SHORT_BLOCKS}::test_a_new_password"] * 2,
        "If the password is in a URI": [f"{_SHORT_BLOCKS}::test_a_new_password_in_a_uri"],
    },
    "mounted-secrets": {
        "A volume in the Helm chart": [f"{_MOUNTED}::test_a_projected_volume"],
        "Whole Secrets by name": [f"{_MOUNTED}::test_a_whole_secret_by_name"],
        "Secrets Store CSI driver": [f"{_MOUNTED}::test_the_csi_driver"] * 2,
        "Vault Agent": [f"{_MOUNTED}::test_vault_agent"],
    },
    "sealed-secrets": {
        "What to seal": ["examples/test_sealed_secrets.py::test_example_is_the_result_of_kubeseal"],
        "Seal it": ["examples/test_sealed_secrets.py::test_a_connection"],
    },
    "laptop": {
        "Install": [_PIP],
        "A Secret": [_START],
        "The devserver": [_START],
        "Airflow finds it": [_START] * 2,
        "A DAG uses it": [_START],
        "Find a mistake": [_START] * 3,
    },
    "teams": {
        "A label for a team": ["examples/test_teams.py::test_a_label_for_a_team"] * 2,
        "A namespace for a team": ["examples/test_teams.py::test_a_namespace_for_a_team"] * 2,
        "Only the team's own Secrets": ["examples/test_teams.py::test_only_secrets_of_the_team"],
        "Look up as a team": ["examples/test_teams.py::test_lookup_as_a_team"],
    },
    "test-dags": {
        "Install": [
            NotExecuted(
                "pip fetches Airflow over the network; the first page has the same requirements",
                "docs/test_test_dags.py::test_what_is_installed",
            )
        ],
        "A complete example": [_TESTING, _TESTING, _TESTING],
        "Secrets for several tests": ["docs/test_test_dags.py::test_secrets_for_several_tests"],
    },
    "troubleshoot": {
        "Troubleshoot": [
            f"{_SHORT_BLOCKS}::test_the_commands_for_an_error",
            f"{_SHORT_BLOCKS}::test_the_command_that_tests_a_connection",
        ]
    },
    "what-dags-need": {
        "Check what DAGs need": [f"{_SHORT_BLOCKS}::test_what_dags_need"] * 2,
        "Move ids into Secrets": [f"{_SHORT_BLOCKS}::test_ids_are_moved_into_secrets"],
        "Before a merge": [f"{_SHORT_BLOCKS}::test_dags_before_a_merge"],
    },
    "workers": {"What to set": [f"{_SHORT_BLOCKS}::test_values_for_workers_without_permissions"]},
}

# Pages whose blocks are all executed by one module, with the test that ensures it.
WHOLE: Mapping[str, str] = {
    "releasing": "packaging/test_releasing.py::test_every_command_of_the_page_is_in_a_test_below",
}


def executable(page: str) -> dict[str, list[Block]]:
    """Return the blocks of a page that are not output, by heading."""
    found: dict[str, list[Block]] = {}
    for block in blocks(page):
        if block.language not in OUTPUT:
            found.setdefault(block.heading, []).append(block)
    return found


@pytest.mark.parametrize("page", sorted(set(page_names()) - set(WHOLE)))
def test_every_block_has_a_claim(page: str) -> None:
    claimed = {heading: len(claims) for heading, claims in CLAIMS.get(page, {}).items()}
    assert claimed == {heading: len(found) for heading, found in executable(page).items()}


def test_every_page_with_claims_exists() -> None:
    assert set(CLAIMS) | set(WHOLE) <= set(page_names())


def every_claim() -> dict[str, list[Block]]:
    """Return the blocks that each test executes. A test that only checks unexecutable blocks has none."""
    found: dict[str, list[Block]] = {test: [] for test in WHOLE.values()}
    for page, headings in CLAIMS.items():
        for heading, claims in headings.items():
            for claim, block in zip(claims, executable(page).get(heading, ()), strict=False):
                if isinstance(claim, NotExecuted):
                    found.setdefault(claim.checked_by, [])
                else:
                    found.setdefault(claim, []).append(block)
    return found


@pytest.mark.parametrize("test", every_claim())
def test_claimed_test_exists_and_reads_the_file(test: str) -> None:
    """The test exists. If the block is a file of the examples, the module of the test reads that file."""
    path, _colons, name = test.partition("::")
    text = (TESTS / path).read_text()
    tests = {each.name for each in ast.walk(ast.parse(text)) if isinstance(each, ast.FunctionDef)}
    assert name in tests
    for block in every_claim()[test]:
        files = example_files(block)
        assert not files or any(reads(text, file) for file in files), f"{path} does not read {files}"


def example_files(block: Block) -> list[Path]:
    """Return the files in the examples that are equal to this block."""
    files = (path for path in EXAMPLES.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return [path for path in files if path.read_text() == block.text]


def reads(text: str, file: Path) -> bool:
    # Some modules contain the name of the file without its extension.
    return any(f"{mark}{end}" in text for mark in (file.name, file.stem) for end in ('"', "'"))
