"""The Kubernetes API and its rules: requests, credentials, labels, and manifests as kubectl reads them."""
