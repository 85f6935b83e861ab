kubectl delete secrets --namespace airflow-secrets \
    --selector airflow.apache.org/connection-id
kubectl delete secrets --namespace airflow-secrets \
    --selector airflow.apache.org/variable-key
airflow connections import connections.json
airflow variables import variables.json
