"""The Secrets that Crossplane creates, and those of External Secrets Operator from AWS Secrets Manager."""

from __future__ import annotations

import json
from collections.abc import Mapping

from operator_secrets.shape import Shape


def extracted(document: Mapping[str, object]) -> dict[str, str]:
    """Return the keys that External Secrets Operator's ``dataFrom.extract`` makes from JSON of Secrets Manager.

    external-secrets/external-secrets: providers/v1/aws/secretsmanager/secretsmanager.go (GetSecretMap): a string is
    used as it is, null becomes an empty string, everything else stays JSON.
    """
    return {
        key: value if isinstance(value, str) else "" if value is None else json.dumps(value)
        for key, value in document.items()
    }


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
