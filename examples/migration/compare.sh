airflow-kubernetes-secrets explain connection orders
