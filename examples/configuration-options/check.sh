airflow-kubernetes-secrets explain config airflow-db
airflow-kubernetes-secrets doctor
airflow config get-value database sql_alchemy_conn
