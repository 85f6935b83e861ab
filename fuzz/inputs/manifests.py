"""Manifests of Secrets, and of resources that create Secrets."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import yaml
from hypothesis import strategies as st

from fuzz.canary import CANARY
from fuzz.inputs.annotations import SECRETS
from fuzz.inputs.common import VALUES, WORDS, as_json, some_of, sometimes

_NAMES = sometimes(st.sampled_from(["app", "app", "b.c", "A", ""]))
_NAMESPACES = sometimes(st.sampled_from(["shop", "default", "", "A"]))
_KEYS = st.sampled_from(["value", "uri", "host", "password", "..", "a/b", ""])
_ENCODED = VALUES.map(lambda text: b64encode(text.encode("utf-8", "surrogatepass")).decode())
_BROKEN = st.sampled_from([CANARY, f"{CANARY}=", "WnE3\neEsy\n", "ä", 5, None])


def _metadata(secret: dict[str, Any], name: object, namespace: object) -> dict[str, Any]:
    return {"name": name, "namespace": namespace, "labels": secret["labels"], "annotations": secret["annotations"]}


_METADATA = st.builds(_metadata, SECRETS, _NAMES, _NAMESPACES)
_SECRET = st.fixed_dictionaries(
    {
        "apiVersion": st.sampled_from(["v1", "v1", None, "v2"]),
        "kind": st.just("Secret"),
        "metadata": sometimes(_METADATA),
    },
    optional={
        "data": sometimes(st.dictionaries(_KEYS, _ENCODED | _BROKEN, max_size=3)),
        "stringData": sometimes(st.dictionaries(_KEYS, sometimes(VALUES), max_size=3)),
        "type": WORDS,
    },
)
_TEMPLATE = some_of(
    {
        "metadata": sometimes(_METADATA),
        "data": sometimes(st.dictionaries(_KEYS, VALUES | st.just("{{ .a }}"), max_size=3)),
        "mergePolicy": sometimes(st.sampled_from(["Merge", "Replace"])),
        "templateFrom": sometimes(
            st.lists(sometimes(some_of({"target": sometimes(st.sampled_from(["Labels", "Data"]))})), max_size=2)
        ),
    }
)
_SEALED = st.fixed_dictionaries(
    {
        "apiVersion": st.just("bitnami.com/v1alpha1"),
        "kind": st.just("SealedSecret"),
        "metadata": sometimes(_METADATA),
        "spec": sometimes(
            some_of(
                {
                    "template": sometimes(_TEMPLATE),
                    "encryptedData": sometimes(st.dictionaries(_KEYS, VALUES)),
                    "data": WORDS,
                }
            )
        ),
    }
)
_EXTERNAL_SPEC = some_of(
    {
        "target": sometimes(
            some_of(
                {
                    "name": _NAMES,
                    "template": sometimes(_TEMPLATE),
                    "creationPolicy": sometimes(st.sampled_from(["Owner", "None", "Merge"])),
                    "manifest": st.none(),
                }
            )
        ),
        "data": sometimes(st.lists(sometimes(some_of({"secretKey": sometimes(_KEYS)})), max_size=2)),
        "dataFrom": sometimes(st.lists(WORDS, max_size=1)),
    }
)
_VERSION = st.sampled_from(["external-secrets.io/v1", "external-secrets.io/v1beta1"])
_EXTERNAL = st.fixed_dictionaries(
    {
        "apiVersion": _VERSION,
        "kind": st.just("ExternalSecret"),
        "metadata": sometimes(_METADATA),
        "spec": sometimes(_EXTERNAL_SPEC),
    }
)
_CLUSTER = st.fixed_dictionaries(
    {
        "apiVersion": _VERSION,
        "kind": st.just("ClusterExternalSecret"),
        "metadata": sometimes(_METADATA),
        "spec": sometimes(
            some_of(
                {
                    "externalSecretName": _NAMES,
                    "externalSecretMetadata": sometimes(_METADATA),
                    "externalSecretSpec": _EXTERNAL_SPEC,
                }
            )
        ),
    }
)
_ONE = sometimes(st.one_of(_SECRET, _SECRET, _SEALED, _EXTERNAL, _CLUSTER))
_LIST = st.fixed_dictionaries(
    {
        "apiVersion": st.just("v1"),
        "kind": st.sampled_from(["List", "SecretList"]),
        "items": sometimes(st.lists(_ONE, max_size=3)),
    }
)


def _as_yaml(documents: list[Any]) -> bytes:
    return yaml.safe_dump_all(documents, allow_unicode=True).encode("utf-8", "surrogatepass")


INPUTS = st.one_of(_ONE.map(as_json), _LIST.map(as_json), st.lists(_ONE | _LIST, max_size=2).map(_as_yaml))
