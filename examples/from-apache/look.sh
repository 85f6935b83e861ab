airflow-kubernetes-secrets doctor
airflow-kubernetes-secrets list --problems
