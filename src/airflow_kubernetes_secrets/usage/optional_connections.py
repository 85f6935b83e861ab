"""Connections that a hook does not need, as data. Without one, it uses the identity of the process or of the machine.

Each entry was checked in the code of the provider.
"""

from __future__ import annotations

from airflow_kubernetes_secrets.lookup.kinds import Kind

_ARGUMENTS = (
    "aws_conn_id",  # AwsBaseHook logs "Unable to find AWS Connection ID" and uses the default credentials of boto3
    "emr_conn_id",  # EmrHook logs it too, and uses the arguments of the operator alone
)

_IDS = (
    "aws_default",
    "emr_default",
    "kubernetes_default",  # KubernetesHook uses the service account of the pod
    "spark_default",  # SparkSubmitHook submits to YARN, SparkSqlHook too
)


def works_without(kind: Kind, how: str, identifier: str) -> bool:
    """Return whether a hook works without the connection.

    Args:
        how: the argument that names the connection.
    """
    return kind is Kind.CONNECTION and (identifier in _IDS or how in _ARGUMENTS)
