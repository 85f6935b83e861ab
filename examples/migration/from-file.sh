airflow-kubernetes-secrets export --from connections.json --kind connections \
    --output-dir secrets --namespace airflow-secrets
