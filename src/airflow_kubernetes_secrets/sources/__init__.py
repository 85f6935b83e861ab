"""Where Secrets come from. A source answers a query with Secrets; how it does that is its own business."""
