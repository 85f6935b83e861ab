airflow connections export connections.json
airflow variables export variables.json
