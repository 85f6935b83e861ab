"""The options of the backend: ``backend_kwargs``."""
