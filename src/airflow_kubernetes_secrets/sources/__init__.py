"""The sources of Secrets. A source returns the Secrets for a query, and decides by itself how it gets them."""
