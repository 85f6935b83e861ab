"""The API server as the commands use it: objects with all their metadata, permissions, and writing a Secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from airflow_kubernetes_secrets.errors import (
    ApiError,
    ApiResponseTooLargeError,
    ForbiddenError,
    KubernetesSecretsError,
    NotConfiguredError,
    NotFoundError,
)
from airflow_kubernetes_secrets.inventory.stored_secret import StoredSecret, read_object, read_page
from airflow_kubernetes_secrets.kubernetes.bearer_token import token_claims
from airflow_kubernetes_secrets.kubernetes.client import Client
from airflow_kubernetes_secrets.kubernetes.credentials import Credentials
from airflow_kubernetes_secrets.kubernetes.deadline import Deadline, TimeBudget
from airflow_kubernetes_secrets.kubernetes.decode import MalformedBodyError
from airflow_kubernetes_secrets.kubernetes.labels import LabelSelector, is_namespace
from airflow_kubernetes_secrets.kubernetes.objects import CONFIG_MAPS, SECRETS, Resource, Secret
from airflow_kubernetes_secrets.kubernetes.refusals import CONFIRMED_AFTER_SECONDS
from airflow_kubernetes_secrets.kubernetes.transport import Call
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.api_errors import ApiErrors
from airflow_kubernetes_secrets.sources.api_source import credentials_of, verbs_of
from airflow_kubernetes_secrets.sources.layout import LayoutMistake
from airflow_kubernetes_secrets.sources.query import NameQuery, Query

# The field manager of every Secret of its own that `put` writes.
# https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers
FIELD_MANAGER = "airflow-kubernetes-secrets"

# How many Secrets to request in one page. Most Secrets have a few hundred bytes, but each release of Helm is stored in
# a Secret of up to 1 MiB. If a page is too large, the next size is used.
_PAGE_SIZES = (500, 50)

# A second 403 must confirm the first one. A command waits a second for it even if ``timeout`` is shorter, because
# a permission that is missing is a result for it.
_SHORTEST_TIMEOUT = 2 * CONFIRMED_AFTER_SECONDS

# How the version of the devserver ends.
DEVSERVER_VERSION = "+airflow-kubernetes-secrets-devserver"

# The type of a LIST without data, and the most seconds for all of its pages. A thousand Secrets take less than a tenth
# of a second.
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_METADATA_SECONDS = 30.0

Result = TypeVar("Result")

_NAMESPACES = Resource("Namespace", "namespaces")
_SELF_SUBJECT_REVIEWS = Resource("SelfSubjectReview", "selfsubjectreviews")
_AUTHENTICATION = "authentication.k8s.io"


@dataclass(frozen=True)
class _Listing:
    """A LIST of the objects of a resource in a namespace.

    Attributes:
        selector: the label selector; empty for all objects.
        name: the name of the only object; empty for all objects.
        accept: the type of the response.
    """

    resource: Resource
    namespace: str
    selector: str = ""
    name: str = ""
    accept: str = "application/json"


class Cluster:
    """An API server as a backend location.

    Attributes:
        credentials: the address of the API server and the credentials for it.
        default_namespace: the namespace of queries that name none.
        kubectl: the program in remedies, with the arguments that select this API server.
    """

    def __init__(self, options: Options, as_user: str | None = None, *, writes_to: str | None = None) -> None:
        """Prepare the client. Nothing is requested yet.

        Args:
            as_user: the user to impersonate.
            writes_to: the namespace for :meth:`apply`; empty for the default one, ``None`` if it is not used.

        Raises:
            NotConfiguredError: no API server is configured, or the namespace of its credentials is missing or invalid.
        """
        self.credentials: Credentials = credentials_of(options)
        self.default_namespace = options.namespace[0] if options.namespace else self.credentials.namespace()
        if not is_namespace(self.default_namespace):
            raise NotConfiguredError(f"the namespace from {self.credentials.source} is not a valid name")
        self.kubectl = options.kubectl
        self._as_user = as_user
        # The timeout of each request in seconds. A LIST is one request per page.
        self._seconds = max(options.timeout, _SHORTEST_TIMEOUT)
        referenced = {namespace or self.default_namespace: names for namespace, names in options.referenced.items()}
        written = None if writes_to is None else self.namespace(writes_to)
        errors = ApiErrors(verbs_of(options), options.resources, referenced, written, options.kubectl)
        self._client = Client(self.credentials, errors.error_of, as_user=as_user)
        self._stored: dict[str, StoredSecret] = {}

    @property
    def text(self) -> str:
        """A description of the API server for people."""
        return f"the Kubernetes API at {printable(self.credentials.endpoint)}"

    def namespace(self, query_namespace: str | None) -> str:
        """Return the name of the namespace that a query is for."""
        return query_namespace or self.default_namespace

    def find(self, query: Query, _time: TimeBudget) -> Sequence[Secret]:
        """Return the Secrets that match the query of a lookup, read now.

        :meth:`stored` then returns their other metadata. Each request has a time of its own, so the time budget of the
        lookup is not used.

        Raises:
            KubernetesSecretsError: a request failed.
        """
        namespace = self.namespace(query.namespace)
        if isinstance(query, NameQuery):
            found = self.get(namespace, query.name)
            return [] if found is None else [found.secret]
        return [each.secret for page in self.pages(namespace, query.selector, query.resource) for each in page]

    def stored(self, secret: Secret) -> StoredSecret:
        """Return a Secret that was read before, with its other metadata."""
        return self._stored.get(secret.full_name) or StoredSecret(secret)

    def get(self, namespace: str, name: str) -> StoredSecret | None:
        """Return one Secret, or ``None`` if it does not exist.

        Raises:
            KubernetesSecretsError: the request failed.
        """
        path = f"/api/v1/namespaces/{namespace}/secrets/{quote(name)}"
        try:
            response = self._client.send(Call(path), "get", namespace, self._seconds)
        except NotFoundError:
            return None
        return self._keep(
            [self._read(partial(read_object, resource=SECRETS, namespace=namespace, name=name), response.body)]
        )[0]

    def get_from_list(self, namespace: str, name: str) -> StoredSecret | None:
        """Return one Secret, with the permission that lookups by label need.

        This is for hints. A refused request takes a second to be confirmed, so the permission is checked first.
        https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/

        Returns:
            ``None`` if the Secret does not exist, or if this user may not list Secrets.

        Raises:
            KubernetesSecretsError: the request failed.
        """
        if not self.may_list(namespace, SECRETS):
            return None
        for page in self._pages(_Listing(SECRETS, namespace, name=name)):
            for stored in self._keep(page):
                return stored
        return None

    def refusals(self) -> Callable[[Query], None]:
        """Return a function that does nothing: each query here reads a whole namespace."""
        return lambda _query: None

    def pages(
        self, namespace: str, selector: LabelSelector | None, resource: Resource = SECRETS
    ) -> Iterator[Sequence[StoredSecret]]:
        """Yield the objects of a resource that a selector matches, page by page. Without a selector, yield all.

        Raises:
            KubernetesSecretsError: a request failed.
        """
        for page in self._pages(_Listing(resource, namespace, "" if selector is None else str(selector))):
            yield self._keep(page)

    def metadata(self, namespace: str, resource: Resource) -> Iterator[Sequence[StoredSecret]]:
        """Yield all objects of a resource in a namespace, page by page, without their data.

        The API server omits the data, so this process receives no value, except in annotations that are not kept.
        https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches

        Raises:
            KubernetesSecretsError: a request failed, or all of them together took too long.
        """
        yield from self._pages(_Listing(resource, namespace, accept=_METADATA), Deadline(_METADATA_SECONDS))

    def _pages(self, listing: _Listing, deadline: Deadline | None = None) -> Iterator[Sequence[StoredSecret]]:
        """Yield the pages of a LIST.

        Args:
            deadline: the end of the whole LIST, if it has one. Each page has a time of its own too.
        """
        read = partial(read_page, resource=listing.resource, namespace=listing.namespace)
        following, followed = "", {""}
        while True:
            seconds = self._seconds if deadline is None else min(self._seconds, deadline.left())
            if not seconds:
                raise KubernetesSecretsError(
                    f"{self.text}: listing the {listing.resource.kind}s in {listing.namespace} took more than "
                    f"{_METADATA_SECONDS:g} s. Run the command again when the API server is faster"
                )
            page = self._read(read, self._page(listing, following, seconds))
            yield page.stored
            following = page.next
            if not following:
                return
            if following in followed:
                raise KubernetesSecretsError(
                    f"{self.text} returns the same page repeatedly. Check that it is a Kubernetes API server"
                )
            followed.add(following)

    def config_maps(self, namespace: str, selector: LabelSelector) -> Iterator[StoredSecret]:
        """Yield the ConfigMaps that a selector matches; nothing if this user may not list them."""
        if self.may_list(namespace, CONFIG_MAPS):
            for page in self.pages(namespace, selector, CONFIG_MAPS):
                yield from page

    def _page(self, listing: _Listing, following: str, seconds: float) -> bytearray:
        """Return the body of one page, with the largest page size that fits.

        Args:
            following: the token of the page; empty for the first one.
            seconds: the timeout of each request.
        """
        resource, namespace = listing.resource, listing.namespace
        query = f"&labelSelector={quote(listing.selector)}" if listing.selector else ""
        query += f"&fieldSelector=metadata.name={quote(listing.name)}" if listing.name else ""
        query += f"&continue={quote(following)}" if following else ""
        size, *smaller = _PAGE_SIZES
        while True:
            call = Call(f"/api/v1/namespaces/{namespace}/{resource.plural}?limit={size}{query}", accept=listing.accept)
            try:
                return self._client.send(call, "list", namespace, seconds).body
            except ApiResponseTooLargeError:
                if not smaller:
                    raise
                size = smaller.pop(0)
            except ApiError as error:
                if error.status != 410:
                    raise
                break
        # https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
        raise KubernetesSecretsError(
            f"{self.text} no longer has the state of the {resource.kind}s in {namespace} from when the list began: "
            "the list took too long. Run the command again"
        )

    def count(self, namespace: str) -> int:
        """Return how many Secrets a namespace has, whatever their labels.

        Raises:
            KubernetesSecretsError: the request failed.
        """
        path = f"/api/v1/namespaces/{namespace}/secrets?limit=1"
        body = self._client.send(Call(path), "list", namespace, self._seconds).body
        page = self._read(partial(read_page, resource=SECRETS, namespace=namespace), body)
        return len(page.stored) + page.remaining

    def may(self, verb: str, namespace: str, name: str = "", *, resource: Resource = SECRETS, group: str = "") -> bool:
        """Return whether this user may do ``verb`` with the objects of a resource in a namespace, or with one of them.

        An empty ``namespace`` means all namespaces. The group is that of the API to which the resource belongs.
        https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access

        Raises:
            KubernetesSecretsError: the request failed.
        """
        attributes = {
            "verb": verb,
            "group": group,
            "resource": resource.plural,
            "namespace": namespace,
            "name": name,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
        }
        call = Call("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "POST", _json(review), "application/json")
        answer = self._document(self._client.send(call, "create", namespace, self._seconds).body)
        return bool((answer.get("status") or {}).get("allowed"))

    def may_list(self, namespace: str, resource: Resource) -> bool:
        """Return whether this user may list all objects of a resource in a namespace.

        Raises:
            KubernetesSecretsError: the request failed.
        """
        return self.may("list", namespace, resource=resource)

    def has_namespace(self, namespace: str) -> bool | None:
        """Return whether a namespace exists; ``None`` if this user may not know that.

        Lookups do not need this permission, and a refused request takes a second to be confirmed. So the permission is
        checked first.

        Raises:
            KubernetesSecretsError: the request failed.
        """
        if not self.may("get", namespace, namespace, resource=_NAMESPACES):
            return None
        try:
            self._client.send(Call(f"/api/v1/namespaces/{namespace}"), "get", namespace, self._seconds)
        except NotFoundError:
            return False
        return True

    def version(self) -> str:
        """Return the version of the API server, such as ``v1.34.1``; empty if this user may not read it.

        Raises:
            KubernetesSecretsError: the request failed.
        """
        try:
            answer = self._document(
                self._client.send(Call("/version"), "get", self.default_namespace, self._seconds).body
            )
        except ForbiddenError:
            return ""
        return str(answer.get("gitVersion", ""))

    def is_devserver(self) -> bool:
        """Return whether this is the devserver, which has no roles; false if the version cannot be read."""
        try:
            return self.version().endswith(DEVSERVER_VERSION)
        except KubernetesSecretsError:
            return False

    def user(self) -> str:
        """Return the user that the API server sees; empty if it is unknown.

        Kubernetes has SelfSubjectReview since 1.28. Older servers refuse it, and a refused request takes a second to be
        confirmed, so the permission is checked first. For these servers the name comes from the token of the service
        account.
        https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/self-subject-review-v1/
        """
        if self._as_user is not None:
            return self._as_user
        resource = _SELF_SUBJECT_REVIEWS
        review = {"apiVersion": f"{_AUTHENTICATION}/v1", "kind": resource.kind}
        call = Call(f"/apis/{_AUTHENTICATION}/v1/{resource.plural}", "POST", _json(review), "application/json")
        try:
            if not self.may("create", "", resource=resource, group=_AUTHENTICATION):
                return self._user_of_token()
            answer = self._document(self._client.send(call, "create", self.default_namespace, self._seconds).body)
            return str(((answer.get("status") or {}).get("userInfo") or {}).get("username", ""))
        except ApiError:
            return self._user_of_token()

    def _user_of_token(self) -> str:
        """Return the user that the token names; empty if it names none."""
        return str(token_claims(self.credentials.authorization()).get("sub", ""))

    def apply(
        self, manifest: Mapping[str, Any], *, force: bool = False, dry_run: bool = False, manager: str = FIELD_MANAGER
    ) -> StoredSecret:
        """Create or update a Secret by server-side apply, and return the result.

        https://kubernetes.io/docs/reference/using-api/server-side-apply/

        Args:
            force: whether to take over fields that others manage.
            dry_run: whether the API server only checks the Secret and does not store it.
            manager: the field manager. What it applied before and is not in this manifest is removed.

        Raises:
            ApiError: with status 409 if others manage one of the fields, and 422 if the Secret is invalid.
            KubernetesSecretsError: the request failed.
        """
        metadata = manifest["metadata"]
        path = (
            f"/api/v1/namespaces/{metadata['namespace']}/secrets/{quote(metadata['name'])}"
            f"?fieldManager={manager}&force={'true' if force else 'false'}{'&dryRun=All' if dry_run else ''}"
        )
        # The content type of an apply is YAML, and all JSON is YAML.
        call = Call(path, "PATCH", _json(manifest), "application/apply-patch+yaml")
        response = self._client.send(call, "patch", metadata["namespace"], self._seconds)
        read = partial(read_object, resource=SECRETS, namespace=metadata["namespace"], name=metadata["name"])
        return self._keep([self._read(read, response.body)])[0]

    def problems(self) -> Sequence[str]:
        """Return nothing. Only a folder can be readable in part."""
        return ()

    def layout_mistakes(self) -> Sequence[LayoutMistake]:
        """Return nothing, because there are no files."""
        return ()

    def misnamed(self, kind: Kind, identifier: str) -> Sequence[LayoutMistake]:
        """Return nothing, because there are no files."""
        return ()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _keep(self, stored: Sequence[StoredSecret]) -> Sequence[StoredSecret]:
        """Remember the metadata of these Secrets for :meth:`stored`, and return them."""
        for each in stored:
            self._stored[each.secret.full_name] = each
        return stored

    def _read(self, read: Callable[[bytes | bytearray], Result], body: bytes | bytearray) -> Result:
        """Parse a body. An error names the API server."""
        try:
            return read(body)
        except MalformedBodyError as error:
            problem = str(error)
        raise KubernetesSecretsError(
            f"{self.text}: {problem}. Check that it is a Kubernetes API server, and that nothing in between responds "
            "instead"
        )

    def _document(self, body: bytes | bytearray) -> dict[str, Any]:
        """Return the JSON object in a body."""
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if isinstance(answer, dict):
            return answer
        raise KubernetesSecretsError(
            f"{self.text}: the response is not JSON. Check that nothing in between responds instead"
        )


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode("ascii")
