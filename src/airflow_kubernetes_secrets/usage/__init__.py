"""Which connections, variables and options DAGs use, and what provides each: ``usage``. DAG code is never run."""
