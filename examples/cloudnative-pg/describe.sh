kubectl annotate secret warehouse-app 'airflow.apache.org/connection-extra={"sslmode": "require"}' --namespace=databases
