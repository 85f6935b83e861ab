"""Build the connection that Airflow expects from a Secret of any tool. ``docs/shapes.md`` specifies this."""

from airflow_kubernetes_secrets.shapes.annotations import key_of_value
from airflow_kubernetes_secrets.shapes.connection import completed_json, connection_json
from airflow_kubernetes_secrets.shapes.fields import Fields, fields_of, key_of_whole

__all__ = ["Fields", "completed_json", "connection_json", "fields_of", "key_of_value", "key_of_whole"]
