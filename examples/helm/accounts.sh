kubectl get serviceaccounts --namespace airflow
