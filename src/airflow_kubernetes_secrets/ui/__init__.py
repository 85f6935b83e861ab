"""A page in Airflow's own UI that shows what ``inventory`` knows: Airflow 3.1.1 and later. Never a value."""
