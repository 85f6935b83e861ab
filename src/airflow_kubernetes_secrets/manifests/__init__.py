"""Manifests and the Secrets they create: ``check``, ``put`` and ``rbac``.

A *planned* Secret is one that a manifest creates, directly or through an operator.
"""
