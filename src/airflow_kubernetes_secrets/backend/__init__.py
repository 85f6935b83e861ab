"""What Airflow uses: the secrets backends, differences between versions of Airflow, masking, the provider."""
