"""Where Secrets come from. A source answers a label selector with Secrets; how it does that is its own business."""
