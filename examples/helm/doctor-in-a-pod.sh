kubectl exec --namespace airflow deployment/airflow-scheduler \
    -- airflow-kubernetes-secrets doctor
kubectl exec --namespace airflow deployment/airflow-api-server \
    -- airflow-kubernetes-secrets explain connection warehouse
