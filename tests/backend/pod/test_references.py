"""What a pod gets instead of a value, and which Secrets cannot be passed to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from support.cluster import Cluster, checked
from support.pods import MARK, NAMESPACE, OTHER_NAMESPACE, Installation, refs
from support.secrets import CONNECTION

# All tests of this folder put the same Secrets into the same namespaces.
pytestmark = pytest.mark.together("hand-on")

UNPROCESSABLE = 422


@dataclass(frozen=True)
class PassedToPod:
    """A call, and the resulting variables of the pod: Secret and key by name."""

    call: tuple[str, list[Any], dict[str, Any]]
    variables: Mapping[str, tuple[str, str]]


PASSED = {
    "whole": PassedToPod(refs("secret_refs", "whole"), {"AIRFLOW_CONN_WHOLE": ("whole", "value")}),
    "whole, under a name": PassedToPod(
        refs("secret_refs", "whole", {"DB_URI": "value"}), {"DB_URI": ("whole", "value")}
    ),
    "an annotation names the key": PassedToPod(
        refs("secret_refs", "annotated"), {"AIRFLOW_CONN_ANNOTATED": ("annotated", "dsn")}
    ),
    "fields": PassedToPod(
        refs("secret_refs", "app-db"),
        {
            "APP_DB_URI": ("app-db", "uri"),
            "APP_DB_HOST": ("app-db", "host"),
            "APP_DB_LOGIN": ("app-db", "username"),
            "APP_DB_PASSWORD": ("app-db", "password"),
            "APP_DB_PORT": ("app-db", "port"),
            "APP_DB_SCHEMA": ("app-db", "dbname"),
        },
    ),
    "fields, under names": PassedToPod(
        refs("secret_refs", "app-db", {"PGPASSWORD": "password", "PGUSER": "login", "PGPASSFILE_LINE": "pgpass"}),
        {
            "PGPASSWORD": ("app-db", "password"),
            "PGUSER": ("app-db", "username"),
            "PGPASSFILE_LINE": ("app-db", "pgpass"),
        },
    ),
    "a field that an annotation names": PassedToPod(
        refs("secret_refs", "3rd"),
        {"_3RD_PASSWORD": ("third", "secret-word"), "_3RD_EXTRA_API_KEY": ("third", "key")},
    ),
    "a field that only an annotation specifies": PassedToPod(
        refs("secret_refs", "said"), {"SAID_LOGIN": ("said", "username"), "SAID_PASSWORD": ("said", "password")}
    ),
    "a name in small letters": PassedToPod(
        refs("secret_refs", "app-db", {"http_password": "password"}), {"http_password": ("app-db", "password")}
    ),
    "a team's own": PassedToPod(
        refs("secret_refs", "whole", team_name="red"), {"AIRFLOW_CONN_WHOLE": ("whole-of-red", "value")}
    ),
    "in the namespace of the pod": PassedToPod(
        refs("secret_refs", "whole", namespace=NAMESPACE), {"AIRFLOW_CONN_WHOLE": ("whole", "value")}
    ),
    "by a reference": PassedToPod(refs("secret_refs", "referred"), {"AIRFLOW_CONN_REFERRED": ("by-name", "value")}),
    "in another namespace": PassedToPod(
        refs("secret_refs", "elsewhere"), {"AIRFLOW_CONN_ELSEWHERE": ("whole", "value")}
    ),
    "a variable": PassedToPod(refs("variable_refs", "my_var"), {"AIRFLOW_VAR_MY_VAR": ("my-var", "value")}),
    "a variable, under a name": PassedToPod(refs("variable_refs", "my_var", "TOKEN"), {"TOKEN": ("my-var", "value")}),
}

REFUSED = {
    "nowhere": (
        refs("secret_refs", "no/where"),
        "connection 'no/where': no Secret matches. It can be passed to a pod only from a Secret: label it with "
        f"{CONNECTION}=no-where.",
    ),
    "another namespace": (
        refs("secret_refs", "whole", namespace="jobs"),
        f"connection 'whole': its Secret {NAMESPACE}/whole is in namespace '{NAMESPACE}' and the pod in 'jobs'",
    ),
    "completed by annotations": (
        refs("secret_refs", "completed"),
        "connection 'completed': annotations of Secret hand-on/completed complete the connection in its key 'value'",
    ),
    "converted for Airflow": (
        refs("secret_refs", "renamed"),
        "connection 'renamed': the connection in key 'value' of Secret hand-on/renamed is converted for Airflow",
    ),
    "a part of a value": (
        refs("secret_refs", "in-json", {"PGHOST": "host"}),
        "connection 'in-json': 'host' is only a part of the value under 'rds' in Secret hand-on/in-json",
    ),
    "a part of a value with nothing else": (
        refs("secret_refs", "registry", {"REGISTRY": "host"}),
        "connection 'registry': 'host' is only a part of the value under 'url' in Secret hand-on/registry",
    ),
    "no such field": (
        refs("secret_refs", "app-db", {"PGSSLMODE": "sslmode"}),
        "Secret hand-on/app-db has no field and no key 'sslmode'. It has these fields in keys of their own: uri, host, "
        "login, password, port, schema, and the keys are 'dbname', 'host',",
    ),
    "a field in the place of its variable": (
        refs("secret_refs", "app-db", {"login": "PGUSER"}),
        "In 'env', the variable comes first: {'PGUSER': 'login'}",
    ),
    "a field of a whole connection": (
        refs("secret_refs", "whole", {"PGPASSWORD": "password"}),
        "contains the whole connection in key 'value', so only that key can be passed to a pod, not 'password'",
    ),
    "a key in addition to a whole connection": (
        refs("secret_refs", "both", {"PGPASSWORD": "password"}),
        "contains the whole connection in key 'value', so only that key can be passed to a pod, not 'password'",
    ),
    "two names for one variable": (
        refs("secret_refs", "twice"),
        "'a-b' and 'a.b', in the 'extra' of Secret hand-on/twice, would both be the variable TWICE_EXTRA_A_B",
    ),
    "a requested field that only an annotation specifies": (
        refs("secret_refs", "said", {"PGHOST": "host"}),
        "the annotation 'airflow.apache.org/connection-host' of Secret hand-on/said specifies the host, which is in "
        "no key",
    ),
    "a reference to a missing Secret": (
        refs("secret_refs", "gone"),
        "connection 'gone': 'references' in backend_kwargs names Secret hand-on/gone, which does not exist",
    ),
    "a URI in place of an id": (
        refs("secret_refs", f"postgres://u:{MARK}@h/db"),
        "connection (a URI): the id is a URI, so the lookup was skipped.",
    ),
    "an invalid name": (
        refs("secret_refs", "whole", {"my variable": "value"}),
        "'my variable' cannot be the name of an environment variable. Choose the names with 'env'",
    ),
    "None as an id": (refs("secret_refs", None), "connection (of type NoneType): the id is not a string"),
    "a number as an id": (refs("variable_refs", 5), "variable (of type int): the id is not a string"),
    "an empty id": (refs("secret_refs", ""), "connection '': the id is empty, so the lookup was skipped"),
    "an empty namespace": (
        refs("secret_refs", "whole", namespace=""),
        "connection 'whole': 'namespace' must be a string that is not blank; it is ''",
    ),
    "several namespaces": (
        refs("variable_refs", "my_var", namespace=[NAMESPACE]),
        "variable 'my_var': 'namespace' must be a string that is not blank; it is of type list",
    ),
    "an empty team": (
        refs("secret_refs", "whole", team_name=" "),
        "connection 'whole' of team ' ': 'team_name' must be a string that is not blank; it is ' '",
    ),
    "a number as a team": (
        refs("variable_refs", "my_var", team_name=5),
        "variable 'my_var' of team 5: 'team_name' must be a string that is not blank; it is 5",
    ),
    "names without keys": (
        refs("secret_refs", "app-db", ["password"]),
        "connection 'app-db': 'env' must map the names of environment variables to fields or keys, as in "
        "{'DB_PASSWORD': 'password'}; it is of type list",
    ),
    "one name without a key": (
        refs("secret_refs", "app-db", "PGPASSWORD"),
        "'env' must map the names of environment variables to fields or keys, as in {'DB_PASSWORD': 'password'}; it is "
        "'PGPASSWORD'",
    ),
    "no key for a name": (
        refs("secret_refs", "app-db", {"PGPASSWORD": None}),
        "connection 'app-db': 'env' must map 'PGPASSWORD' to the name of a field or key; it is None",
    ),
    "a URI in place of a key": (
        refs("secret_refs", "app-db", {"PGPASSWORD": f"postgres://u:{MARK}@h/db"}),
        "Secret hand-on/app-db has no field and no key a string of",
    ),
    "a mapping for a variable": (
        refs("variable_refs", "my_var", {"TOKEN": "value"}),
        "variable 'my_var': 'env' must be a string that is not blank; it is of type dict",
    ),
    "an empty name for a variable": (
        refs("variable_refs", "my_var", ""),
        "variable 'my_var': 'env' must be a string that is not blank; it is ''",
    ),
    "only annotations": (
        refs("secret_refs", "only-annotations"),
        "connection 'only-annotations': annotations of Secret hand-on/only-annotations specify the whole connection, "
        "and no key contains a part of it. Write its fields in the DAG",
    ),
    "a value that is not text": (
        refs("secret_refs", "not-text"),
        "connection 'not-text': Secret hand-on/not-text, key 'rds': the value is not UTF-8 text",
    ),
    "no variable": (refs("variable_refs", "nowhere"), "variable 'nowhere': no Secret matches."),
    "a variable in a ConfigMap": (
        refs("variable_refs", "in_config_map"),
        "variable 'in_config_map': it is in ConfigMap hand-on/settings, and Apache's provider can refer only to "
        "Secrets. Name the ConfigMap in the operator's 'env_vars' or 'env_from', or move the variable to a Secret",
    ),
}


@pytest.fixture(scope="module")
def answers(
    installation: Installation, variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """Return the results of all calls, by their names above."""
    calls = {name: case.call for name, case in PASSED.items()} | {name: call for name, (call, _) in REFUSED.items()}
    found = installation.pods(list(calls.values()), tmp_path_factory.mktemp("home"), variables)
    return dict(zip(calls, found, strict=True))


@pytest.mark.parametrize("name", PASSED)
def test_pod_refers_to_the_secret_and_contains_no_value(answers: dict[str, dict[str, Any]], name: str) -> None:
    answer, variables = answers[name], PASSED[name].variables

    assert "error" not in answer
    ((secret, _), *_) = variables.values()
    assert answer["secret"] == secret
    assert answer["namespace"] == (OTHER_NAMESPACE if name == "in another namespace" else NAMESPACE)
    (container,) = answer["pod"]["spec"]["containers"]
    assert {each["name"]: each for each in container["env"]} == {
        variable: {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
        for variable, (secret, key) in variables.items()
    }
    assert MARK not in json.dumps(answer)


@pytest.mark.parametrize("name", REFUSED)
def test_error_explains_why_a_value_cannot_be_passed(answers: dict[str, dict[str, Any]], name: str) -> None:
    error = answers[name]["error"]

    assert error.startswith("SecretRefsError: ")
    assert REFUSED[name][1] in error
    assert MARK not in error


@pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
def test_api_server_accepts_the_pods(cluster: Cluster, answers: dict[str, dict[str, Any]]) -> None:
    pods = [answer["pod"] for answer in answers.values() if "pod" in answer]

    for pod in pods:
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods"
        checked(cluster.admin.post(path, params={"dryRun": "All"}, json=pod))

    assert len(pods) == len(PASSED)
    pods[-1]["spec"]["containers"][0]["env"][0]["name"] = "no=variable"
    assert cluster.admin.post(path, params={"dryRun": "All"}, json=pods[-1]).status_code == UNPROCESSABLE
