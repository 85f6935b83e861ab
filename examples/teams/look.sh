airflow-kubernetes-secrets list --team blue
airflow-kubernetes-secrets explain connection mail --team blue
