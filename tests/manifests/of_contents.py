"""Manifests of Secrets: how Airflow and its hooks interpret their keys and annotations."""

from __future__ import annotations

import json
from base64 import b64encode

from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from manifests.build import CONFIG, CONNECTION, FIELDS, PASSWORD, PREFIX, TEAM, URI, VARIABLE, labelled, secret
from manifests.case import Case

OF_CONTENTS: dict[str, Case] = {
    # Whether a value can be read.
    "no data": Case(secret(data={}), ["unreadable"], "none at all"),
    "no key that is known": Case(secret(data={"secret": PASSWORD}), ["unreadable"], "the keys are 'secret'"),
    "fields for a variable": Case(secret(labels={VARIABLE: "x"}), ["unreadable"], "'value'"),
    "no URI": Case(secret(data={"value": PASSWORD}), ["unreadable"], "neither a URI"),
    "no JSON in it": Case(secret(data={"value": f'{{"password": {PASSWORD}}}'}), ["unreadable"], "not valid JSON"),
    "a field that Airflow does not know": Case(
        secret(data={"value": f'{{"user_id": "{PASSWORD}"}}'}), ["unreadable"], "'user_id'"
    ),
    "JSON with names of AWS Secrets Manager": Case(
        secret(data={"value": json.dumps({"engine": "mysql", "host": "db", "username": "u", "pass": PASSWORD})})
    ),
    "a part of those names": Case(
        secret(data={"value": f'{{"engine": "mysql", "hots": "{PASSWORD}"}}'}),
        ["unreadable"],
        "unknown fields: 'hots'. Its",
    ),
    "JSON": Case(secret(data={"value": json.dumps(FIELDS)})),
    "a blank option": Case(secret(data={"value": " \n"}, labels={CONFIG: "x"}), ["unreadable"], "blank"),
    "a blank variable": Case(secret(data={"value": ""}, labels={VARIABLE: "x"})),
    "bytes": Case({**secret(data={}), "data": {"value": b64encode(b"\xff").decode()}}, ["unreadable"], "UTF-8"),
    "a port": Case(secret(data={**FIELDS, "port": PASSWORD}), ["unreadable"], "port"),
    "a team's": Case(secret(data={}, labels={CONNECTION: "x", TEAM: "blue"}), ["unreadable"]),
    "an annotated key": Case(secret(data={"uri": URI}, annotations={f"{PREFIX}data-key": "uri"})),
    "an annotated key that is not there": Case(
        secret(annotations={f"{PREFIX}data-key": PASSWORD}), ["unreadable"], "does not contain the key"
    ),
    "a connection in one key that an annotation completes": Case(
        secret(data={"value": URI}, annotations={f"{PREFIX}connection-extra": '{"sslmode": "require"}'})
    ),
    "settings of TLS next to a connection in one key": Case(
        secret(data={"value": "postgres://u:p@h/d", "sslmode": "verify-full"}), ["unused-settings"], "'sslmode'"
    ),
    "a missing field next to a connection in one key": Case(
        secret(data={"value": URI}, annotations={f"{PREFIX}field-host": "nowhere"}),
        ["unreadable"],
        "does not contain the key",
    ),
    "a URI next to a connection in one key": Case(
        secret(data={"value": URI, "uri": URI}, annotations={f"{PREFIX}field-uri": "uri"}), ["unreadable"], "whole"
    ),
    "a connection annotation on a variable": Case(
        secret(data={"value": "x"}, labels={VARIABLE: "x"}, annotations={f"{PREFIX}connection-extra": "{}"}),
        ["unknown-annotation"],
        "describes a connection",
    ),
    "an invalid connection annotation on a variable": Case(
        secret(data={"value": "x"}, labels={VARIABLE: "x"}, annotations={f"{PREFIX}connection-extra": PASSWORD}),
        ["unknown-annotation"],
    ),
    "JSON in place of an id": Case(
        secret(labels={CONNECTION: "x"}, annotations={CONNECTION: json.dumps({"password": "hunter2"})}),
        ["id-label-mismatch"],
        "Correct the annotation",
    ),
    "JSON in place of a label's id": Case(
        secret(labels={CONNECTION: json.dumps({"password": "hunter2"})}), ["invalid-label"], "is JSON instead of an id"
    ),
    "a blank annotation": Case(
        # It replaces the host in the data, so the connection has none.
        secret(annotations={f"{PREFIX}connection-host": " "}),
        ["unknown-annotation", "half-connection"],
        "is blank",
    ),
    "a connection annotation on a variable that is also a connection": Case(
        secret(
            data={"value": URI}, labels={VARIABLE: "x", CONNECTION: "x"}, annotations={f"{PREFIX}connection-host": "h"}
        )
    ),
    "the key of a variable": Case(
        secret(data={"token": "x"}, labels={VARIABLE: "x"}, annotations={f"{PREFIX}data-key": "token"})
    ),
    "a data key that is a password": Case(
        secret(
            data={"value": PASSWORD},
            annotations={
                f"{PREFIX}{key}": text for key, text in (("field-password", "value"), ("connection-host", "h"))
            },
        ),
        ["unknown-type"],
    ),
    "extra that is no JSON": Case(
        secret(annotations={f"{PREFIX}connection-extra": PASSWORD}), ["unreadable"], "connection-extra"
    ),
    "a field that is not there": Case(
        secret(annotations={f"{PREFIX}field-hots": "host"}), ["unreadable"], "field-hots"
    ),
    "a newline at the end": Case(secret(data={"value": f"{PASSWORD}\n"}, labels={VARIABLE: "x"}), ["trailing-newline"]),
    "a byte order mark at the beginning": Case(
        secret(data={"value": f"\ufeff{PASSWORD}"}, labels={VARIABLE: "x"}), ["byte-order-mark"], "on Windows"
    ),
    "a newline after a password": Case(
        secret(data={**FIELDS, "password": f"{PASSWORD}\n"}), ["trailing-newline"], "'password'"
    ),
    "a password in quotation marks": Case(
        secret(data={**FIELDS, "host": "db", "password": f'"{PASSWORD}"'}), ["quoted-value"], "'password'"
    ),
    "a password with a space": Case(
        secret(data={**FIELDS, "host": "db", "password": f" {PASSWORD}"}), ["surrounding-space"], "'password'"
    ),
    "a password that is percent-encoded": Case(
        secret(data={**FIELDS, "host": "db", "password": "hunter2%40"}), ["encoded-value"], "'password'"
    ),
    "extra that hooks cannot read": Case(
        secret(data={"value": json.dumps({**FIELDS, "extra": PASSWORD})}), ["extra-not-json"], "Airflow 3"
    ),
    "extra that is a list": Case(
        secret(data={"value": json.dumps({**FIELDS, "extra": [1]})}), ["unreadable"], "'extra'"
    ),
    "a password that is a number": Case(
        secret(data={"value": json.dumps({**FIELDS, "password": 5})}), ["unreadable"], "'password' is not a string"
    ),
    "a connection for a part of Airflow": Case(
        secret(data={"value": json.dumps({"host": "h"})}), ["not-everywhere"], "Add it to its JSON"
    ),
    "a URI in JSON": Case(secret(data={"value": json.dumps({"uri": URI})})),
    "white space that JSON does not have": Case(secret(data={"value": f"\u00a0{json.dumps(FIELDS)}\u2003"})),
    "a port with a point": Case(secret(data={"value": json.dumps({"conn_type": "x", "port": 5432.0})})),
    "extra": Case(secret(data={"value": json.dumps({**FIELDS, "extra": "{}"})})),
    "a newline after a host": Case(secret(data={**FIELDS, "host": "db\n"})),
    "a newline after an option": Case(secret(data={"value": f"{PASSWORD}\n"}, labels={CONFIG: "x"})),
    "a password that makes the URI invalid": Case(
        secret(data={"value": f"postgres://user:x/{PASSWORD}@db"}), ["unreadable"]
    ),
    "a URI with an @ in its path that an annotation completes": Case(
        secret(
            data={"value": "http://user/hunter2@db"}, annotations={f"{PREFIX}connection-extra": '{"verify": false}'}
        ),
        ["unescaped-uri"],
    ),
    "an address of e-mail in a parameter": Case(
        secret(data={"value": "smtp://u:hunter2@h:587/?from_email=me@example.com&timeout=5"})
    ),
    "a password that may end in a parameter": Case(
        secret(data={"value": "http://u:1@s/x?a=hunter2@db"}), ["unescaped-uri"]
    ),
    "a newline after a password next to a connection in one key": Case(
        secret(data={"value": URI, "pw": f"{PASSWORD}\n"}, annotations={f"{PREFIX}field-password": "pw"}),
        ["trailing-newline"],
        "'pw'",
    ),
    "a URI with an @ in its path": Case(secret(data={"value": "http://user/hunter2@db"}), ["unescaped-uri"]),
    "a URI": Case(secret(data={"value": URI})),
    "an id that is a URI": Case(
        secret(data={"value": URI}, labels={CONFIG: label_value(URI)}, annotations={CONFIG: URI}),
        ["not-looked-up"],
        "it is a URI, which is never looked up",
    ),
    # Keys that are not read.
    "a URI in an unknown key": Case(
        secret(data={"username": "u", "password": PASSWORD, "readerUri": f"mysql://u:{PASSWORD}@db"}),
        ["half-connection", "unknown-type"],
        "'readerUri'",
    ),
    "a host in an unknown key": Case(
        secret(data={"username": "u", "password": PASSWORD, "PGHOST": "db"}),
        ["half-connection", "unknown-type"],
        "'PGHOST'",
    ),
    "a token that nothing reads": Case(
        secret(data={"conn_type": "postgres", "host": "db", "user": "u", "token": PASSWORD}),
        ["half-connection"],
        "'token'",
    ),
    "a key that nothing reads": Case(
        secret(data={"host": "db", "login": "u", "sshPrivateKey": PASSWORD}),
        ["half-connection", "unknown-type"],
        "'sshPrivateKey'",
    ),
    "a token next to a URI": Case(
        secret(data={"value": "http://api.example.com", "api-token": PASSWORD}), ["half-connection"], "'api-token'"
    ),
    "another password": Case(secret(data={**FIELDS, "admin-password": PASSWORD, "token": PASSWORD})),
    "a token in extra": Case(
        secret(
            data={"host": "db", "token": PASSWORD, "oldToken": PASSWORD},
            annotations={f"{PREFIX}extra-api_token": "token"},
        )
    ),
    "keys that only contain the word": Case(secret(data={"host": "db", "token-expiry": "x", "secret_name": "x"})),
    "a login and a password alone": Case(
        secret(data={"username": "u", "password": PASSWORD, "pgpass": PASSWORD}),
        ["unknown-type"],
        f"Set the annotation {PREFIX}connection-type, and {PREFIX}connection-host",
    ),
    "a URL in another field than the host": Case(
        secret(
            data={"account-key": PASSWORD, "sql-connection-string": f"AccountEndpoint=https://a;AccountKey={PASSWORD}"},
            annotations={
                f"{PREFIX}connection-type": "azure_cosmos",
                f"{PREFIX}connection-login": "https://a.documents.azure.com:443/",
                f"{PREFIX}field-password": "account-key",
            },
        )
    ),
    "a URL in extra": Case(
        secret(
            data={"id": "x", "key": PASSWORD, "s3-host": "minio"},
            annotations={
                f"{PREFIX}connection-type": "aws",
                f"{PREFIX}field-login": "id",
                f"{PREFIX}field-password": "key",
                f"{PREFIX}connection-extra": '{"endpoint_url": "http://minio:9000"}',
            },
        )
    ),
    "an invalid URL next to a token": Case(
        secret(data={"url": "grafana", "token": PASSWORD}, annotations={f"{PREFIX}field-password": "token"}),
        ["half-connection", "unknown-type"],
        "'url'",
    ),
    "bytes among other keys": Case(
        {
            **secret(data={}, annotations={f"{PREFIX}other-keys": "extra"}),
            "data": {"host": b64encode(b"db").decode(), "user.p12": b64encode(b"\xff").decode()},
        },
        ["unused-settings"],
        "'user.p12'",
    ),
    "a prefix": Case(
        secret(data={"DB_HOST": "db", "DB_PASSWORD": PASSWORD}, annotations={f"{PREFIX}key-prefix": "DB_"}),
        ["unknown-type"],
    ),
    "a prefix that no key has": Case(
        secret(data={"host": "db"}, annotations={f"{PREFIX}key-prefix": PASSWORD}), ["unreadable"], "begins with it"
    ),
    "another host": Case(secret(data={**FIELDS, "host": "db", "readerEndpoint": "db2"})),
    "settings of TLS": Case(
        secret(data={**FIELDS, "host": "db", "tls-mode": "require", "ca.crt": "x"}),
        ["unused-settings", "unused-settings"],
        "'ca.crt', which may be for TLS. PostgresHook needs the paths of files",
    ),
    "a placeholder": Case(
        secret(data={**FIELDS, "host": "<no value>"}), ["placeholder"], "the host looks like a placeholder"
    ),
    "settings of TLS that the hook of the type reads": Case(
        secret(data={**FIELDS, "host": "db", "ssl-mode": "require"})
    ),
    "a certificate next to a mode of TLS that checks none": Case(
        secret(data={**FIELDS, "host": "db", "ssl-mode": "require", "ca.crt": "x"}), ["unused-settings"], "'ca.crt'"
    ),
    "settings of TLS that the hook of another type reads": Case(
        secret(data={**FIELDS, "conn_type": "oracle", "host": "db", "ssl-mode": "require"}),
        ["unused-settings"],
        "'ssl-mode'",
    ),
    "settings of TLS that an annotation names": Case(
        secret(data={**FIELDS, "sslmode": "require"}, annotations={f"{PREFIX}extra-sslmode": "sslmode"})
    ),
    "a certificate next to a mode of TLS that an annotation names": Case(
        secret(data={**FIELDS, "sslmode": "require", "ca.crt": "x"}, annotations={f"{PREFIX}extra-sslmode": "sslmode"}),
        ["unused-settings"],
        "'ca.crt'",
    ),
    "settings of TLS in an annotation": Case(
        secret(data={**FIELDS, "ca.crt": "x"}, annotations={f"{PREFIX}connection-extra": '{"sslrootcert": "/ca.crt"}'})
    ),
    "a database in an unknown key": Case(
        secret(data={"host": "db", "password": PASSWORD, "POSTGRES_DATABASE": "d"}),
        ["unused-settings", "unknown-type"],
        "'POSTGRES_DATABASE'",
    ),
    "another database": Case(secret(data={"host": "db", "schema": "d", "maintenance_database": "postgres"})),
    # Values that a hook interprets differently.
    "https for HttpHook": Case(
        secret(data={"value": "https://user:hunter2@api.example.com"}),
        ["hook-misreads"],
        "store the URI under the key 'uri'",
    ),
    "https and a path for HttpHook": Case(
        secret(data={"value": "https://user:hunter2@api.example.com:8443/v1"}), ["hook-misreads"], "as the protocol"
    ),
    "https in a key": Case(secret(data={"uri": "https://user:hunter2@api.example.com:8443/v1"})),
    "hosts of PostgreSQL": Case(
        secret(data={"uri": "postgresql://u:hunter2@h0:5432,h1:5432/db?target_session_attrs=read-write"})
    ),
    "a socket of PostgreSQL": Case(secret(data={"uri": "postgresql://u:hunter2@/db?host=/cloudsql/proj:region:inst"})),
    "a list of MongoDB": Case(
        secret(
            data={
                "uri": "mongodb://u:hunter2@h0,h1/?readPreference=secondary&readPreferenceTags=dc:ny,rack:r1"
                "&readPreferenceTags=dc:ny&readPreferenceTags="
            }
        )
    ),
    "an address in brackets": Case(
        secret(data={"host": "[fd00::1]", "port": "5432", "password": "hunter2"}),
        ["unknown-type"],
        f"{PREFIX}connection-type to 'postgres'",
    ),
    "a type that no provider has": Case(secret(data={"value": "postgresql+psycopg2://u:hunter2@h/db"})),
    "a login and a password without a type": Case(
        secret(data={"host": "h", "username": "u", "password": "hunter2"}),
        ["unknown-type"],
        "nothing specifies the connection type, so it is 'generic'",
    ),
    "a parameter twice in a URI that an annotation completes": Case(
        secret(
            data={"value": f"{URI}?keepalives=1&keepalives=2"},
            annotations={f"{PREFIX}connection-extra": '{"connect_timeout": 1}'},
        ),
        ["repeated-parameter"],
        "'keepalives' more than once",
    ),
    "a parameter twice": Case(
        secret(data={"value": "postgres://u:hunter2@h/db?sslmode=require&sslmode=disable"}),
        ["repeated-parameter"],
        "'sslmode'",
    ),
    # Labels and annotations without effect.
    "a misspelt label": Case(
        secret(labels=labelled(conection_id="x")), ["unknown-label"], f"did you mean the label {CONNECTION!r}"
    ),
    "a foreign label": Case(secret(labels={**labelled(connection_id="x"), "example.com/conection-id": "x"})),
    "an unknown label without a similar one": Case(secret(labels=labelled(zzz="x")), ["unknown-label"], CONNECTION),
    "an annotation as a label": Case(
        secret(labels=labelled(connection_id="x", connection_type="x")), ["unknown-label"], "it is an annotation"
    ),
    "a misspelt annotation": Case(
        secret(annotations=labelled(connection_typ="x")), ["unknown-annotation"], f"{PREFIX}connection-type"
    ),
    "an annotation": Case(secret(annotations=labelled(connection_type="x", extra_sslmode="host", field_host="host"))),
    "an annotation of others": Case(secret(annotations={"example.com/connection-typ": "x"})),
    "an id as an annotation only": Case(
        secret(labels={}, annotations={CONNECTION: "x"}), ["unknown-annotation"], "Add the label"
    ),
}
