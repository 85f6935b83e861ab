"""What an error report shows, with an exception at any line of a watch: no token and no value."""

from __future__ import annotations

from airflow_kubernetes_secrets.kubernetes.failures import Backoff
from airflow_kubernetes_secrets.sources.index import Index
from airflow_kubernetes_secrets.sources.watcher import Watcher
from support.cluster import Cluster, ServiceAccount
from support.errors import AtEveryLine
from support.faults import event, stream_of
from support.memory import VariableLookups
from support.proxy import Proxy
from support.reports import AT_EVERY_LINE, CASES, found_at
from support.secrets import CONNECTION
from support.servers import on_the_devserver

pytestmark = AT_EVERY_LINE


@on_the_devserver
def test_in_a_watch(cluster: Cluster, proxy: Proxy, account: ServiceAccount, namespace: str) -> None:
    """A report about the end of the watch's thread must not show more either."""
    case = CASES["fields"]
    stored = cluster.apply(case.manifest(namespace))
    lookups = VariableLookups(proxy, account, namespace)
    lookups.client.close()

    class Owner:
        """The owner of the watcher, which makes it watch once."""

        def replace_index(self, _watcher: Watcher, _index: Index) -> None:
            pass

        def index_changed(self) -> None:
            pass

        def is_idle(self) -> bool:
            self.asked = not getattr(self, "asked", True)
            return self.asked

        def watch_ended(self, _watcher: Watcher, *, refused: bool) -> None:
            pass

    def watch() -> None:
        index = Index(CONNECTION, [], "1", 0.0)
        watcher = Watcher(lookups.server, CONNECTION, 60, index, Owner())
        watcher._backoff = Backoff(0.001, 0.001)
        watcher.run()
        assert len(watcher._index) == 1

    proxy.always_watch = stream_of(event("ADDED", stored), event("MODIFIED", stored))
    watch()

    work = AtEveryLine(watch, lookups.client.close)
    assert found_at(work, {*case.hidden, account.token}, least=300) == {}
    lookups.close()
