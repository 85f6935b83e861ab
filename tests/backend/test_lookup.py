"""What a lookup finds, and which of several matches it uses."""

from __future__ import annotations

import logging
import time

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend, __version__
from airflow_kubernetes_secrets.errors import MalformedSecretError
from support.cluster import Cluster
from support.logs import log_messages
from support.proxy import Proxy
from support.secrets import CONFIG, CONNECTION, TEAM, VARIABLE, MakeBackend, Put

LOGGER = "airflow_kubernetes_secrets"


POSTGRES = '{"conn_type": "postgres", "host": "db.example.com", "login": "user", "password": "p@ss/w?rd", "port": 5432}'


pytestmark = pytest.mark.however_fresh


def test_connection_as_a_uri(backend: KubernetesSecretsBackend, put: Put) -> None:
    put.connection("smtp_default", "smtp://user:password@smtp.example.com:587")

    assert backend.get_conn_value("smtp_default") == "smtp://user:password@smtp.example.com:587"
    connection = backend.get_connection("smtp_default")
    assert (connection.conn_id, connection.conn_type, connection.host) == ("smtp_default", "smtp", "smtp.example.com")
    assert (connection.login, connection.password, connection.port) == ("user", "password", 587)


def test_connection_as_json(backend: KubernetesSecretsBackend, put: Put) -> None:
    put.connection("my_postgres_db", POSTGRES)

    assert backend.get_conn_value("my_postgres_db") == POSTGRES
    connection = backend.get_connection("my_postgres_db")
    assert (connection.conn_type, connection.password, connection.port) == ("postgres", "p@ss/w?rd", 5432)


def test_connection_with_the_newline_of_a_file(backend: KubernetesSecretsBackend, put: Put) -> None:
    put.connection("from_file", "http://example.com\n")

    assert backend.get_conn_value("from_file") == "http://example.com\n"
    assert backend.get_connection("from_file").host == "example.com"


@pytest.mark.parametrize(
    "value",
    [
        "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n",
        "  spaces  ",
        "",
        " ",
        "ünï¢ode ✓",
        "null",
        "0",
        "\ufeffx",
    ],
)
def test_variable_exactly_as_stored(backend: KubernetesSecretsBackend, put: Put, value: str) -> None:
    put.variable("my_var", value)

    assert backend.get_variable("my_var") == value


def test_configuration_option_without_white_space_around_it(backend: KubernetesSecretsBackend, put: Put) -> None:
    put.config("sql_alchemy_conn", "  postgresql://airflow:a b@db/airflow\r\n")

    assert backend.get_config("sql_alchemy_conn") == "postgresql://airflow:a b@db/airflow"


def test_the_three_kinds_do_not_mix(backend: KubernetesSecretsBackend, put: Put) -> None:
    put.variable("same", "a variable")
    put.config("same", "an option")

    assert backend.get_conn_value("same") is None
    assert backend.get_variable("same") == "a variable"
    assert backend.get_config("same") == "an option"


def test_an_unlabelled_secret_is_not_found_by_its_name(backend: KubernetesSecretsBackend, put: Put) -> None:
    put({}, "http://example.com", name="my-conn")

    assert backend.get_conn_value("my-conn") is None


def test_miss_is_logged_only_at_debug_level(
    backend: KubernetesSecretsBackend, caplog: pytest.LogCaptureFixture, namespace: str
) -> None:
    with caplog.at_level(logging.DEBUG, LOGGER):
        assert backend.get_connection("nobody") is None
        assert backend.get_conn_value("nobody") is None
        assert backend.get_variable("nobody") is None
        assert backend.get_config("nobody") is None
        assert backend.get_variable("nobody", team_name="analytics") is None

    ours = [record for record in caplog.records if record.name == LOGGER]
    assert {record.levelno for record in ours} == {logging.DEBUG}
    assert "connection 'nobody': no Secret matches" in ours[0].getMessage()
    assert "variable 'nobody' of team 'analytics': no Secret matches" in ours[-1].getMessage()


@pytest.mark.however_fresh("queried")
@pytest.mark.parametrize(
    ("team", "selector"),
    [(None, f"{CONNECTION}=my_db,!{TEAM}"), ("analytics", f"{CONNECTION}=my_db")],
    ids=["no team", "a team"],
)
def test_lookup_sends_one_list(proxied: MakeBackend, proxy: Proxy, put: Put, team: str | None, selector: str) -> None:
    put.connection("my_db", "postgres://global", name="global")
    backend = proxied()

    assert backend.get_conn_value("my_db", team_name=team) == "postgres://global"

    [request] = proxy.requests
    assert request.method == "GET"
    assert request.target.partition("?")[0] == f"/api/v1/namespaces/{put.namespace}/secrets"
    assert request.query == {"labelSelector": [selector], "resourceVersion": ["0"]}
    assert request.headers["accept"] == "application/json"
    # Audit logs and dashboards of API servers show the user agent.
    assert request.headers["user-agent"] == f"airflow-kubernetes-secrets/{__version__}"


class TestOptions:
    def test_labels(self, make_backend: MakeBackend, put: Put) -> None:
        put({"example.com/conn": "x"}, "http://connection")
        put({"my-variable": "x"}, "variable")
        put({"example.com/option": "x"}, "option")
        backend = make_backend(
            connections_label="example.com/conn", variables_label="my-variable", config_label="example.com/option"
        )

        assert backend.get_conn_value("x") == "http://connection"
        assert backend.get_variable("x") == "variable"
        assert backend.get_config("x") == "option"

    @pytest.mark.parametrize("null", [None, "null"])
    def test_a_null_label_sends_no_request(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, null: str | None
    ) -> None:
        put.connection("x", "http://connection")
        put.variable("x", "variable")
        put.config("x", "option")
        backend = proxied(connections_label=null, variables_label=null, config_label=null)

        assert backend.get_connection("x") is None
        assert backend.get_conn_value("x") is None
        assert backend.get_variable("x") is None
        assert backend.get_config("x") is None
        assert proxy.requests == []

    def test_null_label_disables_only_its_own_kind(self, make_backend: MakeBackend, put: Put) -> None:
        put.variable("x", "variable")

        assert make_backend(connections_label=None, config_label=None).get_variable("x") == "variable"

    def test_data_keys(self, make_backend: MakeBackend, put: Put) -> None:
        put({CONNECTION: "x"}, data={"uri": "http://connection", "value": "no"})
        put({VARIABLE: "x"}, data={"VAR.txt": "variable", "value": "no"})
        put({CONFIG: "x"}, data={"_option": "option", "value": "no"})
        backend = make_backend(connections_data_key="uri", variables_data_key="VAR.txt", config_data_key="_option")

        assert backend.get_conn_value("x") == "http://connection"
        assert backend.get_variable("x") == "variable"
        assert backend.get_config("x") == "option"

    def test_namespace(self, cluster: Cluster, make_backend: MakeBackend, put: Put, namespace: str) -> None:
        other = f"{namespace}-other"
        account = cluster.service_account(other, "reader", {namespace: ["list"], other: ["list"]})
        put.variable("x", "from the pod's namespace", namespace=other)
        put.variable("x", "from the named namespace")
        folder = str(account.folder)

        assert make_backend(service_account_path=folder).get_variable("x") == "from the pod's namespace"
        (account.folder / "namespace").unlink()
        named = make_backend(service_account_path=folder, namespace=namespace)
        assert named.get_variable("x") == "from the named namespace"


class TestSeveralMatches:
    def test_the_oldest_is_used_and_one_warning_names_all(
        self, backend: KubernetesSecretsBackend, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        put.variable("x", "oldest", name="z-oldest")
        # Creation times have whole seconds.
        time.sleep(1.1)
        put.variable("x", "newer", name="b-newer")
        put.variable("x", "newest", name="a-newest")

        for _ in range(3):
            assert backend.get_variable("x") == "oldest"

        [warning] = log_messages(caplog)
        assert "variable 'x': 3 Secrets match" in warning
        for name in ("z-oldest", "b-newer", "a-newest"):
            assert f"{put.namespace}/{name}" in warning

    def test_each_ambiguity_has_its_own_warning(
        self, backend: KubernetesSecretsBackend, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        for key in ("x", "y"):
            put.variable(key, "first", name=f"a-{key}")
            put.variable(key, "second", name=f"b-{key}")

        for key in ("x", "y", "x"):
            assert backend.get_variable(key) == "first"

        x, y = log_messages(caplog)
        assert "variable 'x': 2 Secrets match" in x
        assert "variable 'y': 2 Secrets match" in y

    def test_first_secret_by_name_is_used_if_the_ages_are_equal(
        self, backend: KubernetesSecretsBackend, put: Put
    ) -> None:
        for attempt in range(20):
            second = put.variable(f"x{attempt}", "second", name=f"b-{attempt}")
            first = put.variable(f"x{attempt}", "first", name=f"a-{attempt}")
            if first["metadata"]["creationTimestamp"] == second["metadata"]["creationTimestamp"]:
                assert backend.get_variable(f"x{attempt}") == "first"
                return
        pytest.fail("no two Secrets were created within one second")


class TestNoDataKey:
    def test_missing_data_key_is_a_miss_with_a_warning_that_names_the_keys(
        self, backend: KubernetesSecretsBackend, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        put({CONNECTION: "my_db"}, data={"tls.key": "hunter2", "tls.crt": "x"}, name="app-db")

        assert backend.get_connection("my_db") is None
        assert backend.get_conn_value("my_db") is None

        [warning] = log_messages(caplog)
        assert f"Secret {put.namespace}/app-db, key 'value': there is no such key in its data, nor a key" in warning
        remedy = "If one of these keys contains the connection, name that key in the annotation"
        assert f"the keys are 'tls.crt', 'tls.key'. {remedy}" in warning
        assert warning.endswith(". This Secret is skipped")
        assert "hunter2" not in warning

    def test_a_secret_without_data(
        self, backend: KubernetesSecretsBackend, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        put({VARIABLE: "x"}, name="empty")

        assert backend.get_variable("x") is None
        assert "none at all" in log_messages(caplog)[0]

    def test_each_secret_has_its_own_warning(
        self, backend: KubernetesSecretsBackend, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        for name in ("one", "two"):
            put({VARIABLE: name}, name=name)

        assert backend.get_variable("one") is None
        assert backend.get_variable("two") is None

        one, two = log_messages(caplog)
        assert f"Secret {put.namespace}/one, key 'value'" in one
        assert f"Secret {put.namespace}/two, key 'value'" in two

    def test_newer_secret_with_the_data_key_is_used(
        self, backend: KubernetesSecretsBackend, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        """CloudNativePG copies a cluster's labels to all its Secrets, most of which contain certificates."""
        put({VARIABLE: "x"}, data={"tls.key": "hunter2"}, name="a-older")
        put.variable("x", "newer", name="b-newer")

        assert backend.get_variable("x") == "newer"

        [skipped] = log_messages(caplog)
        assert f"Secret {put.namespace}/a-older, key 'value'" in skipped
        assert "This Secret is skipped" in skipped


class TestTeams:
    @pytest.fixture(autouse=True)
    def secrets(self, put: Put) -> None:
        put.variable("both", "of analytics", team="analytics")
        put.variable("both", "global")
        put.variable("global", "global")
        put.variable("analytics_only", "of analytics", team="analytics")

    @pytest.mark.parametrize(
        ("key", "team", "value"),
        [
            ("both", "analytics", "of analytics"),
            ("both", "other", "global"),
            ("both", None, "global"),
            ("both", "", "global"),
            ("global", "analytics", "global"),
            ("global", None, "global"),
            ("analytics_only", "analytics", "of analytics"),
            ("analytics_only", "other", None),
            ("analytics_only", None, None),
            # These are not valid label values, so no Secret can have them.
            ("both", "analytics,x=y", "global"),
            ("analytics_only", "a" * 64, None),
        ],
    )
    def test_selected_secret_for_each_team(
        self, backend: KubernetesSecretsBackend, key: str, team: str | None, value: str | None
    ) -> None:
        assert backend.get_variable(key, team_name=team) == value

    def test_secret_of_the_team_takes_precedence_over_an_older_global_secret(
        self, backend: KubernetesSecretsBackend, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        put.variable("x", "global", name="a-global")
        put.variable("x", "of analytics", team="analytics", name="b-analytics")

        assert backend.get_variable("x", team_name="analytics") == "of analytics"
        assert backend.get_variable("x") == "global"
        assert log_messages(caplog) == []

    def test_connections_have_teams_too(self, backend: KubernetesSecretsBackend, put: Put) -> None:
        put.connection("x", "http://team", team="analytics")

        assert backend.get_connection("x", team_name="analytics").host == "team"
        assert backend.get_connection("x", team_name="other") is None
        assert backend.get_connection("x") is None

    def test_another_team_label(self, make_backend: MakeBackend, put: Put) -> None:
        put({VARIABLE: "x", "example.com/team": "blue"}, "of blue")
        put({VARIABLE: "x"}, "global")
        put({VARIABLE: "broken", "example.com/team": "blue"}, data={"other": "x"})
        backend = make_backend(team_label="example.com/team")

        assert backend.get_variable("x", team_name="blue") == "of blue"
        assert backend.get_variable("x") == "global"
        with pytest.raises(MalformedSecretError, match="there is no such key"):
            backend.get_variable("broken", team_name="blue")

    def test_null_team_label_disables_teams(self, make_backend: MakeBackend) -> None:
        backend = make_backend(team_label="null")

        assert backend.get_variable("analytics_only") == "of analytics"
        assert backend.get_variable("analytics_only", team_name="other") == "of analytics"

    @pytest.mark.parametrize("broken", [{"other": "x"}, {"value": b"\xff\xfe"}], ids=["no data key", "not UTF-8"])
    def test_a_broken_secret_of_the_team_is_not_replaced_by_the_global_one(
        self, backend: KubernetesSecretsBackend, put: Put, broken: dict[str, str | bytes]
    ) -> None:
        put({VARIABLE: "b", TEAM: "analytics"}, data=broken, name="broken")
        put.variable("b", "global")

        with pytest.raises(MalformedSecretError, match=f"Secret {put.namespace}/broken, key 'value'"):
            backend.get_variable("b", team_name="analytics")
        assert backend.get_variable("b") == "global"

    def test_a_blank_connection_of_the_team_is_not_replaced_by_the_global_one(
        self, backend: KubernetesSecretsBackend, put: Put
    ) -> None:
        put.connection("b", " ", team="analytics", name="blank")
        put.connection("b", "http://global")

        with pytest.raises(MalformedSecretError, match="blank"):
            backend.get_connection("b", team_name="analytics")
