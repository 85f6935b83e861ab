"""The Secrets that other operators create, and the types of Kubernetes itself."""

from __future__ import annotations

from operator_secrets.shape import BASIC_AUTH, Shape

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
        type=BASIC_AUTH,
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
