"""Manifests and the Secrets they create: ``check``, ``put`` and ``rbac``."""
