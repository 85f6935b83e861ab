"""The page in Airflow's own UI, for Airflow 3.1.1 and later. It shows what ``list`` and ``explain`` show."""
