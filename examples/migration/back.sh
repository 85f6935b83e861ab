kubectl delete secrets --namespace airflow-secrets \
    --selector airflow.apache.org/connection-id
airflow connections import connections.json
airflow variables import variables.json
