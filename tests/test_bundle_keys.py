"""Which keys of a bundle are which ids. The names of environment variables are those that Airflow derives."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.lookup.bundles import identifier_of_key, keys_of, problem_of_key
from airflow_kubernetes_secrets.lookup.kinds import Kind


@pytest.mark.parametrize("identifier", ["x", "My-Db.1", "a__b", "_a", "a___b", "straße", "-", "."])
@pytest.mark.parametrize(
    ("kind", "attribute"), [(Kind.CONNECTION, "CONN_ENV_PREFIX"), (Kind.VARIABLE, "VAR_ENV_PREFIX")]
)
def test_variable_names_of_connections_and_variables_match_airflow(kind: Kind, attribute: str, identifier: str) -> None:
    from airflow.secrets import environment_variables

    prefix = getattr(environment_variables, attribute)

    assert keys_of(kind, identifier) == (identifier, prefix + identifier.upper())


@pytest.mark.parametrize("identifier", ["AIRFLOW_CONN_X", "AIRFLOW_VAR_X", "AIRFLOW_CONN_x", "AIRFLOW__X"])
def test_environment_variable_name_is_not_an_id(identifier: str) -> None:
    """The key would be an entry of another id, or of no id: Airflow reads the id from a longer name."""
    assert keys_of(Kind.CONNECTION, identifier) == (f"AIRFLOW_CONN_{identifier.upper()}",)
    assert keys_of(Kind.CONFIG, identifier) == ()


@pytest.mark.parametrize(("section", "option"), [("database", "sql_alchemy_conn"), ("a.b", "c"), ("A", "b__c")])
def test_variable_names_of_options_match_airflow(section: str, option: str) -> None:
    from airflow.configuration import conf

    identifier = f"{section}/{option}"

    assert keys_of(Kind.CONFIG, identifier) == (identifier, conf._env_var_name(section, option))
    assert keys_of(Kind.CONFIG, option) == (option,)


@pytest.mark.parametrize(
    ("kind", "key", "identifier"),
    [
        (Kind.CONNECTION, "my_db", "my_db"),
        (Kind.CONNECTION, "My.Db", "My.Db"),
        (Kind.CONNECTION, "AIRFLOW_CONN_MY_DB", "my_db"),
        (Kind.CONNECTION, "AIRFLOW_CONN__X", "_x"),
        (Kind.CONNECTION, "AIRFLOW_CONN_A___B", "a___b"),
        (Kind.VARIABLE, "AIRFLOW_VAR_X", "x"),
        (Kind.CONFIG, "airflow-db", "airflow-db"),
        (Kind.CONFIG, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "database/sql_alchemy_conn"),
        (Kind.CONFIG, "AIRFLOW__A__B__C", "a/b__c"),
    ],
)
def test_the_id_of_a_key(kind: Kind, key: str, identifier: str) -> None:
    assert identifier_of_key(kind, key) == identifier
    assert problem_of_key(kind, key) == ""
    assert key in keys_of(kind, identifier)


@pytest.mark.parametrize(
    ("kind", "key", "problem"),
    [
        (Kind.CONNECTION, "AIRFLOW_VAR_X", "the prefix in this bundle is AIRFLOW_CONN_"),
        (Kind.CONNECTION, "AIRFLOW__X__Y", "the prefix in this bundle is AIRFLOW_CONN_"),
        (Kind.CONFIG, "AIRFLOW_CONN_A__B", "the prefix in this bundle is AIRFLOW__"),
        (Kind.VARIABLE, "AIRFLOW_VAR_", "the id after the prefix is missing"),
        (Kind.VARIABLE, "AIRFLOW_VAR_x", "Write AIRFLOW_VAR_X, or the id without AIRFLOW_VAR_"),
        (Kind.CONFIG, "AIRFLOW__X", "it is not AIRFLOW__SECTION__KEY in capitals"),
        (Kind.CONFIG, "AIRFLOW__a__B", "it is not AIRFLOW__SECTION__KEY in capitals"),
        (Kind.CONFIG, "AIRFLOW__", "the id after the prefix is missing"),
        (Kind.CONNECTION, "AIRFLOW_CONN__SALES___X", "it names a team"),
    ],
)
def test_invalid_keys(kind: Kind, key: str, problem: str) -> None:
    assert identifier_of_key(kind, key) == ""
    assert problem in problem_of_key(kind, key)


@pytest.mark.parametrize("identifier", ["/x", "x/", "/"])
def test_option_without_a_section_or_a_name_has_no_environment_variable(identifier: str) -> None:
    """Such a key is reported as invalid, so no lookup finds it."""
    assert keys_of(Kind.CONFIG, identifier) == (identifier,)
    assert problem_of_key(Kind.CONFIG, f"AIRFLOW__{identifier.replace('/', '__').upper()}") != ""
