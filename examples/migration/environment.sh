airflow-kubernetes-secrets export --from env \
    --output-dir secrets --namespace airflow-secrets
