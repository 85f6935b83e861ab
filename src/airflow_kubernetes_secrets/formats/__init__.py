"""From the data of a Secret to the connection, variable or option that Airflow expects."""
