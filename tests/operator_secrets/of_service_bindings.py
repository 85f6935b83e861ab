"""Secrets for service bindings, made for programs that discover their content by themselves."""

from __future__ import annotations

from operator_secrets.shape import Shape

# Bitnami's charts and RabbitMQ's operator write a password into URIs without encoding it.
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
