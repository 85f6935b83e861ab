"""The commands: ``airflow-kubernetes-secrets COMMAND``, and ``airflow kubernetes-secrets COMMAND``."""
