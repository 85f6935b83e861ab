"""What the API server of a measurement serves: the account, the namespace and the label of its Secrets."""

from __future__ import annotations

import os

FOLDER = os.environ["BENCH_SERVICE_ACCOUNT"]
NAMESPACE = "bench"
CONNECTIONS_LABEL = "airflow.apache.org/connection-id"
