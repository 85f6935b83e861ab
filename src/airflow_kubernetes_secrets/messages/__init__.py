"""Texts for people: problems, log messages, and the protection of secret values in both."""
