for each in scheduler dag-processor triggerer api-server worker \
        migrate-database-job create-user-job; do
    airflow-kubernetes-secrets doctor --kubeconfig ~/.kube/config \
        --as "system:serviceaccount:airflow:airflow-$each"
done
