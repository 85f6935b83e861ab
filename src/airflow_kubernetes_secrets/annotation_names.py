"""The names of annotations and labels that this package defines for every Secret, whatever its format."""

from __future__ import annotations

ANNOTATION_PREFIX = "airflow.apache.org/"

# The keys of the default labels. If a label cannot contain an id, an annotation with its key does. Unlike other
# annotations, those with these keys do not describe the Secret.
IDENTIFIERS = frozenset(
    f"{ANNOTATION_PREFIX}{name}" for name in ("connection-id", "variable-key", "config-key", "team")
)

# The label of a Secret in which every key of the data is an id. Its value is the kind of the ids.
BUNDLE = f"{ANNOTATION_PREFIX}bundle"
