"""The Secret of a reference, with the annotations that the options contain for it."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_kubernetes_secrets.kubernetes.labels import IDENTIFIERS
from airflow_kubernetes_secrets.kubernetes.objects import DerivedValues, Secret
from airflow_kubernetes_secrets.options.accepted_values import IN_REFERENCES


class AnnotatedSecret(Secret):
    """A Secret whose annotations are in the options. So remedies name the option, and not the Secret."""

    __slots__ = ()

    annotation_part = "reference's annotation"
    annotation_suffix = IN_REFERENCES


# The inner keys are the annotations, because several references can name one Secret. A lookup from memory returns the
# same object each time, so it is parsed only once.
_annotated: DerivedValues[Secret, dict[Mapping[str, str], Secret]] = DerivedValues()


def with_annotations(secret: Secret, annotations: Mapping[str, str]) -> Secret:
    """Return a copy of a Secret in which the annotations of a reference replace its own. Those with its ids stay.

    The copy is stored for as long as the Secret exists.

    Args:
        annotations: a hashable mapping, whose keys include the prefix.
    """
    known = _annotated.get(secret)
    if known is None:
        known = {}
        _annotated.put(secret, known)
    found = known.get(annotations)
    if found is None:
        ids = {key: text for key, text in (secret.annotations or {}).items() if key in IDENTIFIERS}
        found = known[annotations] = AnnotatedSecret(
            secret.namespace,
            secret.name,
            secret.created,
            secret.labels,
            secret.data,
            annotations={**ids, **annotations},
        )
    return found
