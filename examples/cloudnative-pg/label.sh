kubectl label secret warehouse-app airflow.apache.org/connection-id=warehouse --namespace=databases
