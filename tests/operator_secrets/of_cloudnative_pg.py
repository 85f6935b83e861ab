"""The Secrets that CloudNativePG creates."""

from __future__ import annotations

from operator_secrets.shape import BASIC_AUTH, Shape

_CNPG = "cloudnative-pg/cloudnative-pg: pkg/specs/secrets.go, pkg/specs/secrets_test.go"
_CNPG_DATA = {
    "username": "thisuser",
    "user": "thisuser",
    "password": "thispassword",
    "dbname": "thisdb",
    "host": "thishost",
    "port": "5432",
    "pgpass": "thishost:5432:thisdb:thisuser:thispassword\n",
    "uri": "postgresql://thisuser:thispassword@thishost.namespace:5432/thisdb",
    "jdbc-uri": "jdbc:postgresql://thishost.namespace:5432/thisdb?password=thispassword&user=thisuser",
    "fqdn-uri": "postgresql://thisuser:thispassword@thishost.namespace.svc.cluster.local:5432/thisdb",
    "fqdn-jdbc-uri": "jdbc:postgresql://thishost.namespace.svc.cluster.local:5432/thisdb"
    "?password=thispassword&user=thisuser",
}
_CNPG_CONNECTION = {
    "conn_type": "postgres",
    "host": "thishost.namespace.svc.cluster.local",
    "login": "thisuser",
    "password": "thispassword",
    "port": 5432,
    "schema": "thisdb",
}

CLOUDNATIVE_PG = [
    Shape("cnpg-app", _CNPG, _CNPG_DATA, _CNPG_CONNECTION, type=BASIC_AUTH),
    Shape(
        "cnpg-app-before-1.25.3",
        f"{_CNPG}; docs/src/release_notes/old/v1.25.md",
        {key: value for key, value in _CNPG_DATA.items() if not key.startswith("fqdn-")},
        {**_CNPG_CONNECTION, "host": "thishost.namespace"},
        type=BASIC_AUTH,
    ),
    Shape(
        "cnpg-app-rotated-by-external-secrets",
        "cloudnative-pg/cloudnative-pg: docs/src/cncf-projects/external-secrets.md (the template has no fqdn-uri)",
        {
            **_CNPG_DATA,
            "password": "new p@ss/word",
            "pgpass": "thishost:5432:thisdb:thisuser:new p@ss/word",
            "uri": "postgresql://thisuser:new p@ss/word@thishost.namespace:5432/thisdb",
            "jdbc-uri": "jdbc:postgresql://thishost.namespace:5432/thisdb?password=new p@ss/word&user=thisuser",
        },
        {**_CNPG_CONNECTION, "password": "new p@ss/word"},
        type=BASIC_AUTH,
    ),
    Shape(
        "cnpg-superuser",
        f"{_CNPG}; internal/controller/cluster_create.go (dbname is *)",
        {
            **_CNPG_DATA,
            "username": "postgres",
            "user": "postgres",
            "dbname": "*",
            "pgpass": "thishost:5432:*:postgres:thispassword\n",
            "uri": "postgresql://postgres:thispassword@thishost.namespace:5432/*",
            "jdbc-uri": "jdbc:postgresql://thishost.namespace:5432/*?password=thispassword&user=postgres",
            "fqdn-uri": "postgresql://postgres:thispassword@thishost.namespace.svc.cluster.local:5432/*",
            "fqdn-jdbc-uri": "jdbc:postgresql://thishost.namespace.svc.cluster.local:5432/*"
            "?password=thispassword&user=postgres",
        },
        {**_CNPG_CONNECTION, "login": "postgres", "schema": None},
        type=BASIC_AUTH,
    ),
    Shape(
        "cnpg-short-host",
        f"{_CNPG}; annotated for a pooler in the same namespace",
        _CNPG_DATA,
        {**_CNPG_CONNECTION, "host": "thishost", "extra": {"sslmode": "require"}},
        {"field-host": "host", "connection-extra": '{"sslmode": "require"}'},
        type=BASIC_AUTH,
    ),
]
