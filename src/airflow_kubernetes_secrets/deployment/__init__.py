"""The Airflow deployment: its configuration, its metadata database and its environment."""
