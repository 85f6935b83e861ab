"""The test modules that `make quick` skips: those that start Airflow or other programs, and long ones."""

from __future__ import annotations

from fnmatch import fnmatch
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]

# The expression of marks with which `make quick` runs pytest.
NOT_SLOW = "not slow"

# Patterns, relative to the folder of the tests. They also match modules that are added later.
SLOW = [
    "airflow/*",
    "docs/test_blocks.py",
    "docs/test_build.py",
    "docs/test_faq.py",
    "docs/test_generated.py",
    "docs/test_matrix.py",
    "docs/test_pages_as_they_stand.py",
    "docs/test_reference.py",
    "docs/test_said.py",
    "docs/test_start.py",
    "docs/test_test_dags.py",
    "examples/*",
    "fuzz/*",
    "packaging/*",
    "test_documents*",
    "test_identifiers*",
    "test_kubectl_reads*",
    "test_labels.py",
    "test_notices.py",
    "test_patterns.py",
    "test_pythons*",
    "test_scheduling*",
    "test_shared*",
    "test_warm*",
    "backend/test_answers*",
    "backend/test_async*",
    "backend/mounted/*",
    "backend/test_bad_values.py",
    "backend/test_bundles.py",
    "backend/test_config_maps.py",
    "backend/test_cost*",
    "backend/faults/*",
    "backend/folder/*",
    "backend/test_forks*",
    "backend/freshness/test_index.py",
    "backend/freshness/test_watch.py",
    "backend/test_hostile_log*",
    "backend/kubeconfig/test_files*",
    "backend/outages/*",
    "backend/test_lookup.py",
    "backend/test_identifiers.py",
    "backend/test_metrics*",
    "backend/test_pod*",
    "backend/test_process*",
    "backend/test_proof*",
    "backend/test_readme*",
    "backend/test_references.py",
    "backend/reports/*",
    "backend/test_restarts*",
    "backend/test_rotation*",
    "backend/test_shapes.py",
    "backend/test_signals*",
    "backend/test_soak*",
    "backend/test_watch*",
    "backend/test_where_to_look*",
    "cli/test_canary*",
    "cli/test_chained*",
    "cli/test_config_maps.py",
    "cli/test_cost*",
    "cli/doctor/test_api_server.py",
    "cli/doctor/test_configuration.py",
    "cli/doctor/test_options_from_secrets.py",
    "cli/doctor/test_secrets.py",
    "cli/test_entry_points*",
    "cli/test_hook_test*",
    "cli/test_manifest*",
    "cli/test_explain.py",
    "cli/export/test_bundles.py",
    "cli/export/test_files.py",
    "cli/export/test_from_database.py",
    "cli/export/test_from_environment.py",
    "cli/export/test_from_file.py",
    "cli/export/test_hidden.py",
    "cli/export/test_trouble.py",
    "cli/hostile/*",
    "cli/check/test_cases.py",
    "cli/check/test_patches.py",
    "cli/check/test_program*",
    "cli/put/*",
    "cli/test_refusals*",
    "cli/test_reports*",
    "cli/test_survey*",
    "devserver/test_any_request*",
    "devserver/test_command*",
    "devserver/test_contract_config_maps.py",
    "devserver/test_contract_watch*",
    "devserver/test_kubectl*",
    "devserver/test_manifests*",
    "devserver/test_pytest_fixture*",
    "formats/test_any_value*",
    "devserver/own_files/*",
    "usage/test_command*",
    "usage/test_database*",
    "ui/test_access*",
    "ui/test_browser*",
    "ui/test_plugin*",
    "ui/test_same_as_commands*",
    "ui/test_states*",
    "ui/test_teams*",
    "ui/test_used_ids*",
]


@cache
def is_slow(module: Path) -> bool:
    """Return whether `make quick` skips this module. A module outside tests/ is never skipped."""
    if not module.is_relative_to(TESTS):
        return False
    name = str(module.relative_to(TESTS))
    return any(fnmatch(name, each) for each in SLOW)
