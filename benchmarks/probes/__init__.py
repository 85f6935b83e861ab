"""What one fresh process measures. Each function takes who is measured and how many other Secrets there are.

Where the import of a backend is part of the figure (cold, fifty), a module imports the standard library only.
"""
