"""What ``explain`` reports about an id that also exists in Airflow's database or environment."""

from __future__ import annotations

import json

from airflow_kubernetes_secrets.deployment.hidden_entries import hidden_entries_of
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from support.airflow import Airflow
from support.exported_entries import PASSWORD, done


class TestHidden:
    """The input of `explain` about this id in other sources."""

    PROGRAM = """
import sys, json
from airflow_kubernetes_secrets.deployment.hidden_entries import hidden_entries_of
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
found, _owners = hidden_entries_of(Lookup(Kind[sys.argv[1]], sys.argv[2], sys.argv[3] or None), database=True)
print(json.dumps([[each.origin, each.text] for each in found]))
"""

    def asked(self, airflow: Airflow, kind: str, identifier: str, team: str = "") -> list[list[str]]:
        result = airflow.python(self.PROGRAM, kind, identifier, team)
        done(result)
        assert PASSWORD not in result.stdout + result.stderr
        found: list[list[str]] = json.loads(result.stdout.splitlines()[-1])
        return found

    def test_entry_in_the_environment_and_the_database(self, migrated: Airflow) -> None:
        airflow = migrated.with_variables(AIRFLOW_CONN_MY_DB=f"x://{PASSWORD}", AIRFLOW_VAR_OTHER=PASSWORD)

        assert self.asked(airflow, "CONNECTION", "my_db") == [
            ["environment", "the variable AIRFLOW_CONN_MY_DB of this process"],
            ["metadata-db", "a connection in the metadata database"],
        ]
        assert self.asked(airflow, "VARIABLE", "nowhere") == []
        assert self.asked(airflow, "CONFIG", "my_db") == []

    def test_database_that_cannot_be_queried(self, either: Airflow) -> None:
        [[origin, text]] = self.asked(either, "VARIABLE", "x")

        assert origin == "metadata-db"
        assert text.startswith("could not check: the metadata database does not have Airflow's tables")

    def test_teams(self, bare: Airflow) -> None:
        airflow = bare.with_variables(
            AIRFLOW__CORE__MULTI_TEAM="True", AIRFLOW_VAR__SALES___X="1", AIRFLOW_VAR_X="2", AIRFLOW_VAR_A___B="3"
        )

        names = [text for origin, text in self.asked(airflow, "VARIABLE", "x", "sales") if origin == "environment"]

        assert names == [
            "the variable AIRFLOW_VAR__SALES___X of this process",
            "the variable AIRFLOW_VAR_X of this process",
        ]
        assert [origin for origin, _ in self.asked(airflow, "VARIABLE", "a___b")] == ["metadata-db"]

    MANY = """
import json
from airflow_kubernetes_secrets.deployment.hidden_entries import hidden_entries
from airflow_kubernetes_secrets.deployment.database import metadata_engine
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
engine = metadata_engine()
from airflow.models import Variable
from airflow.models.team import Team
rows = [{"key": f"v{number}", "val": "x"} for number in range(1_200)]
with engine.begin() as connection:
    connection.execute(Team.__table__.insert(), [{"name": "blue"}, {"name": "red"}])
    connection.execute(Variable.__table__.insert(), rows)
    connection.execute(Variable.__table__.insert(), [{"key": "of_blue", "val": "x", "team_name": "blue"}])
lookups = [Lookup(Kind.VARIABLE, f"v{number}", "red") for number in range(1_300)]
lookups += [Lookup(Kind.VARIABLE, "of_blue", team) for team in (None, "red", "blue")]
found = hidden_entries(lookups)
told = [[id, team, [each.text for each in hidden]] for (_, id, team), hidden in found.by_lookup.items()]
print(json.dumps([told, found.failures]))
"""

    def test_many_lookups_at_once_with_teams(self, bare: Airflow) -> None:
        bare.migrate()
        result = bare.python(self.MANY)
        done(result)
        found, failures = json.loads(result.stdout.splitlines()[-1])

        assert failures == []
        assert [id for id, _team, _texts in found[:-1]] == [f"v{number}" for number in range(1_200)]
        assert found[-1] == ["of_blue", "blue", ["a variable in the metadata database, of team 'blue'"]]

    def test_configuration_option_has_no_hidden_entries(self) -> None:
        assert hidden_entries_of(Lookup(Kind.CONFIG, "x"), database=False) == ([], frozenset())
