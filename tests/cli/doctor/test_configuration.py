"""``doctor`` on Airflow's configuration: a test produces each finding."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from support.airflow import ENVIRONMENTS
from support.cluster import Cluster
from support.commands import Commands
from support.findings import doctor, error, only, warning
from support.requirements import needs_airflow
from support.servers import on_the_devserver


class TestConfiguration:
    def test_invalid_json_in_backend_kwargs(self, commands: Commands) -> None:
        commands.set("AIRFLOW__SECRETS__BACKEND_KWARGS", '{"namespace": "x"')
        findings = doctor(commands, "--namespace", commands.namespace, status=1)
        dropped = next(each for each in findings if each["code"] == "kwargs-dropped")
        assert "it is not JSON: Expecting ',' delimiter at line 1, column 18" in dropped["text"]

    @pytest.mark.parametrize("text", ["[1]", '"namespace"', "7"])
    def test_json_that_is_not_an_object(self, commands: Commands, text: str) -> None:
        commands.set("AIRFLOW__SECRETS__BACKEND_KWARGS", text)
        findings = doctor(commands, "--namespace", commands.namespace, status=1)
        assert "kwargs-dropped" in [each["code"] for each in findings]

    def test_no_backend(self, commands: Commands) -> None:
        commands.set("AIRFLOW__SECRETS__BACKEND", None)
        assert "[secrets] backend is not set" in error(commands, "no-backend")

    @pytest.mark.parametrize(
        "name",
        [
            "AIRFLOW__SECRET__BACKEND",
            "AIRFLOW__SECRETS__BACKENDS",
            "AIRFLOW_SECRETS__BACKEND",
            "AIRFLOW_SECRETS_BACKEND",
            "AIRFLOW__SECRETS_BACKEND",
            "airflow__secrets__backend",
            "AIRFLOW__CORE__BACKEND",
        ],
    )
    def test_misspelt_variable_of_the_backend(self, commands: Commands, name: str) -> None:
        commands.set(name, os.environ["AIRFLOW__SECRETS__BACKEND"])
        assert {each["status"] for each in doctor(commands, status=0)} == {"ok"}
        commands.set("AIRFLOW__SECRETS__BACKEND", None)

        text = error(commands, "no-backend")

        expected = (
            f"{name} is set, but Airflow does not read it. If [secrets] backend is meant, rename it to "
            "AIRFLOW__SECRETS__BACKEND"
        )
        assert text.endswith(f". {expected}")
        assert expected in commands.run("explain", "connection", "x", status=1).err

    @pytest.mark.parametrize(
        "name",
        [
            "AIRFLOW__SECRETS__BACKEND_KWARG",
            "AIRFLOW__SECRET__BACKEND_KWARGS",
            "AIRFLOW__SECRETS__BACKEND_KWARGS_",
            "AIRFLOW_SECRETS_BACKEND_KWARGS",
            "AIRFLOW__SECRETS__KWARGS",
            "AIRFLOW__SECRETS__BACKEND_KWARG_SECRET",
        ],
    )
    def test_misspelt_variable_of_the_options(self, commands: Commands, cluster: Cluster, name: str) -> None:
        commands.set(name, '{"namespace": "hunter2"}')
        assert {each["status"] for each in doctor(commands, status=0)} == {"ok"}
        commands.set("AIRFLOW__SECRETS__BACKEND_KWARGS", None)
        kubeconfig = str(cluster.kubeconfig(commands.account.token, commands.namespace))

        text = warning(commands, "misplaced-option", "--kubeconfig", kubeconfig)

        right = "AIRFLOW__SECRETS__BACKEND_KWARGS" + ("_SECRET" if name.endswith("_SECRET") else "")
        assert text == (
            f"{name} is set, but Airflow does not read it. If [secrets] backend_kwargs is meant, rename it to {right}. "
            "Without it, all options have their defaults"
        )
        assert text in commands.run("explain", "connection", "x", "--kubeconfig", kubeconfig, status=1).err

    @pytest.mark.parametrize("section", ["secret", "Secrets"])
    def test_misspelt_names_in_the_file(
        self, commands: Commands, cluster: Cluster, tmp_path: Path, section: str
    ) -> None:
        commands.set("AIRFLOW_HOME", str(tmp_path))
        kubeconfig = str(cluster.kubeconfig(commands.account.token, commands.namespace))
        backend = os.environ["AIRFLOW__SECRETS__BACKEND"]
        (tmp_path / "airflow.cfg").write_text(f"[{section}]\nbackend = {backend}\nbackend_kwargs = {{}}\n")
        commands.set("AIRFLOW__SECRETS__BACKEND", None)
        commands.set("AIRFLOW__SECRETS__BACKEND_KWARGS", None)

        found = doctor(commands, "--kubeconfig", kubeconfig, status=1)

        texts = {each["code"]: each["text"] for each in found if each["status"] in ("warning", "error")}
        assert texts.keys() == {"no-backend", "misplaced-option"}
        file = f"in {tmp_path}/airflow.cfg is set, but Airflow does not read it. "
        assert (
            f"[{section}] backend {file}If [secrets] backend is meant, rename it to [secrets] backend"
            in texts["no-backend"]
        )
        assert texts["misplaced-option"].startswith(
            f"[{section}] backend_kwargs {file}If [secrets] backend_kwargs is meant"
        )

    def test_options_of_others_are_not_misspelt_ones(self, commands: Commands, cluster: Cluster) -> None:
        """Some have similar names, and these are not the options of the backend."""
        for name in (
            "WORKERS__SECRETS_BACKEND_KWARGS",
            "SECRETS__USE_CACHE",
            "CELERY__RESULT_BACKEND",
            "CORE__EXECUTOR",
        ):
            commands.set(f"AIRFLOW__{name}", "{}" if name.endswith("KWARGS") else "True")
        commands.set("AIRFLOW__SECRETS__BACKEND_KWARG__OUTAGE_TTL", "900")
        commands.set("AIRFLOW__SECRETS__CACHE_TTL_SECONDS", "0")
        commands.set("AIRFLOW__SECRETS__BACKEND_KWARGS", None)
        kubeconfig = str(cluster.kubeconfig(commands.account.token, commands.namespace))
        found = doctor(commands, "--kubeconfig", kubeconfig, status=0)
        assert [each for each in found if each["status"] != "ok"] == []
        commands.set("AIRFLOW__SECRETS__BACKEND", None)
        assert "rename it" not in error(commands, "no-backend", "--kubeconfig", kubeconfig)

    def test_backend_class_that_cannot_be_imported(self, commands: Commands) -> None:
        commands.set("AIRFLOW__SECRETS__BACKEND", "airflow_kubernetes_secrets.Backend")
        assert "cannot be imported here" in error(commands, "backend-missing")

    @pytest.mark.parametrize(
        ("misspelt", "meant"),
        [
            ("airflow_kubernetes_secrets.NoSecretBackend", "NoSecretsBackend"),
            ("airflow_kubernetes_secret.NoSecretsBackend", "NoSecretsBackend"),
            ("airflow_kubernetes_secrets.KubernetesSecretBackend", "KubernetesSecretsBackend"),
            ("no.such.Backend", "KubernetesSecretsBackend"),
        ],
    )
    def test_remedy_for_a_misspelt_class(self, commands: Commands, misspelt: str, meant: str) -> None:
        commands.set("AIRFLOW__SECRETS__BACKEND", misspelt)
        assert error(commands, "backend-missing").endswith(f"or set it to airflow_kubernetes_secrets.{meant}")

    def test_another_backend(self, cluster: Cluster, commands: Commands) -> None:
        other = "airflow.secrets.environment_variables.EnvironmentVariablesBackend"
        commands.set("AIRFLOW__SECRETS__BACKEND", other)
        # The configuration is for another backend, so the access to the API must be given.
        kubeconfig = str(cluster.kubeconfig(commands.account.token, commands.namespace))
        findings = doctor(commands, "--kubeconfig", kubeconfig, status=1)
        assert f"is {other}, not this one" in only(findings)["text"]
        assert only(findings)["code"] == "another-backend"

    def test_a_worker_that_reads_no_secrets(self, commands: Commands) -> None:
        """This is the configuration of the page about workers without permissions, so no remedy may undo it."""
        commands.set("AIRFLOW__SECRETS__BACKEND", "airflow_kubernetes_secrets.NoSecretsBackend")
        commands.configure(service_account_path="/nowhere")
        findings = doctor(commands, status=0)
        assert {each["status"] for each in findings} == {"ok", "skipped"}
        assert "lookups in this process read no Secrets" in findings[1]["text"]
        done = commands.run("list", status=2)
        assert "lookups in this process read no Secrets" in done.err
        assert "not this one" not in done.err

    def test_an_option_of_a_worker_that_reads_no_secrets(self, commands: Commands) -> None:
        commands.set("AIRFLOW__SECRETS__BACKEND", "airflow_kubernetes_secrets.NoSecretsBackend")
        commands.set("AIRFLOW__CORE__FERNET_KEY_SECRET", "fernet")
        text = warning(commands, "not-taken")
        assert text.startswith("AIRFLOW__CORE__FERNET_KEY_SECRET: ")
        assert "Airflow uses the default of [core] fernet_key" in text

    def test_an_option_that_is_set_twice(self, commands: Commands) -> None:
        """Airflow parses the JSON, so the backend itself cannot detect it."""
        kwargs = commands.kwargs | {"references": {"connections": {"a": "x", "b": "y"}}}
        text = json.dumps(kwargs).replace('"b"', '"a"').replace("{", '{"namespace": "elsewhere", ', 1)
        commands.set("AIRFLOW__SECRETS__BACKEND_KWARGS", text)
        found = [each["text"] for each in doctor(commands, status=(0, 1)) if each["code"] == "repeated-option"]
        assert found == [
            "backend_kwargs, from AIRFLOW__SECRETS__BACKEND_KWARGS: 'a' and 'namespace' are present twice, and only "
            "the last value is used. Remove the others"
        ]
        assert "'a' and 'namespace' are present twice" in commands.run("list", status=(0, 1, 2)).err

    @pytest.mark.parametrize("suffix", ["_CMD", "_SECRET", ""])
    def test_sources_of_backend_kwargs_that_airflow_ignores(
        self, commands: Commands, tmp_path: Path, suffix: str
    ) -> None:
        commands.set("AIRFLOW_HOME", str(tmp_path))
        (tmp_path / "airflow.cfg").write_text("[secrets]\nbackend_kwargs = {}\nbackend_kwargs_cmd = false\n")
        variable = f"AIRFLOW__SECRETS__BACKEND_KWARGS{suffix}"
        if suffix:
            commands.set(variable, "false")
        texts = [each["text"] for each in doctor(commands, status=0)]
        file = tmp_path / "airflow.cfg"
        ignored = [
            *([variable] if suffix else []),
            f"[secrets] backend_kwargs in {file}",
            f"[secrets] backend_kwargs_cmd in {file}",
        ]
        assert any(text.endswith(f"AIRFLOW__SECRETS__BACKEND_KWARGS; ignored: {', '.join(ignored)}") for text in texts)
        out = commands.run("explain", "connection", "x", status=1).out
        assert f"ignored: {ignored[0]}" in out

    def test_option_that_a_variable_of_its_own_replaces(self, commands: Commands) -> None:
        commands.set("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({**commands.kwargs, "cache_ttl": 60}))
        commands.set("AIRFLOW__SECRETS__BACKEND_KWARG__CACHE_TTL", "5")
        commands.set("AIRFLOW__SECRETS__BACKEND_KWARG__TIMEOUT", "3")
        ignored = "ignored: 'cache_ttl' in AIRFLOW__SECRETS__BACKEND_KWARGS"
        assert any(each["text"].endswith(ignored) for each in doctor(commands, status=0))
        assert f"{ignored}\n" in commands.run("explain", "connection", "x", status=1).out

    def test_empty_option_in_airflow_cfg_is_not_reported(self, commands: Commands, tmp_path: Path) -> None:
        """Airflow writes the option without a value into a new file."""
        commands.set("AIRFLOW_HOME", str(tmp_path))
        (tmp_path / "airflow.cfg").write_text("[secrets]\nbackend_kwargs =\n")
        assert not any("ignored" in each["text"] for each in doctor(commands, status=0))

    @pytest.mark.parametrize(
        ("name", "remedy"),
        [
            ("AIRFLOW__SECRETS__CACHE_TTL", "cache_ttl is an option of backend_kwargs"),
            ("AIRFLOW__SECRETS__BACKEND_KWARGS__CACHE_TTL", "AIRFLOW__SECRETS__BACKEND_KWARG__CACHE_TTL"),
        ],
    )
    def test_an_option_in_the_wrong_place(self, commands: Commands, name: str, remedy: str) -> None:
        commands.set(name, "60")
        text = warning(commands, "misplaced-option")
        assert text.startswith(f"{name}: ")
        assert remedy in text

    def test_an_option_in_the_wrong_place_of_the_file(self, commands: Commands, tmp_path: Path) -> None:
        commands.set("AIRFLOW_HOME", str(tmp_path))
        (tmp_path / "airflow.cfg").write_text("[secrets]\ncache_ttl = 60\nuse_cache = False\n")
        text = warning(commands, "misplaced-option")
        assert text.startswith(f"{tmp_path}/airflow.cfg, [secrets] cache_ttl: ")

    def test_unknown_option_that_prevents_airflow_from_starting(self, commands: Commands) -> None:
        commands.configure(cache_tll=60)
        text = error(commands, "option-unusable")
        assert "did you mean 'cache_ttl'?" in text
        assert text.endswith("Airflow does not start until this is corrected")
        # The result is the same if Airflow has not been imported before.
        done = commands.run_program("doctor", "-o", "json", status=1)
        assert only(done.document["findings"])["code"] == "option-unusable"

    def test_error_that_ends_with_a_question(self, commands: Commands) -> None:
        commands.configure(references={"connection": {"x": "y"}})
        assert error(commands, "option-unusable").endswith(
            "did you mean 'connections'? Airflow does not start until this is corrected"
        )

    def test_secrets_cache_of_airflow(self, commands: Commands) -> None:
        commands.set("AIRFLOW__SECRETS__USE_CACHE", "True")
        assert "caches connections and variables for 900 s" in warning(commands, "airflow-cache")
        commands.set("AIRFLOW__SECRETS__CACHE_TTL_SECONDS", "0")
        assert {each["status"] for each in doctor(commands, status=0)} == {"ok"}

    def test_metrics_that_airflow_does_not_send(self, commands: Commands) -> None:
        assert {each["status"] for each in doctor(commands, status=0)} == {"ok"}
        commands.configure(metrics=True)
        text = warning(commands, "metrics-not-sent")
        assert text.startswith("metrics is true, but this Airflow sends no metrics: neither [metrics] statsd_on nor ")
        commands.set("AIRFLOW__METRICS__OTEL_ON", "True")
        assert {each["status"] for each in doctor(commands, status=0)} == {"ok"}

    @pytest.mark.parametrize(
        ("option", "package", "extra"),
        [
            ("statsd_on", "statsd", "statsd"),
            ("statsd_datadog_enabled", "datadog", "datadog"),
            ("otel_on", "opentelemetry.sdk", "otel"),
        ],
    )
    def test_metrics_without_the_package(
        self, commands: Commands, monkeypatch: pytest.MonkeyPatch, option: str, package: str, extra: str
    ) -> None:
        """Airflow logs an error then, and sends nothing."""
        commands.configure(metrics=True)
        commands.set(f"AIRFLOW__METRICS__{option.upper()}", "True")
        monkeypatch.setitem(sys.modules, package, None)

        text = warning(commands, "metrics-not-sent")

        assert text.endswith(
            f"[metrics] {option} is on, but the package {package!r} is not installed. Install 'apache-airflow[{extra}]'"
        )

    def test_workers_that_time_out_before_the_lookup(self, commands: Commands) -> None:
        commands.configure(timeout=5)
        assert "workers wait 5 s" in warning(commands, "workers-give-up")
        # The defaults of Airflow and this project cause no warning.
        del commands.kwargs["timeout"]
        commands.configure()
        assert {each["status"] for each in doctor(commands, status=0)} == {"ok"}

    def test_separate_backend_for_workers(self, commands: Commands) -> None:
        commands.set("AIRFLOW__WORKERS__SECRETS_BACKEND", "airflow_kubernetes_secrets.NoSecretsBackend")
        texts = [each["text"] for each in doctor(commands, status=0)]
        assert any("[workers] secrets_backend is airflow_kubernetes_secrets.NoSecretsBackend" in text for text in texts)

    @on_the_devserver
    @needs_airflow("2.11")
    def test_on_error_deny_that_airflow_does_not_support(self, commands: Commands) -> None:
        commands.configure(on_error="deny")
        assert {each["status"] for each in doctor(commands, status=0)} == {"ok"}
        python = str(ENVIRONMENTS["2.11"] / "bin" / "python")
        program = [python, "-m", "airflow_kubernetes_secrets.cli.main"]
        done = commands.run_program("doctor", "-o", "json", program=program)
        assert only(done.document["findings"])["code"] == "deny-unknown"

    @on_the_devserver
    def test_a_configuration_that_airflow_cannot_read(self, commands: Commands, tmp_path: Path) -> None:
        commands.set("AIRFLOW_HOME", str(tmp_path))
        (tmp_path / "airflow.cfg").write_text("no section\n")
        done = commands.run_program("doctor", "-o", "json", status=1)
        assert only(done.document["findings"])["code"] == "airflow-unreadable"
