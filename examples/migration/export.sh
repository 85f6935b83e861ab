airflow-kubernetes-secrets export --from metadata-db \
    --output-dir secrets --namespace airflow-secrets
airflow-kubernetes-secrets check secrets
kubectl apply -R -f secrets
airflow-kubernetes-secrets list
