"""A snapshot of the Secrets that exist, and what is wrong with each (``list``).

The snapshot stores whole Secrets. The entries, problems and messages that are made of it never contain a secret value.
The backend never imports this package.
"""
