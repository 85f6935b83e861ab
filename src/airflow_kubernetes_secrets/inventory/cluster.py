"""The Kubernetes API as a person's commands ask it: everything about a Secret, page by page, and who may do what."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from airflow_kubernetes_secrets.api.client import Call, Client
from airflow_kubernetes_secrets.api.credentials import Credentials
from airflow_kubernetes_secrets.api.deadline import Allowance
from airflow_kubernetes_secrets.api.decode import MalformedBodyError
from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.errors import (
    AnswerTooLargeError,
    ApiError,
    ForbiddenError,
    KubernetesSecretsError,
    NotConfiguredError,
    NotFoundError,
)
from airflow_kubernetes_secrets.inventory.stored import Stored, read_object, read_page
from airflow_kubernetes_secrets.labels import LabelSelector, is_namespace
from airflow_kubernetes_secrets.options import Options
from airflow_kubernetes_secrets.printable import printable
from airflow_kubernetes_secrets.sources.kubernetes import credentials_of
from airflow_kubernetes_secrets.sources.query import NameQuery, Query

# Whose fields they are in what these commands write.
# https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers
FIELD_MANAGER = "airflow-kubernetes-secrets"

# Secrets in one answer. Most are a few hundred bytes; where they are so large that the answer would be too (Helm's
# releases have up to 1 MiB each), the next number is tried.
_PAGE_SIZES = (500, 50)

Wanted = TypeVar("Wanted")


class Cluster:
    """The API server of one configuration, as a place where Secrets are.

    Attributes:
        credentials: where the API server is, and who this is.
        home: the namespace of queries that name none.
    """

    def __init__(self, options: Options, as_user: str | None = None) -> None:
        """
        Args:
            as_user: whom to impersonate.

        Raises:
            NotConfiguredError: there is no way to the API, or no namespace to look in.
        """
        self.credentials: Credentials = credentials_of(options)
        self.home = options.namespace[0] if options.namespace else self.credentials.namespace()
        if not is_namespace(self.home):
            raise NotConfiguredError(f"the namespace that comes with {self.credentials.source} is not the name of one")
        self._as_user = as_user
        # For each answer; a list takes as many as it has pages.
        self._seconds = options.timeout
        referenced = {namespace or self.home: names for namespace, names in options.referenced.items()}
        self._client = Client(self.credentials, options.verbs, referenced=referenced, as_user=as_user)
        self._stored: dict[tuple[str, str], Stored] = {}

    @property
    def text(self) -> str:
        """Where it is, for a person."""
        return f"the Kubernetes API at {printable(self.credentials.endpoint)}"

    def namespace(self, query_namespace: str | None) -> str:
        """The name of the namespace that a query is about."""
        return query_namespace or self.home

    def find(self, query: Query, _time: Allowance) -> Sequence[Secret]:
        """What answers a query of a lookup, now; with it, :meth:`stored` knows more of it.

        Raises:
            KubernetesSecretsError: it could not be asked.
        """
        namespace = self.namespace(query.namespace)
        if isinstance(query, NameQuery):
            found = self.get(namespace, query.name)
            return [] if found is None else [found.secret]
        return [each.secret for page in self.pages(namespace, query.selector) for each in page]

    def stored(self, secret: Secret) -> Stored:
        """What else is known of a Secret that was found before."""
        return self._stored.get((secret.namespace, secret.name)) or Stored(secret)

    def get(self, namespace: str, name: str) -> Stored | None:
        """One Secret; ``None`` if there is none of this name.

        Raises:
            KubernetesSecretsError: it could not be asked.
        """
        path = f"/api/v1/namespaces/{namespace}/secrets/{quote(name)}"
        try:
            response = self._client.send(Call(path), "get", namespace, self._seconds)
        except NotFoundError:
            return None
        return self._keep([self._read(partial(read_object, namespace=namespace, name=name), response.body)])[0]

    def pages(self, namespace: str, selector: LabelSelector | None) -> Iterator[Sequence[Stored]]:
        """The Secrets that a selector matches, or all, page by page.

        Raises:
            KubernetesSecretsError: it could not be asked.
        """
        query = "" if selector is None else f"&labelSelector={quote(str(selector))}"
        following, followed = "", {""}
        while True:
            after = f"{query}&continue={quote(following)}" if following else query
            page = self._read(partial(read_page, namespace=namespace), self._page(namespace, after))
            yield self._keep(page.stored)
            following = page.next
            if not following:
                return
            if following in followed:
                raise KubernetesSecretsError(f"{self.text} gives the same page again and again. Is it one?")
            followed.add(following)

    def _page(self, namespace: str, query: str) -> bytearray:
        size, *smaller = _PAGE_SIZES
        while True:
            path = f"/api/v1/namespaces/{namespace}/secrets?limit={size}{query}"
            try:
                return self._client.send(Call(path), "list", namespace, self._seconds).body
            except AnswerTooLargeError:
                if not smaller:
                    raise
                size = smaller.pop(0)
            except ApiError as error:
                if error.status != 410:
                    raise
                break
        # https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
        raise KubernetesSecretsError(
            f"{self.text} no longer knows how the Secrets in {namespace} were when the list began: it took too long. "
            "Run it again"
        )

    def count(self, namespace: str) -> int:
        """How many Secrets there are in a namespace, with whatever labels.

        Raises:
            KubernetesSecretsError: it could not be asked.
        """
        path = f"/api/v1/namespaces/{namespace}/secrets?limit=1"
        body = self._client.send(Call(path), "list", namespace, self._seconds).body
        page = self._read(partial(read_page, namespace=namespace), body)
        return len(page.stored) + page.remaining

    def may(self, verb: str, namespace: str, name: str = "") -> bool:
        """Whether this user may do ``verb`` with the Secrets of a namespace (empty: of all), or with one of them.

        https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access

        Raises:
            KubernetesSecretsError: it could not be asked.
        """
        attributes = {"verb": verb, "resource": "secrets", "namespace": namespace, "name": name}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
        }
        call = Call("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "POST", _json(review), "application/json")
        answer = self._document(self._client.send(call, "create", namespace, self._seconds).body)
        return bool((answer.get("status") or {}).get("allowed"))

    def version(self) -> str:
        """The API server's version, such as ``v1.34.1``; empty if this user may not know it.

        Raises:
            KubernetesSecretsError: it could not be asked.
        """
        try:
            answer = self._document(self._client.send(Call("/version"), "get", self.home, self._seconds).body)
        except ForbiddenError:
            return ""
        return str(answer.get("gitVersion", ""))

    def user(self) -> str:
        """Whom the API server takes this for; empty if it cannot be known.

        SelfSubjectReview is there from Kubernetes 1.28 on; before, the token of a service account says it.
        https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/self-subject-review-v1/
        """
        if self._as_user is not None:
            return self._as_user
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        call = Call("/apis/authentication.k8s.io/v1/selfsubjectreviews", "POST", _json(review), "application/json")
        try:
            answer = self._document(self._client.send(call, "create", self.home, self._seconds).body)
            return str(((answer.get("status") or {}).get("userInfo") or {}).get("username", ""))
        except ApiError:
            return str(token_claims(self.credentials).get("sub", ""))

    def apply(self, manifest: Mapping[str, Any], *, force: bool = False, dry_run: bool = False) -> Stored:
        """Create a Secret or update it, by server-side apply.

        Args:
            force: take over fields that others manage.
            dry_run: have it checked and not stored.

        https://kubernetes.io/docs/reference/using-api/server-side-apply/

        Raises:
            ApiError: 409 where others manage a field of it; 422 where it is not valid.
            KubernetesSecretsError: it could not be asked.
        """
        metadata = manifest["metadata"]
        path = (
            f"/api/v1/namespaces/{metadata['namespace']}/secrets/{quote(metadata['name'])}"
            f"?fieldManager={FIELD_MANAGER}&force={'true' if force else 'false'}{'&dryRun=All' if dry_run else ''}"
        )
        # JSON is YAML, which is what the type of an apply asks for.
        call = Call(path, "PATCH", _json(manifest), "application/apply-patch+yaml")
        response = self._client.send(call, "patch", metadata["namespace"], self._seconds)
        read = partial(read_object, namespace=metadata["namespace"], name=metadata["name"])
        return self._keep([self._read(read, response.body)])[0]

    def problems(self) -> Sequence[str]:
        """None: it answers as a whole, or not."""
        return ()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _keep(self, stored: Sequence[Stored]) -> Sequence[Stored]:
        for each in stored:
            self._stored[each.secret.namespace, each.secret.name] = each
        return stored

    def _read(self, read: Callable[[bytes | bytearray], Wanted], body: bytes | bytearray) -> Wanted:
        try:
            return read(body)
        except MalformedBodyError as error:
            problem = str(error)
        raise KubernetesSecretsError(f"{self.text}: {problem}. Is it one, or does something on the way answer instead?")

    def _document(self, body: bytes | bytearray) -> dict[str, Any]:
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if isinstance(answer, dict):
            return answer
        raise KubernetesSecretsError(f"{self.text}: the answer is not JSON. Does something on the way answer instead?")


def token_claims(credentials: Credentials) -> Mapping[str, Any]:
    """What a bearer token says of itself, unchecked, if it is a JWT as those of service accounts are."""
    token = (credentials.authorization() or "").removeprefix("Bearer ")
    try:
        _header, claims, _signature = token.split(".")
        found = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode("ascii")
