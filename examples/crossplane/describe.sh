kubectl annotate secret warehouse-connection airflow.apache.org/connection-type=postgres \
    airflow.apache.org/connection-schema=warehouse --namespace=databases
