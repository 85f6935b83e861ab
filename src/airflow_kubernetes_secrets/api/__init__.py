"""The part of the Kubernetes API that a lookup needs: credentials, one connection, LIST of Secrets."""
