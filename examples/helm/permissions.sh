kubectl create namespace airflow-secrets
export AIRFLOW__SECRETS__BACKEND=airflow_kubernetes_secrets.KubernetesSecretsBackend
export AIRFLOW__SECRETS__BACKEND_KWARGS='
  {"namespace": "airflow-secrets", "cache_ttl": 60}'
airflow-kubernetes-secrets rbac \
    -s airflow/airflow-scheduler -s airflow/airflow-dag-processor \
    -s airflow/airflow-triggerer -s airflow/airflow-api-server \
    -s airflow/airflow-worker -s airflow/airflow-migrate-database-job \
    -s airflow/airflow-create-user-job \
    | kubectl apply -f -
