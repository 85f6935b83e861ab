"""Moving connections and variables into Secrets: ``export``."""
