"""Files as repositories contain them, with the correct verdict on each: what `check` says, and what Airflow gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from airflow_kubernetes_secrets.formats.usability import AIRFLOW_2, API_TASKS, EVERYONE, SERVICES, TASKS

FILES = Path(__file__).parent / "files"

# Every password contains this. A name or a label can contain it with another separator.
MADE_UP = ("made-up", "MADEUPSECRETTOKEN", "made/up")


@dataclass(frozen=True)
class Got:
    """What Airflow gets for an id.

    Attributes:
        fields: the fields of the connection that are not empty, or the variable.
        lost_by: the parts of Airflow that get nothing.
        words: parts of the log message in that case.
    """

    fields: Mapping[str, object] | str = ""
    lost_by: Sequence[str] = ()
    words: Sequence[str] = ()


def lost(*words: str) -> Got:
    """Return the result of an id for which no part of Airflow gets anything."""
    return Got(lost_by=EVERYONE, words=words)


def connection(conn_type: str, **fields: object) -> Got:
    """Return the result of an id for which every part of Airflow gets this connection."""
    return Got({"conn_type": conn_type, **fields})


@dataclass(frozen=True)
class Verdict:
    """The verdict on a file.

    Attributes:
        problems: the problems that `check` finds with the newest Airflow, in their order: a code, and parts of the
            text.
        errors: how many of them are errors.
        got: by id, what Airflow gets from a folder with the file. Only Secrets are read from a folder.
    """

    problems: Sequence[tuple[str, ...]] = ()
    errors: int = 0
    got: Mapping[str, Got] = field(default_factory=dict)


CONFIG = (
    "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster: {server: 'https://127.0.0.1:1'}\ncontexts:\n"
    "- name: x\n  context: {cluster: c, user: u}\ncurrent-context: x\nusers:\n- name: u\n  user: {token: made-up}\n"
)
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nbWFkZSB1cA==\n-----END OPENSSH PRIVATE KEY-----\n"
WEBHOOK = "https://hooks.slack.com/services/T00000000/B00000000/MADEUPSECRETTOKEN"

ENCRYPTED = ("not-checked", "ciphertext of SOPS", "values are not")
DECRYPT = "Decrypt it: sops decrypt"
NO_TEXT = "Write it in quotation marks"
NO_OBJECT = ("'extra' is not a JSON object",)
QUOTE = "put it in quotation marks"


def no_text(secret: str, field: str) -> tuple[str, str, str, str]:
    """Return the problem of a field that is not a string."""
    return ("unreadable", f"Secret default/{secret}, key 'value'", f"'{field}' is not a string", NO_TEXT)


H = connection("postgres", host="h")

VERDICTS: dict[str, Verdict] = {
    # Secrets as operators and people write them.
    "mongodb-atlas.yaml": Verdict(
        got={
            "atlas": connection(
                "mongo", host="c0.abcde.mongodb.net", login="app", password="made/up", extra={"srv": True}
            )
        },
    ),
    "azure-connection-string.yaml": Verdict(
        [("hook-misreads", "AdminClientHook needs a schema")],
        got={
            "azure_connection_string": connection(
                "azure_service_bus",
                extra={
                    "connection_string": "Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=R;"
                    "SharedAccessKey=made-up="
                },
            )
        },
    ),
    "git-over-ssh.yaml": Verdict(
        got={"git_ssh_url": connection("git", host="ssh://git@github.com/x/y.git", extra={"private_key": KEY})},
    ),
    "http-header-token.yaml": Verdict(
        got={"bearer": connection("http", host="https://api.example.com/v1", extra={"Authorization": "made-up"})}
    ),
    "kubeconfig-in-value.yaml": Verdict(
        got={"capi_kubeconfig": connection("kubernetes", extra={"kube_config": CONFIG})}
    ),
    "token-that-nothing-reads.yaml": Verdict(
        [("half-connection", "no password", "the key 'workspace-token'", "field-password")],
        got={"databricks_no_field": connection("databricks", host="https://adb-1.azuredatabricks.net")},
    ),
    "tls-that-nothing-reads.yaml": Verdict(
        [("unused-settings", "the key 'tls_enabled'", "extra-<name>", "connection-extra")],
        got={
            "documentdb_ssl": connection(
                "mongo", host="127.0.0.1", login="u", password="made-up", port=27017, schema="d"
            )
        },
    ),
    "kafka-access.yaml": Verdict(
        got={
            "kafka_access": connection(
                "kafka",
                extra={
                    "bootstrap.servers": "b:9093",
                    "security.protocol": "SASL_SSL",
                    "sasl.mechanism": "SCRAM-SHA-512",
                    "sasl.username": "u",
                    "sasl.password": "made-up",
                    "ssl.ca.pem": "CA",
                },
            )
        },
    ),
    "rds-json-in-value.yaml": Verdict(
        got={
            "rds_json_in_value": connection(
                "postgres", host="h", login="u", password="made-up", port=5432, schema="d"
            )
        },
    ),
    "service-binding.yaml": Verdict(
        got={
            "servicebinding_sslmode": connection(
                "postgres",
                host="h",
                login="u",
                password="made-up",
                port=5432,
                schema="d",
                extra={"sslmode": "verify-full", "sslrootcert": "/etc/ssl/root.pem"},
            )
        },
    ),
    "binary-other-key.yaml": Verdict(
        [
            ("hook-misreads", "the servers in extra", '{"bootstrap.servers": "h:9092"}'),
            ("unused-settings", "other-keys: extra does not read the key 'user.p12'", "mount the Secret"),
        ],
        got={"strimzi_tls_other_keys": connection("kafka", extra={"user.crt": "CRT", "user.key": "KEY"})},
    ),
    "url-without-scheme.yaml": Verdict(
        [("half-connection", "no host", "the key 'url'", "airflow.apache.org/field-host")],
        got={"url_not_uri_beside_token": connection("http", password="made-up")},
    ),
    "value-and-extra.yaml": Verdict(
        got={
            "value_drops_sslmode": connection(
                "postgres",
                host="127.0.0.1",
                login="u",
                password="made-up",
                port=5432,
                schema="d",
                extra={"sslmode": "verify-full"},
            )
        }
    ),
    "value-is-password.yaml": Verdict(
        got={"value_token": connection("databricks", host="adb-1.azuredatabricks.net", password="dapi-made-up")}
    ),
    "webhook-address.yaml": Verdict(got={"webhook_address_shown": connection("slackwebhook", password=WEBHOOK)}),
    "webhook-url.yaml": Verdict(got={"webhook_url_shown": connection("slackwebhook", password=WEBHOOK)}),
    # Manifests.
    "many-connections.yaml": Verdict(
        [("unreadable", "no such key in its data", "'AIRFLOW_CONN_GCP'", "airflow.apache.org/data-key")],
        errors=1,
        got={"gcp": lost("'AIRFLOW_CONN_GCP'", "name that key in the annotation airflow.apache.org/data-key")},
    ),
    "sops-connection.yaml": Verdict([(*ENCRYPTED, "key 'value'")], got={"db": lost("key 'value'", DECRYPT)}),
    "sops-fields.yaml": Verdict(
        [(*ENCRYPTED, "keys 'conn_type', 'host', 'login', 'password'")],
        got={"fields_db": lost("key 'conn_type'", DECRYPT)},
    ),
    "sops-variable.yaml": Verdict([(*ENCRYPTED, "key 'value'")], got={"api_token": lost("key 'value'", DECRYPT)}),
    "duplicate-keys.yaml": Verdict(
        [
            ("duplicate-key", "'airflow.apache.org/connection-id' is present twice", "kubectl uses the last one"),
            ("duplicate-key", "'password' is present twice", "kubectl uses the last one"),
            ("unknown-type", "nothing specifies the connection type", "airflow.apache.org/connection-type"),
        ],
        got={"dup_b": connection("generic", host="a", password="second"), "dup_a": Got()},
    ),
    "external-secret-lost-label.yaml": Verdict(
        [("label-lost", "ExternalSecret e4834", "spec.target.template.metadata.labels")], errors=1
    ),
    "external-secret-templates.yaml": Verdict(
        [
            ("unescaped-uri", "ExternalSecret euri, key 'value'", "Store each field in its own key"),
            ("unescaped-json", "ExternalSecret ejson, key 'value'", "toJson"),
            ("depends-on-value", "Secret default/evault", "'AIRFLOW_CONN_WAREHOUSE'", "airflow.apache.org/data-key"),
            ("unreadable", "Secret default/ebad", "neither a URI"),
        ],
        errors=1,
    ),
    "json-types.yaml": Verdict(
        [
            no_text("pwint", "password"),
            no_text("loginint", "login"),
            no_text("hostint", "host"),
            no_text("schemaint", "schema"),
            ("unreadable", "Secret default/extralist", *NO_OBJECT),
            ("extra-not-json", "Secret default/extratext", *NO_OBJECT),
            ("unreadable", "Secret default/extraint", *NO_OBJECT),
            no_text("pwbool", "password"),
            no_text("typeint", "conn_type"),
            no_text("pwlist", "password"),
            ("not-everywhere", "Secret default/team", "'team_name'. Remove it"),
            ("unreadable", "Secret default/urimix", "both 'uri' and 'conn_type'", "put everything into one of them"),
        ],
        errors=12,
        got={
            "pwint": lost("'password' is not a string", NO_TEXT),
            "loginint": lost("'login' is not a string", NO_TEXT),
            "hostint": lost("'host' is not a string", NO_TEXT),
            "schemaint": lost("'schema' is not a string", NO_TEXT),
            "extralist": lost(*NO_OBJECT),
            "extratext": Got(H.fields, lost_by=(SERVICES, API_TASKS), words=NO_OBJECT),
            "extraint": lost(*NO_OBJECT),
            "pwbool": lost("'password' is not a string", NO_TEXT),
            "typeint": lost("'conn_type' is not a string", NO_TEXT),
            "descint": H,
            "portbig": connection("postgres", host="h", port=99999),
            "portf": connection("postgres", host="h", port=5432),
            "porttrue": connection("postgres", host="h", port=1),
            "portneg": connection("postgres", host="h", port=-1),
            "pwlist": lost("'password' is not a string", NO_TEXT),
            "team": Got(H.fields, lost_by=(AIRFLOW_2, TASKS), words=("'team_name'. Remove it",)),
            "uri": connection("postgres", host="h", login="u", password="p", schema="d"),
            "urimix": lost("both 'uri' and 'conn_type'"),
            "dupk": connection("postgres", host="b"),
        },
    ),
    "other-operators.yaml": Verdict(
        [
            ("not-checked", "SopsSecret ss", "ciphertext of SOPS"),
            ("unknown-label", "Secret default/jenkins", "did you mean the label 'airflow.apache.org/connection-id'?"),
            ("duplicate-secret", "Secret default/db", "one replaces the other"),
        ]
    ),
    "yaml-numbers.yaml": Verdict(
        [("invalid-manifest", f"Secret {name}: stringData: 'value'", QUOTE) for name in ("tag", "pin", "enabled")],
        errors=3,
        got={
            "image_tag": lost("Secret tag: ", QUOTE),
            "pin": lost("Secret pin: ", QUOTE),
            "enabled": lost("Secret enabled: ", QUOTE),
        },
    ),
    "yaml-times.yaml": Verdict(
        got={
            "start_of_day": Got("10:30"),
            "db": connection("postgres", host="db", login="u", password="p", schema="app"),
        }
    ),
    # Not a manifest: the input of `put`.
    "numeric-password.json": Verdict(),
}  # fmt: skip


@dataclass(frozen=True)
class Remedy:
    """The annotations that a problem suggests for a file's Secret.

    Attributes:
        got: what Airflow gets with them. `check` then finds no problem.
    """

    annotations: Mapping[str, str]
    id: str
    got: Got


REMEDIES: dict[str, Remedy] = {
    "mongodb-atlas.yaml": Remedy(
        {"field-uri": "connectionStringStandardSrv"},
        "atlas",
        connection("mongo", host="c0.abcde.mongodb.net", login="app", password="made/up", extra={"srv": True}),
    ),
    "git-over-ssh.yaml": Remedy(
        {"field-host": "url"},
        "git_ssh_url",
        connection("git", host="ssh://git@github.com/x/y.git", extra={"private_key": KEY}),
    ),
    "token-that-nothing-reads.yaml": Remedy(
        {"field-password": "workspace-token"},
        "databricks_no_field",
        connection("databricks", host="https://adb-1.azuredatabricks.net", password="dapi-made-up"),
    ),
    "tls-that-nothing-reads.yaml": Remedy(
        {"connection-extra": '{"ssl": true}'},
        "documentdb_ssl",
        connection(
            "mongo", host="127.0.0.1", login="u", password="made-up", port=27017, schema="d", extra={"ssl": True}
        ),
    ),
    "kafka-access.yaml": Remedy(
        {
            "extra-bootstrap.servers": "bootstrap.servers",
            "extra-security.protocol": "security.protocol",
            "extra-sasl.mechanism": "sasl.mechanism",
            "extra-sasl.username": "username",
            "extra-sasl.password": "password",
            "extra-ssl.ca.pem": "ssl.truststore.crt",
        },
        "kafka_access",
        connection(
            "kafka",
            extra={
                "bootstrap.servers": "b:9093",
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": "u",
                "sasl.password": "made-up",
                "ssl.ca.pem": "CA",
            },
        ),
    ),
    "service-binding.yaml": Remedy(
        {"extra-sslmode": "sslmode", "extra-sslrootcert": "sslrootcert"},
        "servicebinding_sslmode",
        connection(
            "postgres",
            host="h",
            login="u",
            password="made-up",
            port=5432,
            schema="d",
            extra={"sslmode": "verify-full", "sslrootcert": "/etc/ssl/root.pem"},
        ),
    ),
    "url-without-scheme.yaml": Remedy(
        {"field-host": "url"},
        "url_not_uri_beside_token",
        connection("http", host="grafana.example.com", password="made-up"),
    ),
    "many-connections.yaml": Remedy({"data-key": "AIRFLOW_CONN_GCP"}, "gcp", connection("google_cloud_platform")),
}
