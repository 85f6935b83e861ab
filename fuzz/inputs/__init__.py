"""Strategies for inputs that are well formed for the most part, one module for each target."""
