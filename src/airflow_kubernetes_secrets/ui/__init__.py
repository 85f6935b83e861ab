"""The page in Airflow's own UI, for Airflow 3.1.1 and later. It shows ``inventory`` without any secret value."""
