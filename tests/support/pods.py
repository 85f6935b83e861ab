"""An Airflow with Apache's provider, which makes pods."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.airflow import ROOT, Airflow
from support.environments import Environment

PROVIDER = "apache-airflow-providers-cncf-kubernetes"
# The namespaces of the Secrets. Their names are in the expected results.
NAMESPACE, OTHER_NAMESPACE = "hand-on", "hand-on-other"
MARK = "P4SS"  # names of pods end with random letters, all in lower case
NO_SECRETS = "airflow_kubernetes_secrets.NoSecretsBackend"

# The operator requires a kubeconfig, but does not connect.
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1:1"}}],
    "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    "users": [{"name": "x", "user": {}}],
    "current-context": "x",
}

# Returns, for each call, the pod that an operator makes from the result, or the error.
PODS = """
import json, sys

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from kubernetes.client import ApiClient

from airflow_kubernetes_secrets import pod


def answer(function, arguments, options):
    try:
        refs = getattr(pod, function)(*arguments, **options)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    operator = KubernetesPodOperator(
        task_id="t", name="t", image="busybox", namespace=refs.namespace, secrets=refs, config_file=sys.argv[2]
    )
    return {
        "namespace": refs.namespace,
        "secret": refs.secret,
        "pod": ApiClient().sanitize_for_serialization(operator.build_pod_request_obj()),
    }


print(json.dumps([answer(*call) for call in json.loads(sys.argv[1])]))
"""


@dataclass(frozen=True)
class Installation:
    """An Airflow with Apache's provider. This project is imported from its source."""

    version: str
    environment: Environment | None

    def pods(self, calls: list[Any], home: Path, variables: Mapping[str, str]) -> list[dict[str, Any]]:
        kubeconfig = home / "kubeconfig"
        kubeconfig.write_text(json.dumps(KUBECONFIG))
        arguments = (PODS, json.dumps(calls), str(kubeconfig))
        if self.environment is None:
            done = Airflow(self.version, home, variables).python(*arguments)
        else:
            own = {"PYTHONPATH": str(ROOT / "src"), "AIRFLOW_HOME": str(home)}
            done = self.environment.run_in_fork(*arguments, variables={**variables, **own})
        assert done.returncode == 0, done.stderr
        answers: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
        return answers


def refs(function: str, *arguments: Any, **options: Any) -> tuple[str, list[Any], dict[str, Any]]:
    return function, list(arguments), options
