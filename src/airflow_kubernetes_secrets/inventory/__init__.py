"""A snapshot of the Secrets that exist, and what is wrong with each (``list``). It never contains a secret value.

The backend never imports this package.
"""
