"""Secrets as operators write them, each with its source, and the connection that Airflow has of it.

Sources are a repository and a path in it, or a page. Where the source has values in its tests, they are these.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from airflow_kubernetes_secrets.api.objects import Secret
from support.secrets import CONNECTION

PREFIX = "airflow.apache.org/"


@dataclass(frozen=True)
class Shape:
    """One Secret of an operator's.

    Attributes:
        source: where it is written that the Secret looks like this.
        data: what it holds, as plain text.
        connection: all that Airflow has of it; what is not here is None there.
        annotations: what has been put on it for Airflow, without the prefix of the keys.
    """

    name: str
    source: str
    data: Mapping[str, str]
    connection: Mapping[str, object]
    annotations: Mapping[str, str] = field(default_factory=dict)
    type: str = "Opaque"

    def manifest(self, namespace: str) -> dict[str, Any]:
        return secret_manifest(namespace, self.name, self.data, self.annotations, type=self.type)

    @property
    def expected(self) -> dict[str, object]:
        return whole(**self.connection)


class Read(Protocol):
    """Reads the connection that Airflow has of a Secret."""

    def __call__(
        self, data: Mapping[str, str | bytes], annotations: Mapping[str, str] | None = None
    ) -> dict[str, object] | None: ...


def secret_manifest(
    namespace: str,
    conn_id: str,
    data: Mapping[str, str | bytes],
    annotations: Mapping[str, str] | None = None,
    *,
    type: str = "Opaque",
) -> dict[str, Any]:
    """A Secret named after the connection that its label says it is."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": type,
        "metadata": {
            "name": conn_id,
            "namespace": namespace,
            "labels": {CONNECTION: conn_id},
            "annotations": {PREFIX + name: text for name, text in (annotations or {}).items()},
        },
        "data": {
            key: b64encode(value if isinstance(value, bytes) else value.encode()).decode()
            for key, value in data.items()
        },
    }


def whole(**parts: object) -> dict[str, object]:
    """Every part of a connection."""
    nothing: dict[str, object] = dict.fromkeys(("conn_type", "host", "login", "password", "port", "schema"))
    return {**nothing, "extra": {}, **parts}


def parts_of(connection: Any) -> dict[str, object]:
    """The same of one that Airflow has made."""
    names = ("conn_type", "host", "login", "password", "port", "schema")
    return {**{name: getattr(connection, name) for name in names}, "extra": connection.extra_dejson}


def extracted(document: Mapping[str, object]) -> dict[str, str]:
    """JSON of Secrets Manager as External Secrets Operator's ``dataFrom.extract`` makes keys of it.

    external-secrets/external-secrets: providers/v1/aws/secretsmanager/secretsmanager.go (GetSecretMap): a text is
    taken as it is, null becomes the empty text, everything else stays JSON.
    """
    return {
        key: value if isinstance(value, str) else "" if value is None else json.dumps(value)
        for key, value in document.items()
    }


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
_BASIC_AUTH = "kubernetes.io/basic-auth"

CLOUDNATIVE_PG = [
    Shape("cnpg-app", _CNPG, _CNPG_DATA, _CNPG_CONNECTION, type=_BASIC_AUTH),
    Shape(
        "cnpg-app-before-1.25.3",
        f"{_CNPG}; docs/src/release_notes/old/v1.25.md",
        {key: value for key, value in _CNPG_DATA.items() if not key.startswith("fqdn-")},
        {**_CNPG_CONNECTION, "host": "thishost.namespace"},
        type=_BASIC_AUTH,
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
        type=_BASIC_AUTH,
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
        type=_BASIC_AUTH,
    ),
    Shape(
        "cnpg-short-host",
        f"{_CNPG}; annotated for a pooler in the same namespace",
        _CNPG_DATA,
        {**_CNPG_CONNECTION, "host": "thishost", "extra": {"sslmode": "require"}},
        {"field-host": "host", "connection-extra": '{"sslmode": "require"}'},
        type=_BASIC_AUTH,
    ),
]

_RDS_HOST = "app.c1xyz.eu-west-1.rds.amazonaws.com"
_CROSSPLANE = "connection.crossplane.io/v1alpha1"
_RDS_CONNECTION = {
    "conn_type": "postgres",
    "host": _RDS_HOST,
    "login": "masteruser",
    "password": "x/y@z:1",
    "port": 5432,
}

CROSSPLANE = [
    Shape(
        "crossplane-community-rdsinstance",
        "crossplane-contrib/provider-aws: pkg/clients/database/rds.go (GetConnectionDetails), "
        "pkg/controller/database/rdsinstance/rdsinstance.go",
        {"endpoint": _RDS_HOST, "port": "5432", "username": "masteruser", "password": "x/y@z:1"},
        _RDS_CONNECTION,
        {"connection-type": "postgres"},
        _CROSSPLANE,
    ),
    Shape(
        "crossplane-community-dbcluster",
        "crossplane-contrib/provider-aws: pkg/controller/rds/dbcluster/setup.go",
        {
            "endpoint": _RDS_HOST,
            "readerEndpoint": f"ro-{_RDS_HOST}",
            "port": "5432",
            "username": "masteruser",
            "password": "x/y@z:1",
        },
        {**_RDS_CONNECTION, "host": f"ro-{_RDS_HOST}"},
        {"connection-type": "postgres", "field-host": "readerEndpoint"},
        _CROSSPLANE,
    ),
    Shape(
        "crossplane-upbound-rds-instance",
        "crossplane-contrib/provider-upjet-aws: config/cluster/rds/config.go, apis/cluster/rds/v1beta3",
        {
            "endpoint": f"{_RDS_HOST}:5432",
            "address": _RDS_HOST,
            "host": _RDS_HOST,
            "port": "5432",
            "username": "masteruser",
            "password": "x/y@z:1",
            "attribute.password": "x/y@z:1",
        },
        {**_RDS_CONNECTION, "conn_type": "generic"},
        type=_CROSSPLANE,
    ),
    Shape(
        "crossplane-upbound-rds-instance-endpoint",
        "crossplane-contrib/provider-upjet-aws: apis/cluster/rds/v1beta3/zz_instance_types.go "
        '("The connection endpoint in address:port format")',
        {"endpoint": f"{_RDS_HOST}:5432", "username": "masteruser", "attribute.password": "x/y@z:1"},
        _RDS_CONNECTION,
        {"connection-type": "postgres"},
        _CROSSPLANE,
    ),
    Shape(
        "crossplane-upbound-rds-cluster",
        "crossplane-contrib/provider-upjet-aws: config/cluster/rds/config.go, "
        "apis/cluster/rds/v1beta2/zz_cluster_terraformed.go",
        {
            "endpoint": _RDS_HOST,
            "reader_endpoint": f"ro-{_RDS_HOST}",
            "master_username": "masteruser",
            "port": "5432",
            "attribute.master_password": "x/y@z:1",
        },
        _RDS_CONNECTION,
        {"connection-type": "postgres"},
        _CROSSPLANE,
    ),
    Shape(
        "crossplane-azure-mssqlserver",
        "crossplane-contrib/provider-upjet-azure: config/cluster/sql/config.go (no port)",
        {
            "endpoint": "app.database.windows.net",
            "username": "missadministrator@app",
            "password": "x/y@z:1",
            "attribute.administrator_login_password": "x/y@z:1",
        },
        {
            "conn_type": "mssql",
            "host": "app.database.windows.net",
            "login": "missadministrator@app",
            "password": "x/y@z:1",
            "port": 1433,
        },
        {"connection-type": "mssql"},
        _CROSSPLANE,
    ),
    Shape(
        "crossplane-provider-sql-role",
        "crossplane-contrib/provider-sql: pkg/clients/postgresql/postgresql.go (GetConnectionDetails)",
        {"username": "app", "password": "x/y@z:1", "endpoint": "db.example.com", "port": "5432"},
        {**_RDS_CONNECTION, "host": "db.example.com", "login": "app"},
        {"connection-type": "postgres"},
        _CROSSPLANE,
    ),
]

_AWS = (
    "https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html; "
    "aws-samples/aws-secrets-manager-rotation-lambdas: */lambda_function.py"
)


def _aws(engine: str, conn_type: str, port: int | None, dbname: str | None, **more: object) -> Shape:
    document = {
        "engine": engine,
        "host": _RDS_HOST,
        "username": "saanvis",
        "password": "i29wwX!%9wFV",
        "dbname": dbname,
        "port": port,
        **more,
    }
    connection = {
        "conn_type": conn_type,
        "host": _RDS_HOST,
        "login": "saanvis",
        "password": "i29wwX!%9wFV",
        "port": port,
        "schema": dbname,
    }
    return Shape(f"aws-{engine}", _AWS, extracted(document), connection)


AWS = [
    _aws("postgres", "postgres", 5432, "postgres", dbInstanceIdentifier="app"),
    _aws("aurora-postgresql", "postgres", 5432, "app", dbClusterIdentifier="app"),
    _aws("mysql", "mysql", 3306, None),
    _aws("aurora-mysql", "mysql", 3306, "app"),
    _aws("mariadb", "mysql", 3306, "app", masterarn="arn:aws:secretsmanager:eu-west-1:1:secret:x"),
    _aws("oracle", "oracle", 1521, "ORCL"),
    _aws("oracle-se2", "oracle", 1521, "ORCL"),
    _aws("sqlserver", "mssql", 1433, "master"),
    _aws("sqlserver-ex", "mssql", 1433, None),
    _aws("db2", "db2", 50000, "app", masterarn="arn:aws:secretsmanager:eu-west-1:1:secret:x"),
    _aws("mongo", "mongo", 27017, "admin", ssl=True),
    _aws("redshift", "redshift", 5439, "dev"),
    Shape(
        "aws-managed-master-user",
        "getmoto/moto: moto/rds/models.py (_generate_secret_string), https://github.com/getmoto/moto/pull/8745",
        extracted({"username": "admin", "password": "a[b]c#d"}),
        {"conn_type": "postgres", "login": "admin", "password": "a[b]c#d", "extra": {"sslmode": "require"}},
        {"connection-type": "postgres", "connection-extra": '{"sslmode": "require"}'},
    ),
]

# Bitnami's charts and RabbitMQ's operator put a password into URIs as it is.
_RAW = "p/w#d?:@%41"

SERVICE_BINDING = [
    Shape(
        "servicebinding-example",
        "servicebinding/spec: README.md (Example Secret)",
        {
            "type": "mysql",
            "provider": "bitnami",
            "host": "localhost",
            "port": "3306",
            "username": "root",
            "password": "root",
        },
        {"conn_type": "mysql", "host": "localhost", "login": "root", "password": "root", "port": 3306},
        type="servicebinding.io/mysql",
    ),
    Shape(
        "bitnami-postgresql",
        "bitnami/charts: bitnami/postgresql/templates/secrets.yaml (serviceBindings.enabled)",
        {
            "provider": "bitnami",
            "type": "postgresql",
            "host": "app-postgresql",
            "port": "5432",
            "username": "app",
            "password": _RAW,
            "database": "orders",
            "uri": f"postgresql://app:{_RAW}@app-postgresql:5432/orders",
        },
        {
            "conn_type": "postgres",
            "host": "app-postgresql",
            "login": "app",
            "password": _RAW,
            "port": 5432,
            "schema": "orders",
        },
        type="servicebinding.io/postgresql",
    ),
    Shape(
        "servicebinding-mysql",
        "spring-cloud/spring-cloud-bindings: README.md (mysql)",
        {
            "provider": "mariadb",
            "type": "mysql",
            "host": "app-mysql.shop.svc",
            "port": "3306",
            "username": "app",
            "password": _RAW,
            "database": "orders",
        },
        {
            "conn_type": "mysql",
            "host": "app-mysql.shop.svc",
            "login": "app",
            "password": _RAW,
            "port": 3306,
            "schema": "orders",
        },
        type="servicebinding.io/mysql",
    ),
    Shape(
        "bitnami-redis",
        "bitnami/charts: bitnami/redis/templates/secret-svcbind.yaml",
        {
            "provider": "bitnami",
            "type": "redis",
            "host": "app-redis-master",
            "port": "6379",
            "password": _RAW,
            "uri": f"redis://{_RAW}@app-redis-master:6379",
        },
        {"conn_type": "redis", "host": "app-redis-master", "password": _RAW, "port": 6379},
        type="servicebinding.io/redis",
    ),
    Shape(
        "servicebinding-redis-database",
        "spring-cloud/spring-cloud-bindings: README.md (redis)",
        {"type": "redis", "host": "redis.app.svc", "port": "6379", "password": "pw", "database": "3"},
        {"conn_type": "redis", "host": "redis.app.svc", "password": "pw", "port": 6379, "extra": {"db": 3}},
        type="servicebinding.io/redis",
    ),
    Shape(
        "rabbitmq-default-user",
        "rabbitmq/cluster-operator: internal/resource/default_user_secret.go",
        {
            "username": "default_user_hmGpFHmOCVE",
            "password": _RAW,
            "host": "app.messages.svc",
            "port": "5672",
            "provider": "rabbitmq",
            "type": "rabbitmq",
            "connection_string": f"amqp://default_user_hmGpFHmOCVE:{_RAW}@app.messages.svc:5672/",
            "default_user.conf": f"default_user = default_user_hmGpFHmOCVE\ndefault_pass = {_RAW}\n",
            "mqtt-port": "1883",
        },
        {
            "conn_type": "rabbitmq",
            "host": "app.messages.svc",
            "login": "default_user_hmGpFHmOCVE",
            "password": _RAW,
            "port": 5672,
        },
    ),
]

_MONGO_HOSTS = ",".join(f"app-{number}.app-svc.shop.svc.cluster.local:27017" for number in range(3))
_MONGO_DATA = {
    "connectionString.standard": f"mongodb://my-user:p%40ss+word@{_MONGO_HOSTS}/admin?replicaSet=app&ssl=false",
    "connectionString.standardSrv": "mongodb+srv://my-user:p%40ss+word@app-svc.shop.svc.cluster.local/admin"
    "?replicaSet=app&ssl=false",
    "username": "my-user",
    "password": "p@ss word",
}
_MONGO = (
    "mongodb/mongodb-kubernetes-operator: controllers/mongodb_users.go, api/v1/mongodbcommunity_types.go "
    "(MongoAuthUserURI), pkg/authentication/authtypes/authtypes.go (QueryEscape)"
)
_MONGO_CONNECTION = {
    "conn_type": "mongo",
    "login": "my-user",
    "password": "p@ss word",
    "schema": "admin",
}

OTHERS = [
    Shape(
        "basic-auth",
        "https://kubernetes.io/docs/concepts/configuration/secret/#basic-authentication-secret",
        {"username": "admin", "password": "t0p-Secret"},
        {"conn_type": "generic", "login": "admin", "password": "t0p-Secret"},
        type=_BASIC_AUTH,
    ),
    Shape(
        "crunchy-pguser",
        "CrunchyData/postgres-operator: internal/controller/postgrescluster/postgres.go",
        {
            "host": "hippo-primary.postgres-operator.svc",
            "port": "5432",
            "user": "hippo",
            "password": "{s@w/x",
            "verifier": "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy",
            "dbname": "zoo",
            "uri": "postgresql://hippo:%7Bs%40w%2Fx@hippo-primary.postgres-operator.svc:5432/zoo",
            "jdbc-uri": "jdbc:postgresql://hippo-primary.postgres-operator.svc:5432/zoo?password=%7Bs%40w%2Fx&user=hippo",
            "pgbouncer-host": "hippo-pgbouncer.postgres-operator.svc",
            "pgbouncer-port": "5432",
            "pgbouncer-uri": "postgresql://hippo:%7Bs%40w%2Fx@hippo-pgbouncer.postgres-operator.svc:5432/zoo",
        },
        {
            "conn_type": "postgres",
            "host": "hippo-primary.postgres-operator.svc",
            "login": "hippo",
            "password": "{s@w/x",
            "port": 5432,
            "schema": "zoo",
        },
    ),
    Shape(
        "crunchy-pguser-pgbouncer",
        "CrunchyData/postgres-operator: internal/controller/postgrescluster/postgres.go",
        {
            "host": "hippo-primary.postgres-operator.svc",
            "port": "5432",
            "user": "hippo",
            "password": "{s@w/x",
            "dbname": "zoo",
            "uri": "postgresql://hippo:%7Bs%40w%2Fx@hippo-primary.postgres-operator.svc:5432/zoo",
            "pgbouncer-host": "hippo-pgbouncer.postgres-operator.svc",
            "pgbouncer-port": "6432",
            "pgbouncer-uri": "postgresql://hippo:%7Bs%40w%2Fx@hippo-pgbouncer.postgres-operator.svc:6432/zoo",
        },
        {
            "conn_type": "postgres",
            "host": "hippo-pgbouncer.postgres-operator.svc",
            "login": "hippo",
            "password": "{s@w/x",
            "port": 6432,
            "schema": "zoo",
        },
        {"field-uri": "pgbouncer-uri"},
    ),
    Shape(
        "mongodb-community",
        _MONGO,
        _MONGO_DATA,
        {
            **_MONGO_CONNECTION,
            "host": "app-svc.shop.svc.cluster.local",
            "extra": {"srv": True, "replicaSet": "app", "ssl": False},
        },
    ),
    Shape(
        "mongodb-community-standard",
        _MONGO,
        _MONGO_DATA,
        {**_MONGO_CONNECTION, "host": _MONGO_HOSTS, "extra": {"replicaSet": "app", "ssl": False}},
        {
            "field-uri": "connectionString.standard",
            "field-login": "username",
            "field-password": "password",
        },
    ),
    Shape(
        "strimzi-scram",
        "strimzi/strimzi-kafka-operator: user-operator/…/user/model/KafkaUserModel.java",
        {
            "password": "pw",
            "sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required "
            'username="strimzi-scram" password="pw";',
        },
        {
            "conn_type": "kafka",
            "extra": {
                "bootstrap.servers": "app-kafka-bootstrap.kafka:9093",
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": "strimzi-scram",
                "sasl.password": "pw",
            },
        },
        {
            "connection-type": "kafka",
            "extra-sasl.password": "password",
            "connection-extra": '{"bootstrap.servers": "app-kafka-bootstrap.kafka:9093", "security.protocol": '
            '"SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "strimzi-scram"}',
        },
    ),
    Shape(
        "mariadb-connection",
        "mariadb-operator/mariadb-operator: docs/connections.md (secretTemplate with the keys of its example)",
        {
            "dsn": "app:pw@tcp(mariadb.shop.svc.cluster.local:3306)/shop?timeout=5s",
            "username": "app",
            "password": "pw",
            "host": "mariadb.shop.svc.cluster.local",
            "port": "3306",
            "database": "shop",
        },
        {
            "conn_type": "mysql",
            "host": "mariadb.shop.svc.cluster.local",
            "login": "app",
            "password": "pw",
            "port": 3306,
            "schema": "shop",
        },
        {"connection-type": "mysql"},
    ),
    Shape(
        "ssh-auth",
        "https://kubernetes.io/docs/concepts/configuration/secret/#ssh-authentication-secrets",
        {"ssh-privatekey": "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----\n"},
        {
            "conn_type": "ssh",
            "extra": {
                "private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n"
                "-----END OPENSSH PRIVATE KEY-----\n"
            },
        },
        {"connection-type": "ssh", "extra-private_key": "ssh-privatekey"},
        "kubernetes.io/ssh-auth",
    ),
]

SHAPES = [*CLOUDNATIVE_PG, *CROSSPLANE, *AWS, *SERVICE_BINDING, *OTHERS]


def stored_secret(data: Mapping[str, str], annotations: Mapping[str, str] | None = None) -> Secret:
    """The Secret ``shop/app``, with annotations without the prefix of their keys."""
    return Secret(
        "shop",
        "app",
        "",
        {},
        {key: b64encode(value.encode()).decode() for key, value in data.items()},
        annotations={f"{PREFIX}{name}": value for name, value in (annotations or {}).items()},
    )
