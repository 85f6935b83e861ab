"""Move connections and variables into Secrets: ``export``."""
