"""A connection without TLS to a server that accepts connections with TLS only is reported."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.hook_texts import texts_of

ATLAS = "c.ab1cd.mongodb.net"
SHARDS = "c-shard-00-00.ab1cd.mongodb.net:27017,c-shard-00-01.ab1cd.mongodb.net:27017"


@pytest.mark.parametrize(
    ("conn_type", "fields"),
    [
        *((each, {"host": "h", "port": 443}) for each in ("elasticsearch", "opensearch", "druid", "pinot", "jenkins")),
        *((each, {"host": "h", "port": 443}) for each in ("weaviate", "webhdfs", "vault", "livy")),
        ("elasticsearch", {"host": "x.es.eu-west-1.aws.elastic-cloud.com", "port": 9200}),
        ("opensearch", {"host": "search-x.eu-west-1.es.amazonaws.com"}),
        ("elasticsearch", {"host": "h", "port": 443, "schema": "http"}),
        ("redis", {"host": "h.redis.cache.windows.net", "port": 6380}),
        ("redis", {"host": "h.upstash.io", "port": 6379, "extra": {"ssl": False}}),
        ("redis", {"host": "x.serverless.use1.cache.amazonaws.com", "port": 6379}),
        ("mongo", {"host": ATLAS}),
        ("mongo", {"host": SHARDS}),
        ("mongo", {"host": "h.mongo.cosmos.azure.com", "port": 10255}),
        ("neo4j", {"host": "ab.databases.neo4j.io"}),
        ("clickhouse", {"host": "h.clickhouse.cloud", "port": 8123}),
        ("clickhouse", {"host": "h.clickhouse.cloud"}),
        ("weaviate", {"host": "h.weaviate.cloud"}),
        ("cassandra", {"host": "cassandra.us-east-1.amazonaws.com", "port": 9142}),
        ("kafka", {"extra": {"bootstrap.servers": "pkc-1.eu-west-1.aws.confluent.cloud:9092"}}),
        ("kafka", {"extra": {"bootstrap.servers": "x.servicebus.windows.net:9093", "security.protocol": "plaintext"}}),
        ("kafka", {"extra": {"bootstrap.servers": "b-1.x.c2.kafka.us-east-1.amazonaws.com:9094,b-2.x:9094"}}),
    ],
)
def test_connections_without_tls(conn_type: str, fields: dict[str, Any]) -> None:
    """The case of the host does not count."""
    assert [each for each in texts_of(value(conn_type, fields)) if "TLS" in each]
    upper = {name: str(each).upper() if name == "host" else each for name, each in fields.items()}
    assert [each for each in texts_of(value(conn_type, upper)) if "TLS" in each]


@pytest.mark.parametrize(
    ("conn_type", "fields"),
    [
        ("elasticsearch", {"host": "h", "port": 443, "schema": "https"}),
        ("elasticsearch", {"host": "h", "port": 443, "extra": {"scheme": "https"}}),
        ("elasticsearch", {"host": "h", "port": 9200}),
        ("opensearch", {"host": "h", "port": 443, "extra": {"use_ssl": "true", "verify_certs": True}}),
        ("druid", {"host": "h", "port": 443, "extra": {"schema": "https"}}),
        ("jenkins", {"host": "h", "port": 443, "extra": {"use_https": True}}),
        ("vault", {"host": "h", "port": 443, "password": "t", "extra": {"use_tls": True}}),
        ("livy", {"host": "h", "port": 443, "schema": "https"}),
        ("redis", {"host": "h.upstash.io", "port": 6379, "extra": {"ssl": True}}),
        ("redis", {"host": "replica", "port": 6380}),
        ("redis", {"host": "master.x.use1.cache.amazonaws.com", "port": 6379}),
        ("mongo", {"host": ATLAS, "extra": {"srv": True}}),
        ("mongo", {"host": SHARDS, "extra": {"tls": "true"}}),
        ("mongo", {"host": "h.mongo.cosmos.azure.com", "port": 10255, "extra": {"ssl": True}}),
        ("mongo", {"host": "mongodb.net.shop.svc"}),
        ("neo4j", {"host": "ab.databases.neo4j.io", "extra": {"neo4j_scheme": True, "certs_trusted_ca": True}}),
        ("clickhouse", {"host": "h.clickhouse.cloud", "port": 8443}),
        ("clickhouse", {"host": "h.clickhouse.cloud", "extra": {"secure": True}, "port": 8443}),
        ("weaviate", {"host": "h", "port": 443, "extra": {"http_secure": True}}),
        ("cassandra", {"host": "cassandra.us-east-1.amazonaws.com", "extra": {"ssl_options": {"ca_certs": "/ca"}}}),
        ("cassandra", {"host": "cassandra.shop", "port": 9142}),
        ("kafka", {"extra": {"bootstrap.servers": "h.confluent.cloud:9092", "security.protocol": "ssl"}}),
        ("kafka", {"extra": {"bootstrap.servers": "b-1.x.c2.kafka.us-east-1.amazonaws.com:9092"}}),
        ("kafka", {"extra": {"bootstrap.servers": "h:9094"}}),
    ],
)
def test_connections_with_tls(conn_type: str, fields: dict[str, Any]) -> None:
    assert [each for each in texts_of(value(conn_type, fields)) if "no TLS" in each or "Atlas" in each] == []


@pytest.mark.parametrize(
    ("conn_type", "data"),
    [
        ("redis", {"host": "h.redis.cache.windows.net", "port": "6380", "password": "p"}),
        ("mongo", {"host": ATLAS, "username": "u", "password": "p"}),
        ("neo4j", {"host": "ab.databases.neo4j.io", "username": "u", "password": "p"}),
    ],
)
def test_connections_from_keys(conn_type: str, data: dict[str, str]) -> None:
    """The remedy works when followed: the warning is gone with the entry of extra that it names."""
    [text] = texts_of(data, connection_type=conn_type)
    entry = text[text.index("{") :]
    assert texts_of(data, connection_type=conn_type, connection_extra=entry) == []


def test_the_remedy_for_a_cluster_of_atlas_is_its_srv_record() -> None:
    [text] = texts_of({"host": ATLAS, "username": "u", "password": "p"}, connection_type="mongo")
    assert '{"srv": true}' in text


def value(conn_type: str, fields: dict[str, Any]) -> dict[str, str]:
    return {"value": json.dumps({"conn_type": conn_type, **fields})}
