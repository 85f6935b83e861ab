"""The part of the Kubernetes API that this project uses: credentials, connections, and requests for Secrets."""
