"""Shared code for tests of what a process caches: lookups below the backend, other processes, leftover resources."""

from __future__ import annotations

import dataclasses
import gc
import itertools
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from airflow_kubernetes_secrets.formats import values
from airflow_kubernetes_secrets.kubernetes.client import Client
from airflow_kubernetes_secrets.kubernetes.credentials import ServiceAccountCredentials
from airflow_kubernetes_secrets.kubernetes.deadline import Deadline
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS, Resource
from airflow_kubernetes_secrets.process import ProcessLocal
from airflow_kubernetes_secrets.sources.api_errors import ApiErrors
from airflow_kubernetes_secrets.sources.cache_policy import CachePolicy, Thresholds
from airflow_kubernetes_secrets.sources.namespace import Namespace
from airflow_kubernetes_secrets.sources.namespace_api import NamespaceApi
from airflow_kubernetes_secrets.sources.outage import ApiServerState
from airflow_kubernetes_secrets.sources.query import LabelQuery
from support.cluster import Cluster, DevserverCluster, KubeApiserverCluster, ServiceAccount, checked, wait_until_allowed
from support.exchange import Request
from support.piped_program import PipedProgram
from support.proxy import Proxy
from support.secrets import TEAM, VARIABLE, Put

WATCH_THREAD = "airflow-kubernetes-secrets-watch"


# From the first lookup on there is an index with a watch.
AT_ONCE = Thresholds(queries_first=0, indexes_first=0)

# So many seconds that no cached value expires during a test.
LONG = 600.0

# The longest pause in seconds between two attempts of a watch, with a `cache_ttl` of LONG.
LONGEST_PAUSE = 30.0
PATIENCE = 60.0

# Forks are reported to these lookups as to the backend's own sources.
_all_lookups: ProcessLocal[VariableLookups] = ProcessLocal()
_numbers = itertools.count()

# Seconds by which a value may be late: a real server's watch cache is moments behind its storage, and this machine may
# be busy.
SLACK = 1.0


def watchers() -> list[threading.Thread]:
    """Return the threads of this process that run a watch."""
    return [each for each in threading.enumerate() if each.name.startswith(WATCH_THREAD) and each.is_alive()]


def sockets_to(port: int) -> list[int]:
    """Return the file descriptors of this process that are connected, as a client, to a port of loopback."""
    gc.collect()
    found = []
    for link in Path("/proc/self/fd").iterdir():
        # The descriptor of the folder itself is listed, and is closed by now.
        if link.is_socket():
            # Another thread may close the socket meanwhile.
            with suppress(OSError), socket.socket(fileno=os.dup(int(link.name))) as sock:
                if sock.family == socket.AF_INET and sock.getpeername()[1] == port:
                    found.append(int(link.name))
    return found


def lists_of_all(requests: Iterable[Request]) -> list[Request]:
    """Return the requests that list everything with the label of variables."""
    return [each for each in requests if not each.is_watch and each.query["labelSelector"] == [VARIABLE]]


class StartProgram(Protocol):
    """Starts Python with code, arguments (``sys.argv``) and variables. All its streams are pipes."""

    def __call__(self, text: str, *arguments: object, **variables: str) -> PipedProgram: ...


class MakeLookups(Protocol):
    """Makes lookups that go through the proxy of the test or another server.

    It takes the options of :class:`VariableLookups`.
    """

    def __call__(self, *, through: Proxy | Cluster = ..., **options: object) -> VariableLookups: ...


class VariableLookups:
    """Lookups of variables, as a backend does them, through a proxy or directly. They have their own cache."""

    def __init__(
        self,
        through: Proxy | Cluster,
        account: ServiceAccount,
        namespace: str,
        *,
        ttl: float = 60.0,
        outage_ttl: float = 0.0,
        timeout: float = 10.0,
        thresholds: Thresholds = AT_ONCE,
        resource: Resource = SECRETS,
    ) -> None:
        self.folder = through.folder(account) if isinstance(through, Proxy) else account.folder
        credentials = ServiceAccountCredentials(str(self.folder), through.pod_environment())
        self.client = Client(credentials, ApiErrors(("list", "watch"), (resource,), {}).error_of)
        self.outage = ApiServerState()
        self.server = NamespaceApi(self.client, self.outage, resource, namespace, timeout, keeps_results=outage_ttl > 0)
        self.ttl = ttl
        self._thresholds = thresholds
        self._longest = ttl + outage_ttl if outage_ttl else 0.0
        self.restart()

    def restart(self) -> None:
        """Forget everything except the connections."""
        self.outage.record_response()
        self.policy = CachePolicy(self.server, VARIABLE, self.ttl, self._thresholds)
        self._namespace = Namespace(self.server, {VARIABLE: self.policy}, self.ttl, self._longest)
        self.server.on_refusal = lambda _error: self._namespace.forget()
        _all_lookups.get(next(_numbers), lambda: self)

    def get(self, key: str) -> str | None:
        """Look up a variable."""
        query = LabelQuery(
            self.server.namespace, VARIABLE, key, identifier=key, absent=TEAM, resource=self.server.resource
        )
        known = self._namespace.find_in_memory(query)
        found = self._namespace.find(query, Deadline(self.server.timeout)) if known is None else known
        texts = [values.text(secret, "value") for secret in found if query.matches(secret)]
        assert len(texts) < 2, f"{len(texts)} Secrets for {key}"
        return texts[0] if texts else None

    def close(self) -> None:
        self._namespace.close()
        self.client.close()

    def after_fork(self) -> None:
        self.client.after_fork()
        self.outage.after_fork()
        self._namespace.after_fork()


class CountedVariable:
    """A variable whose value counts up. It knows whether a value was current, and how old it was."""

    def __init__(self, key: str, write: Callable[[str, str], object]) -> None:
        self.key = key
        self.last = -1
        self._write = write
        # When the write of each number began, and when it had been stored.
        self._began: list[float] = []
        self._stored: list[float] = []

    def count_up(self) -> None:
        """Write the next number."""
        self._began.append(time.monotonic())
        self._write(self.key, str(self.last + 1))
        self._stored.append(time.monotonic())
        self.last += 1

    def age(self, text: str | None, asked_at: float) -> float:
        """Return for how many seconds before ``asked_at`` the value was outdated; 0 if it may have been current."""
        assert text is not None, f"{self.key} was not found"
        following = int(text) + 1
        assert int(text) < len(self._began), f"{self.key} never was {text}"
        stored = self._stored[following] if following < len(self._stored) else asked_at
        return max(asked_at - stored, 0.0)


def counted_variable(put: Put, key: str = "x") -> CountedVariable:
    """Return a variable that counts up in one Secret, beginning with 0."""
    counted = CountedVariable(key, lambda key, text: put.variable(key, text, name=key))
    counted.count_up()
    return counted


def count_up_for(seconds: float, *variables: CountedVariable, pause: float = 0.02) -> None:
    """Count the variables up for some seconds."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        for counted in variables:
            counted.count_up()
        time.sleep(pause)


class Reader(threading.Thread):
    """A thread that reads variables all the time, and records the errors in the values.

    Args:
        may_go_back: a value may be older than the one before it. docs/concepts/freshness.md allows this when a process
            changes from single requests to an index.

    Attributes:
        oldest: for how many seconds the oldest value had been outdated.
        wrong: errors, values that were never written, values older than an earlier one.
    """

    def __init__(
        self,
        name: str,
        variables: list[CountedVariable],
        get: Callable[[str], str | None],
        pause: float = 0.0,
        *,
        may_go_back: bool = False,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._variables = variables
        self._get = get
        self._pause = pause
        self._may_go_back = may_go_back
        self._over = threading.Event()
        self.count = 0
        self.oldest = 0.0
        self.wrong: list[str] = []

    def run(self) -> None:
        seen: dict[str, int] = {}
        while not self._over.is_set():
            for counted in self._variables:
                asked_at = time.monotonic()
                try:
                    text = self._get(counted.key)
                    self.oldest = max(self.oldest, counted.age(text, asked_at))
                    if not self._may_go_back and int(text or 0) < seen.get(counted.key, 0):
                        self.wrong.append(f"{counted.key} went back from {seen[counted.key]} to {text}")
                    seen[counted.key] = int(text or 0)
                except BaseException as error:
                    self.wrong.append(f"{type(error).__name__}: {error}")
                self.count += 1
            self._over.wait(self._pause)

    def finish(self) -> None:
        """End the thread, which must end within 30 s."""
        self._over.set()
        self.join(30)
        assert not self.is_alive(), f"{self.name} does not end"


@contextmanager
def reading(*readers: Reader) -> Iterator[None]:
    """Run the readers during the context. Afterwards none of them may have found an error."""
    for reader in readers:
        reader.start()
    try:
        yield
    finally:
        for reader in readers:
            reader.finish()
    wrong = {reader.name: reader.wrong[:5] for reader in readers if reader.wrong}
    assert not wrong, wrong
    assert all(reader.count for reader in readers)


def grant(cluster: Cluster, account: ServiceAccount, *verbs: str) -> None:
    """Add these permissions of the account in its namespace."""
    if isinstance(cluster, DevserverCluster):
        users = cluster.server._access.users
        user = users[account.token]
        verbs_on_secrets = dict((user.grants or {})["secrets"])
        verbs_on_secrets[account.namespace] = verbs_on_secrets.get(account.namespace, frozenset()) | set(verbs)
        grants = {**(user.grants or {}), "secrets": verbs_on_secrets}
        users[account.token] = dataclasses.replace(user, grants=grants)
    elif isinstance(cluster, KubeApiserverCluster):
        subject = {"kind": "ServiceAccount", "namespace": account.namespace, "name": account.name}
        cluster._grant(account.namespace, verbs, subject)
    with cluster.client(account.token) as client:
        for verb in verbs:
            wait_until_allowed(client, account.namespace, verb)


def revoke(cluster: Cluster, account: ServiceAccount) -> None:
    """Remove all permissions of the account in its namespace."""
    if isinstance(cluster, DevserverCluster):
        users = cluster.server._access.users
        user = users[account.token]
        users[account.token] = dataclasses.replace(user, grants={**(user.grants or {}), "secrets": {}})
    elif isinstance(cluster, KubeApiserverCluster):
        bindings = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{account.namespace}/rolebindings"
        checked(cluster.admin.delete(bindings))


def replace_token(cluster: Cluster, account: ServiceAccount) -> str:
    """Return a new token for the account. The old one is rejected, on a real server within ten seconds."""
    if isinstance(cluster, DevserverCluster):
        user = cluster.server._access.users.pop(account.token)
        grants = {namespace: sorted(verbs) for namespace, verbs in (user.grants or {})["secrets"].items()}
        return cluster.server.create_token(user.name, grants)
    accounts = f"/api/v1/namespaces/{account.namespace}/serviceaccounts"
    checked(cluster.admin.delete(f"{accounts}/{account.name}"))
    return cluster._token(account.namespace, account.name, {})


def fork(check: Callable[[], object]) -> int:
    """Run ``check`` in a forked child. Its exit code is 0 if ``check`` raised nothing and did not return False."""
    pid = os.fork()
    if pid == 0:
        # The child must never continue with pytest.
        code = 1
        try:
            assert check() is not False
            code = 0
        except BaseException as error:
            print(f"in the child: {type(error).__name__}: {error}", file=sys.__stderr__, flush=True)
        finally:
            os._exit(code)
    return pid


def join(*children: int, seconds: float = PATIENCE) -> None:
    """Wait for children for at most ``seconds`` in total. None may have failed."""
    ends = time.monotonic() + seconds
    codes = {}
    for pid in children:
        while (found := os.waitpid(pid, os.WNOHANG)) == (0, 0):
            if time.monotonic() > ends:
                os.kill(pid, 9)
            time.sleep(0.01)
        codes[pid] = os.waitstatus_to_exitcode(found[1])
    assert set(codes.values()) == {0}, codes
