"""The sources of Secrets. A source answers a query with Secrets, and decides by itself how it gets them."""
