"""From a Secret as its owner made it to the connection that Airflow wants. ``docs/shapes.md`` specifies it."""

from airflow_kubernetes_secrets.shapes.connection import connection_json
from airflow_kubernetes_secrets.shapes.fields import Fields, fields_of

__all__ = ["Fields", "connection_json", "fields_of"]
