"""Which Secret a lookup selects, and why."""
