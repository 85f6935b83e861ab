"""Kubeconfigs with some invalid values."""

from __future__ import annotations

import yaml
from hypothesis import strategies as st

from fuzz.canary import CANARY
from fuzz.inputs.common import JSON, TEXTS, as_json, some_of, sometimes

_NAMES = sometimes(st.sampled_from(["a", "a", "a", "b"]))
_DATA = st.sampled_from(["", "WnE3eEsycFZ3OUxtNFJ0WQ==", CANARY, "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==", "ä"])
_CLUSTER = some_of(
    {
        "server": sometimes(
            st.sampled_from(
                [
                    *(
                        "https://localhost:6443",
                        "http://localhost",
                        "https://[::1]",
                        "https://a:b",
                        "localhost",
                        "",
                        "https://",
                    ),
                    *("https://a:99999", "https://a:0/x y", f"https://u:{CANARY}@a", "https://[a", "HTTPS://A/k8s/"),
                ]
            )
            | TEXTS
        ),
        "insecure-skip-tls-verify": sometimes(st.booleans()),
        "certificate-authority-data": sometimes(_DATA),
        "certificate-authority": sometimes(st.sampled_from(["ca.crt", "/", "", "\0"])),
        "tls-server-name": sometimes(TEXTS),
        "proxy-url": sometimes(st.just("http://proxy")),
    }
)
_USER = some_of(
    {
        "token": sometimes(st.just(CANARY) | st.just(f"{CANARY}\n")),
        "tokenFile": sometimes(st.sampled_from(["token", "/", "config"])),
        "username": sometimes(st.just("user")),
        "password": sometimes(st.just(CANARY)),
        "client-certificate-data": sometimes(_DATA),
        "client-key-data": sometimes(_DATA),
        "client-certificate": sometimes(TEXTS),
        "client-key": sometimes(TEXTS),
        "exec": sometimes(
            some_of(
                {
                    "apiVersion": st.just("client.authentication.k8s.io/v1"),
                    "command": sometimes(st.just("plugin")),
                    "args": sometimes(st.just([CANARY])),
                    "env": sometimes(st.just([{"name": "A", "value": "b"}])),
                    "interactiveMode": sometimes(st.just("Never")),
                }
            )
        ),
        "auth-provider": sometimes(
            some_of(
                {
                    "name": sometimes(st.sampled_from(["gcp", "azure", "oidc", "x"])),
                    "config": sometimes(
                        some_of({"id-token": st.just("a.b.c"), "access-token": st.just("a"), "expiry": TEXTS})
                    ),
                }
            )
        ),
    }
)


def _named(field: str, value: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    one = st.fixed_dictionaries({"name": _NAMES, field: sometimes(value)})
    return sometimes(st.lists(sometimes(one), min_size=1, max_size=2))


_CONTEXT = st.fixed_dictionaries(
    {"cluster": _NAMES, "user": _NAMES}, optional={"namespace": sometimes(st.sampled_from(["shop", "", "A"]))}
)
_CONFIG = st.fixed_dictionaries(
    {
        "current-context": _NAMES,
        "clusters": _named("cluster", _CLUSTER),
        "contexts": _named("context", _CONTEXT),
        "users": _named("user", _USER),
    },
    optional={"apiVersion": st.just("v1"), "kind": st.just("Config"), "preferences": JSON},
)

INPUTS = sometimes(_CONFIG).flatmap(
    lambda config: st.sampled_from(
        [as_json(config), yaml.safe_dump(config, allow_unicode=True).encode("utf-8", "surrogatepass")]
    )
)
