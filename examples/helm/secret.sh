kubectl create secret generic warehouse --namespace airflow-secrets \
    --from-literal=engine=postgres --from-literal=host=db.example.com \
    --from-literal=username=airflow --from-literal=password='p@ss:/w%rd' \
    --from-literal=dbname=warehouse
kubectl label secret warehouse --namespace airflow-secrets \
    airflow.apache.org/connection-id=warehouse
