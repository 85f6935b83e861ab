"""Lists, Secrets, events and Statuses of the API."""

from __future__ import annotations

from hypothesis import strategies as st

from fuzz.canary import CANARY
from fuzz.inputs.common import TEXTS, WORDS, as_json, some_of, sometimes

_NAMES = st.sampled_from(["app", "shop", "a.b", ""]) | TEXTS
_KEYS = (
    st.sampled_from(["airflow.apache.org/connection-id", "airflow.apache.org/field-uri", "app", "kubectl/last"]) | TEXTS
)
_MAPS = st.none() | st.dictionaries(_KEYS, sometimes(WORDS | TEXTS | st.just(CANARY)), max_size=3)
_VALUES = st.just("WnE3eEsycFZ3OUxtNFJ0WQ==") | TEXTS
_OWNERS = st.lists(
    some_of(
        {
            "apiVersion": sometimes(st.sampled_from(["external-secrets.io/v1", "bitnami.com/v1alpha1", "", "/"])),
            "kind": sometimes(WORDS),
            "name": sometimes(WORDS),
            "controller": sometimes(st.booleans() | st.none()),
        }
    ),
    max_size=3,
)
_METADATA = st.fixed_dictionaries(
    {
        "name": sometimes(_NAMES),
        "namespace": sometimes(_NAMES),
        "creationTimestamp": sometimes(st.just("2026-01-01T00:00:00Z") | st.none()),
    },
    optional={
        "labels": sometimes(_MAPS),
        "annotations": sometimes(_MAPS),
        "resourceVersion": sometimes(WORDS),
        "deletionTimestamp": sometimes(st.just("2026-01-01T00:00:00Z") | st.none()),
        "ownerReferences": sometimes(_OWNERS | st.none()),
        "managedFields": TEXTS,
    },
)
_SECRET = st.fixed_dictionaries(
    {"metadata": sometimes(_METADATA), "kind": sometimes(st.sampled_from(["Secret", "", "Pod"]))},
    optional={
        "data": sometimes(st.none() | st.dictionaries(TEXTS, sometimes(_VALUES), max_size=3)),
        "type": sometimes(st.sampled_from(["Opaque", "kubernetes.io/tls"])),
    },
)
_LIST = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["SecretList", "SecretList", "List"]),
        "items": sometimes(st.none() | st.lists(_SECRET, max_size=3)),
        "metadata": sometimes(
            some_of({"resourceVersion": WORDS, "continue": WORDS, "remainingItemCount": sometimes(st.integers())})
        ),
    }
)
_STATUS = some_of(
    {
        "kind": sometimes(st.just("Status")),
        "message": sometimes(st.none() | TEXTS | st.just(CANARY)),
        "code": sometimes(st.sampled_from([410, 403, 500, None])),
        "details": st.just(CANARY),
    }
)
_BOOKMARK = st.fixed_dictionaries({"metadata": sometimes(some_of({"resourceVersion": WORDS}))})
_EVENT = st.fixed_dictionaries(
    {
        "type": sometimes(st.sampled_from(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "added"])),
        "object": st.one_of(_SECRET, _BOOKMARK, _STATUS),
    }
)

INPUTS = st.one_of(_LIST, _SECRET, _EVENT, _STATUS).map(as_json)
