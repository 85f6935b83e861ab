"""Tasks whose own process may read no Secrets, and teams: both use Airflow's API server."""

from __future__ import annotations

from matrix.deployment import Deployment
from matrix.proofs import Proof, proves


@proves(Proof.WORKERS)
def test_workers_without_permissions(api_server_only: Deployment) -> None:
    assert api_server_only.found("of_nobody") == {
        "shared": "nobodys-host",
        "template": "nobodys-host",
        "nobodys": "for all",
        "of_red": "nothing",
        "of_blue": "nothing",
    }


@proves(Proof.TEAMS)
def test_a_team(api_server_only: Deployment) -> None:
    assert api_server_only.found("of_red") == {
        "shared": "red-host",
        "template": "red-host",
        "nobodys": "for all",
        "of_red": "red value",
        "of_blue": "nothing",
    }
