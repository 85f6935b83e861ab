"""Strategies for mostly well-formed inputs, one module for each target."""
