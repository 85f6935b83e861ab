"""The ids that hooks and operators take by position or by default are found in the source of their providers."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_kubernetes_secrets.usage.signatures import Signatures
from support.dag_code import connections, found_in

HOOKS = """
from airflow.providers.common.sql.hooks.sql import DbApiHook
from airflow.providers.acme.base import BaseAcmeHook
class PgHook(DbApiHook):
    conn_name_attr = "pg_conn_id"
    default_conn_name = "pg_default"
    def __init__(self, *args, options=None, **kwargs):
        super().__init__(*args, **kwargs)
class NamedHook(DbApiHook):
    conn_name_attr = "named_conn_id"
    default_conn_name = "named_default"
    def __init__(self, conn_id=default_conn_name, *args, **kwargs):
        super().__init__(*args, **kwargs)
class AcmeHook(BaseAcmeHook):
    ...
class TypedHook(BaseAcmeHook["Client"]):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
class EitherHook(BaseAcmeHook):
    def __init__(self, conn_id=None, acme_conn_id="acme_default"):
        self.conn_id = conn_id or acme_conn_id
class EitherTypedHook(EitherHook):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
class TopicHook(BaseAcmeHook):
    def __init__(self, topic, acme_conn_id="acme_default", **kwargs):
        super().__init__(acme_conn_id=acme_conn_id, **kwargs)
"""
BASE = """
class BaseAcmeHook:
    default_conn_name = "acme_default"
    def __init__(self, acme_conn_id: str = default_conn_name):
        ...
"""
OPERATORS = """
from airflow.providers.acme.hooks import AcmeHook
ID = "acme_default"
class LoadOperator:
    def __init__(self, *, table, acme_conn_id: str | None = AcmeHook.default_conn_name, **kwargs):
        super().__init__(**kwargs)
class BulkOperator(LoadOperator):
    def __init__(self, *, size=1, **kwargs):
        super().__init__(**kwargs)
class FixedOperator(LoadOperator):
    def __init__(self, **kwargs):
        super().__init__(acme_conn_id="other", **kwargs)
class NoDefaultOperator:
    def __init__(self, *, conn_id: str | None = None, other_conn_id=ID, **kwargs): ...
class AcmeNotifier:
    def __init__(self, *, acme_conn_id="acme_default"): ...
send_acme_notification = AcmeNotifier
"""
SQL = "class DbApiHook:\n    def __init__(self, *args, schema=None, **kwargs): ...\n"
PROVIDER = """
from airflow.providers.acme.hooks import AcmeHook, EitherHook, EitherTypedHook, NamedHook, PgHook, TopicHook, TypedHook
from airflow.providers.acme.operators import BulkOperator, FixedOperator, LoadOperator, NoDefaultOperator
from airflow.providers.acme.operators import send_acme_notification
"""


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Signatures:
    """Return the signatures of a provider that cannot be imported."""
    folder = tmp_path_factory.mktemp("site")
    files = {"acme/hooks": HOOKS, "acme/base": BASE, "acme/operators": OPERATORS, "common/sql/hooks/sql": SQL}
    for name, content in files.items():
        path = folder / "airflow" / "providers" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return Signatures((str(folder),))


@pytest.mark.parametrize(
    ("code", "ids"),
    [
        ('PgHook("x")', ["x"]),
        ('NamedHook("x")', ["x"]),
        ("NamedHook()", ["named_default"]),
        ('AcmeHook("x")', ["x"]),
        ('TypedHook("x")', ["x"]),
        ("TypedHook()", ["acme_default"]),
        ('TopicHook("x")', ["acme_default"]),
        ("PgHook()", ["pg_default"]),
        ("EitherHook()", ["acme_default"]),
        ('EitherHook("x")', ["x"]),
        ('EitherHook(conn_id="x")', ["x"]),
        ('EitherHook(acme_conn_id="x")', ["x"]),
        ('EitherTypedHook(conn_id="x")', ["x"]),
        ("AcmeHook()", ["acme_default"]),
        ('LoadOperator(table="t")', ["acme_default"]),
        ('LoadOperator(table="t", acme_conn_id="x")', ["x"]),
        ('LoadOperator.partial(table="t").expand(x=[1])', ["acme_default"]),
        ("BulkOperator()", ["acme_default"]),
        ("send_acme_notification()", ["acme_default"]),
        ("FixedOperator()", []),
        ("NoDefaultOperator()", ["acme_default"]),
        ("LoadOperator(**options)", []),
        ('DAG("d", default_args={"acme_conn_id": "x"})\nLoadOperator()', ["x"]),
        ('from company import ARGS\nDAG("d", default_args=ARGS)\nLoadOperator()', []),
        ('ARGS = {"owner": "me"}\nDAG("d", default_args=ARGS)\nLoadOperator()', ["acme_default"]),
    ],
)
def test_source_of_the_provider_determines_the_id(code: str, ids: list[str], acme: Signatures) -> None:
    assert connections(found_in(PROVIDER + code, acme)) == ids


def test_operators_for_gke_use_no_connection_of_kubernetes(tmp_path: Path) -> None:
    operators = """
class KubernetesPodOperator:
    def __init__(self, *, kubernetes_conn_id="kubernetes_default", **kwargs): ...
class GKEStartPodOperator(KubernetesPodOperator):
    def __init__(self, *, gcp_conn_id="x", **kwargs): ...
"""
    path = tmp_path / "airflow/providers/google/cloud/operators/kubernetes_engine.py"
    path.parent.mkdir(parents=True)
    path.write_text(operators)
    code = (
        "from airflow.providers.google.cloud.operators.kubernetes_engine import GKEStartPodOperator as Start\nStart()"
    )
    assert connections(found_in(code, Signatures((str(tmp_path),)))) == ["x"]


def test_ids_of_a_missing_provider_are_unknown() -> None:
    found = found_in(PROVIDER + 'PgHook("x")\nLoadOperator(table="t")')
    assert not found.uses
    assert [each.how for each in found.computed] == ["PgHook"]


HOOKS_OF_PROVIDERS = """
from airflow.providers.amazon.aws.hooks.athena import AthenaHook
from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
from airflow.providers.postgres.hooks import postgres
from airflow.providers.acme.hooks.postgres import PostgresHook
from company.postgres.hooks.postgres import PostgresHook as OwnHook
"""


@pytest.mark.parametrize(
    ("code", "ids", "computed"),
    [
        ('AthenaHook("x")', ["x"], []),
        ('KubernetesHook("x")', ["x"], []),
        ('postgres.PostgresHook("x").get_conn()', ["x"], []),
        ("postgres.PostgresHook()", [], []),
        ("postgres.PostgresHook(os.name)", [], ["PostgresHook postgres_conn_id"]),
        ('PostgresHook("x")', [], ["PostgresHook"]),
        ('OwnHook("x")', [], ["OwnHook"]),
    ],
)
def test_the_first_arguments_of_airflows_hooks_are_known(code: str, ids: list[str], computed: list[str]) -> None:
    found = found_in(HOOKS_OF_PROVIDERS + code)
    assert connections(found) == ids
    assert [each.how for each in found.computed] == computed


def test_the_installed_provider_is_read() -> None:
    code = "from airflow.providers.smtp.operators.smtp import EmailOperator\nEmailOperator(task_id='t', to='a')"
    assert connections(found_in(code, Signatures())) == ["smtp_default"]
