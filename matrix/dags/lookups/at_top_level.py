"""A DAG file that looks up a variable while it is parsed."""

from __future__ import annotations

try:
    from airflow.sdk import DAG, Variable
except ImportError:  # Airflow 2
    from airflow.models import DAG, Variable


with DAG("at_top_level", schedule=None, description=Variable.get("at_top_level")):
    pass
