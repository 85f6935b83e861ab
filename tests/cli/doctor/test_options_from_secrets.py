"""``doctor`` on the options that Airflow reads from Secrets: a test produces each finding."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from support.airflow import BACKEND
from support.cluster import Cluster
from support.commands import SECRET, URI, Commands
from support.findings import doctor, error, only, warning
from support.secrets import Put
from support.servers import on_the_devserver


class TestOptionsFromSecrets:
    NAME = "AIRFLOW__CORE__FERNET_KEY_SECRET"

    def test_option_with_a_matching_secret(self, commands: Commands, put: Put) -> None:
        put.config("fernet", SECRET, name="it")
        commands.set(self.NAME, "fernet")
        texts = [each["text"] for each in doctor(commands, status=0)]
        assert f"[core] fernet_key is in Secret {commands.namespace}/it ({self.NAME})" in texts

    def test_option_without_a_matching_secret(self, commands: Commands) -> None:
        commands.set(self.NAME, "fernet")
        text = error(commands, "option-missing")
        assert "Airflow silently uses the default of [core] fernet_key" in text

    def test_option_whose_id_is_a_uri(self, commands: Commands) -> None:
        commands.set("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET", URI)
        assert "the id is a URI" in error(commands, "option-missing")

    DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET"

    def test_database_option_only_in_environment_variables(
        self, commands: Commands, put: Put, cluster: Cluster
    ) -> None:
        """The chart's pods with ``env`` are like this; its jobs have no variables with ``applyCustomEnv: false``."""
        put.config("db", URI, name="it")
        commands.set(self.DATABASE, "db")
        text = warning(commands, "only-in-environment")
        assert text.startswith(
            "[database] sql_alchemy_conn comes from a Secret through environment variables alone "
            f"({self.DATABASE}, AIRFLOW__SECRETS__BACKEND, AIRFLOW__SECRETS__BACKEND_KWARGS). "
        )
        assert text.endswith("/airflow.cfg too: that is 'config' in the chart's values")
        # Outside a pod there are no other pods to warn about.
        kubeconfig = str(cluster.kubeconfig(commands.account.token, commands.namespace))
        commands.set("KUBERNETES_SERVICE_HOST", None)
        findings = doctor(commands, "--kubeconfig", kubeconfig, status=0)
        assert "only-in-environment" not in [each["code"] for each in findings]

    def test_deprecated_name_of_the_database_option_only_in_environment_variables(
        self, commands: Commands, put: Put
    ) -> None:
        put.config("db", URI, name="it")
        commands.set("AIRFLOW__CORE__SQL_ALCHEMY_CONN_SECRET", "db")
        text = warning(commands, "only-in-environment")
        assert "(AIRFLOW__CORE__SQL_ALCHEMY_CONN_SECRET, AIRFLOW__SECRETS__BACKEND, " in text

    @on_the_devserver
    @pytest.mark.parametrize(
        ("in_file", "alone"),
        [
            (("database", "backend", "kwargs"), []),
            (("deprecated", "backend", "kwargs"), []),
            (("database", "backend"), ["AIRFLOW__SECRETS__BACKEND_KWARGS"]),
            (("database",), ["AIRFLOW__SECRETS__BACKEND", "AIRFLOW__SECRETS__BACKEND_KWARGS"]),
            (("backend", "kwargs"), [DATABASE]),
            # Airflow writes a new file like this.
            (("database", "empty"), ["AIRFLOW__SECRETS__BACKEND", "AIRFLOW__SECRETS__BACKEND_KWARGS"]),
            # A process without the variables uses this database.
            (("another database",), []),
        ],
        ids=" ".join,
    )
    def test_database_option_partly_in_airflow_cfg(
        self, commands: Commands, put: Put, tmp_path: Path, in_file: tuple[str, ...], alone: list[str]
    ) -> None:
        put.config("db", URI)
        commands.set(self.DATABASE, "db")
        lines = {
            "database": "[database]\nsql_alchemy_conn_secret = db\n",
            "deprecated": "[core]\nsql_alchemy_conn_secret = db\n",
            "another database": "[database]\nsql_alchemy_conn = postgresql://h/d\n",
            "backend": f"[secrets]\nbackend = {BACKEND}\n",
            "empty": "[secrets]\nbackend = \nbackend_kwargs = \n",
            "kwargs": f"backend_kwargs = {json.dumps(commands.kwargs)}\n",
        }
        (tmp_path / "airflow.cfg").write_text("".join(lines[each] for each in in_file))
        commands.set("AIRFLOW_HOME", str(tmp_path))

        findings = commands.run_program("doctor", "-o", "json").document["findings"]

        texts = [each["text"] for each in findings if each["code"] == "only-in-environment"]
        assert [re.findall(r"AIRFLOW__\w+", text) for text in texts] == ([alone] if alone else [])

    def test_option_overridden_by_another_variable(self, commands: Commands, put: Put) -> None:
        put.config("fernet", SECRET)
        commands.set(self.NAME, "fernet")
        commands.set("AIRFLOW__CORE__FERNET_KEY", SECRET)
        assert warning(commands, "not-taken").endswith(
            "AIRFLOW__CORE__FERNET_KEY comes first, so Airflow uses it. Remove one of them"
        )

    def test_option_that_airflow_does_not_read_from_secrets(self, commands: Commands) -> None:
        commands.set("AIRFLOW__CORE__PARALLELISM_SECRET", "x")
        assert warning(commands, "not-taken").endswith(
            "is not one of the options that Airflow reads from a Secret. Set the option itself instead"
        )

    @pytest.mark.parametrize(
        ("variable", "meant"),
        [
            ("AIRFLOW__DATABASE__SQL_ALCHEMY_CON_SECRET", "[database] sql_alchemy_conn"),
            ("AIRFLOW__DATABSE__SQL_ALCHEMY_CONN_SECRET", "[database] sql_alchemy_conn"),
            ("AIRFLOW__CORE__FERNETKEY_SECRET", "[core] fernet_key"),
        ],
    )
    def test_misspelt_option(self, variable: str, meant: str, commands: Commands, put: Put) -> None:
        put.config("db", SECRET)
        commands.set(variable, "db")

        text = warning(commands, "not-taken")

        assert text.startswith(f"{variable}: Airflow has no option [")
        assert text.endswith(f"so it ignores this; did you mean {meant}?")

    @pytest.mark.parametrize(
        "variable", ["AIRFLOW__CORE__DATASET_MANAGER_KWARGS_SECRET", "AIRFLOW__SMTP__SMTP_PASSWORD_SECRET"]
    )
    def test_option_of_another_version(self, variable: str, commands: Commands) -> None:
        commands.set(variable, "x")

        assert "this version of Airflow has no option [" in warning(commands, "not-taken")

    @pytest.mark.parametrize(
        "variable",
        ["AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__MY_PLUGIN__CLIENT_SECRET", "AIRFLOW__API__CLIENT_SECRET"],
    )
    def test_options_whose_names_end_with_secret(self, variable: str, commands: Commands) -> None:
        commands.set(variable, "x")

        assert not [each for each in doctor(commands, status=0) if variable in each["text"]]

    @pytest.mark.parametrize(
        ("variable", "name"),
        [
            ("AIRFLOW__CORE__SQL_ALCHEMY_CONN_SECRET", "[core] sql_alchemy_conn"),
            ("AIRFLOW__WEBSERVER__SECRET_KEY_SECRET", "[webserver] secret_key"),
        ],
    )
    def test_deprecated_name_of_an_option(self, variable: str, name: str, commands: Commands, put: Put) -> None:
        put.config("old", SECRET, name="it")
        commands.set(variable, "old")
        texts = [each["text"] for each in doctor(commands, status=0)]
        assert f"{name} is in Secret {commands.namespace}/it ({variable})" in texts

    @pytest.mark.parametrize("first", ["AIRFLOW__API__SECRET_KEY", "AIRFLOW__API__SECRET_KEY_SECRET"])
    def test_current_name_of_an_option_comes_first(self, first: str, commands: Commands, put: Put) -> None:
        put.config("new", SECRET)
        commands.set("AIRFLOW__WEBSERVER__SECRET_KEY_SECRET", "old")
        commands.set(first, "new")
        assert f"{first} comes first, so Airflow uses it" in warning(commands, "not-taken")

    def test_option_whose_lookup_fails(self, commands: Commands, cluster: Cluster, put: Put) -> None:
        commands.configure(references={"config": {"fernet": "gone"}})
        named = {commands.namespace: ["gone"]}
        account = cluster.service_account(commands.namespace, "getter", {commands.namespace: ["list"]}, named)
        commands.configure(service_account_path=str(account.folder))
        commands.set(self.NAME, "fernet")
        codes = [each["code"] for each in doctor(commands, status=1) if each["status"] == "error"]
        assert codes == ["missing-secret", "option-fails"]

    def test_lookup_without_permission(self, commands: Commands, cluster: Cluster) -> None:
        """The commands come last, so that they can be copied."""
        account = cluster.service_account(commands.namespace, "powerless", {})
        commands.configure(service_account_path=str(account.folder))
        commands.set(self.NAME, "fernet")
        [text] = [each["text"] for each in doctor(commands, status=1) if each["code"] == "option-fails"]
        assert text.startswith(f"{self.NAME}: Airflow does not start, because the lookup of this option fails: ")
        last = text.splitlines()[-1]
        assert last.startswith("  kubectl create rolebinding ")
        assert last.endswith(f" --serviceaccount={commands.namespace}:powerless")

    @on_the_devserver
    def test_in_airflow_cfg(self, commands: Commands, put: Put, tmp_path: Path) -> None:
        (tmp_path / "airflow.cfg").write_text(
            "[core]\nfernet_key_secret = fernet\n[database]\nsql_alchemy_conn_secret = db\n"
        )
        commands.set("AIRFLOW_HOME", str(tmp_path))
        put.config("fernet", SECRET)
        findings: list[dict[str, Any]] = commands.run_program("doctor", "-o", "json", status=1).document["findings"]
        missing = only(findings)
        assert missing["code"] == "option-missing"
        assert f"{tmp_path}/airflow.cfg, [database] sql_alchemy_conn_secret" in missing["text"]
        assert any("[core] fernet_key is in Secret" in each["text"] for each in findings)
