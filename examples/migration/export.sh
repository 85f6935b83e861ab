airflow-kubernetes-secrets export --from metadata-db \
    --output-dir secrets --namespace airflow-secrets
airflow-kubernetes-secrets check secrets
