"""The measurements of one new process. Each function takes what is measured and the number of other Secrets.

Where the import of a backend is part of the figure (cold, fifty), a module imports only the standard library.
"""
