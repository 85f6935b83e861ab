"""The operations on the objects: create, update, patch, apply, delete, list. This module does not depend on HTTP."""

from __future__ import annotations

import datetime
import json
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from airflow_kubernetes_secrets_devserver import apply as server_side
from airflow_kubernetes_secrets_devserver import managers
from airflow_kubernetes_secrets_devserver.deletion import DeleteOptions
from airflow_kubernetes_secrets_devserver.objects import (
    NAMESPACES,
    RESOURCES,
    ServedResource,
    decode,
    is_being_deleted,
    named,
    refuse_unknown,
    repeated_owners,
    unknown_fields,
)
from airflow_kubernetes_secrets_devserver.selection import Page, Selection, write_token
from airflow_kubernetes_secrets_devserver.status import (
    Cause,
    StatusError,
    already_exists,
    bad_request,
    cannot_be_applied,
    conflict,
    expired,
    invalid,
    modified,
    not_found,
    not_to_be_deleted,
    success,
    version_too_large,
)
from airflow_kubernetes_secrets_devserver.store import HistoryGoneError, JsonObject, Key, Store
from airflow_kubernetes_secrets_devserver.validation import validate, validate_update

# The characters in the random ending of a generated name.
_ENDING_CHARACTERS = "bcdfghjklmnpqrstvwxz2456789"
_LONGEST_PREFIX = 58
# The metadata that an update cannot change.
_SET_HERE = (
    *("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"),
)
_PERMANENT_NAMESPACES = ("default", "kube-public", "kube-system")
_OTHER_NAMESPACE = "the namespace of the provided object does not match the namespace sent on the request"
_TOO_OLD = "The resourceVersion for the provided list is too old."
_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You must start a new list "
    "without the continue parameter."
)


@dataclass(frozen=True)
class WriteOptions:
    """The options of a write.

    Attributes:
        manager: the field manager of the fields that the write sets.
        dry_run: check the write without storing it.
        validation: what happens to unknown fields, which are always dropped, and to repeated fields: ``Ignore``,
            ``Warn`` or ``Strict``.
        repeated: an error message for each repeated field of the document.
        force: an apply takes over the fields of other managers.
        warnings: the warnings for the client; the write adds to them.
    """

    manager: str
    dry_run: bool = False
    validation: str = "Ignore"
    repeated: tuple[str, ...] = ()
    force: bool = False
    warnings: list[str] = field(default_factory=list)

    def decode(self, resource: ServedResource, document: object) -> JsonObject:
        """Return the object in ``document``, checking repeated and unknown fields; see :func:`objects.decode`."""
        unknown = unknown_fields(resource, document)
        if self.validation == "Strict":
            refuse_unknown(resource, unknown, self.repeated)
        elif self.validation == "Warn":
            self.warnings.extend([*self.repeated, *(f"unknown field {json.dumps(each)}" for each in unknown)])
        return decode(resource, document)


# The options for writes by the devserver itself and by its Python API.
OWN_WRITES = WriteOptions("airflow-kubernetes-secrets-devserver")


class Registry:
    """The rules between a request and the store. Every method may raise :class:`StatusError`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def get(self, resource: ServedResource, namespace: str, name: str, at_least: int | None = None) -> JsonObject:
        """Return an object.

        Args:
            at_least: the oldest version that the state of the server may have; None for any.
        """
        if at_least is not None and at_least > self.store.version:
            raise version_too_large(at_least, self.store.version)
        found = self.store.get(Key(resource.plural, namespace, name))
        if found is None:
            raise not_found(resource.plural, name)
        return found

    def create(
        self, resource: ServedResource, namespace: str, document: object, options: WriteOptions = OWN_WRITES
    ) -> JsonObject:
        """Create the object in ``document``, and return what is stored."""
        options.warnings.extend(repeated_owners(document))
        content = options.decode(resource, document)
        metadata = content["metadata"]
        if resource.namespaced and metadata.setdefault("namespace", namespace) != namespace:
            raise bad_request(_OTHER_NAMESPACE)
        version = metadata.pop("resourceVersion", "0")
        # The API ignores what is not a version.
        if not _why_no_version(version) and version.lstrip("0"):
            raise StatusError(500, "", "resourceVersion should not be set on objects to be created")
        metadata.pop("managedFields", None)
        content = managers.updated(content, None, options.manager, now())
        # The name is generated after the managers are set, because what comes with it has no manager.
        if metadata.get("generateName") and not metadata.get("name"):
            ending = "".join(secrets.choice(_ENDING_CHARACTERS) for _ in range(5))
            content = named(resource, content, metadata["generateName"][:_LONGEST_PREFIX] + ending)
        return self._create(resource, namespace, content, options)

    def _create(
        self, resource: ServedResource, namespace: str, content: JsonObject, options: WriteOptions
    ) -> JsonObject:
        if resource.namespaced and self.store.get(Key(NAMESPACES.plural, "", namespace)) is None:
            raise not_found(NAMESPACES.plural, namespace)
        validate(resource, content)
        key = Key(resource.plural, namespace, content["metadata"]["name"])
        if (found := self.store.get(key)) is not None:
            raise already_exists(resource.plural, key.name, is_being_deleted=is_being_deleted(found))
        born = {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
        content = {**content, "metadata": {**content["metadata"], **born}}
        return content if options.dry_run else self.store.put(key, content)

    def update(
        self, resource: ServedResource, namespace: str, name: str, document: object, options: WriteOptions = OWN_WRITES
    ) -> JsonObject:
        """Replace the object by the one in ``document``, and return what is stored."""
        options.warnings.extend(repeated_owners(document))
        content = options.decode(resource, document)
        return self._replace(resource, Key(resource.plural, namespace, name), content, options)

    def patch(
        self,
        resource: ServedResource,
        namespace: str,
        name: str,
        change: Callable[[JsonObject], object],
        options: WriteOptions = OWN_WRITES,
    ) -> JsonObject:
        """Replace the object with the result of ``change``."""
        current = self.get(resource, namespace, name)
        changed = change(current)
        options.warnings.extend(repeated_owners(changed, " after mutating admission happens"))
        try:
            content = options.decode(resource, changed)
        except StatusError as error:
            cause = Cause("FieldValueInvalid", f"Invalid value: {error.message}", "patch")
            raise invalid(resource.kind, name, [cause]) from None
        return self._replace(resource, Key(resource.plural, namespace, name), content, options)

    def apply(
        self, resource: ServedResource, namespace: str, name: str, document: object, options: WriteOptions = OWN_WRITES
    ) -> tuple[JsonObject, bool]:
        """Apply ``document`` on the server side. Returns the stored object, and whether it is new."""
        found = document if isinstance(document, dict) else {}
        version, kind = (found.get(each) or "" for each in ("apiVersion", "kind"))
        if not isinstance(document, dict) or (version, kind) != ("v1", resource.kind):
            raise bad_request(f"invalid object type: /{version}, Kind={kind}")
        decode(resource, document)
        metadata: Mapping[str, Any] = document.get("metadata") or {}
        problems = [f".{field}: field not declared in schema" for field in unknown_fields(resource, document)]
        problems += server_side.repeated_items(document)
        if problems:
            raise cannot_be_applied(resource.kind, f"{metadata.get('namespace') or ''}/{name}", problems)
        if metadata.get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        _check_name_and_namespace(
            Key(resource.plural, namespace, name), {"name": name, "namespace": namespace, **metadata}
        )
        if options.validation == "Strict" and options.repeated:
            raise bad_request("error strict decoding YAML: " + ", ".join(options.repeated))
        if options.validation == "Warn":
            options.warnings.extend(options.repeated)
        current = self.store.get(Key(resource.plural, namespace, name))
        identity = {"name": name, **({"namespace": namespace} if resource.namespaced else {})}
        whole = {**document, "metadata": {**metadata, **identity}}
        result = server_side.apply(current, whole, options.manager, now(), options.force)
        if options.manager == server_side.KUBECTL:
            result = server_side.record_last_applied(result, document)
        content = decode(resource, result)
        if current is None:
            return self._create(resource, namespace, content, options), True
        return self._replace(resource, Key(resource.plural, namespace, name), content, options, applied=True), False

    def _replace(
        self, resource: ServedResource, key: Key, content: JsonObject, options: WriteOptions, applied: bool = False
    ) -> JsonObject:
        metadata = content["metadata"]
        _check_name_and_namespace(key, metadata)
        current = self.get(resource, key.namespace, key.name)
        version = metadata.get("resourceVersion")
        if version and (why := _why_no_version(version)):
            raise StatusError(500, "", f"strconv.ParseUint: parsing {json.dumps(version)}: {why}")
        if version not in (None, "0", current["metadata"]["resourceVersion"]):
            raise modified(key.plural, key.name)
        uid = current["metadata"]["uid"]
        if metadata.get("uid", uid) != uid:
            why = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {uid}"
            raise conflict(key.plural, key.name, why)
        kept = {name: current["metadata"].get(name) for name in _SET_HERE}
        kept["namespace"] = key.namespace or None
        merged = {**metadata, **kept}
        content = {**content, "metadata": {name: value for name, value in merged.items() if value not in (None, "")}}
        if not applied:
            content = managers.updated(content, current, options.manager, now())
        validate(resource, content)
        validate_update(resource, content, current)
        if managers.differ_in_times_only(content, current):
            return current
        if options.dry_run:
            return content
        if is_being_deleted(content) and not content["metadata"].get("finalizers"):
            self.store.remove(key)
            return content
        return self.store.put(key, content)

    def delete(
        self,
        resource: ServedResource,
        namespace: str,
        name: str,
        options: DeleteOptions,
    ) -> JsonObject:
        """Delete an object. If it has finalizers, it is only marked; the update that clears them removes it.

        The objects of a deleted namespace are removed at once: there is no controller that waits for their finalizers.
        """
        if resource is NAMESPACES and name in _PERMANENT_NAMESPACES:
            raise not_to_be_deleted(NAMESPACES.plural, name)
        current = self.get(resource, namespace, name)
        options.check(resource, current)
        if not options.dry_run and resource is NAMESPACES:
            for each in RESOURCES.values():
                for key, _ in self.store.select(each.plural, name):
                    self.store.remove(key)
        marked = self._delete(Key(resource.plural, namespace, name), current, options)
        return success(name, resource.plural, current["metadata"]["uid"]) if marked is None else marked

    def _delete(self, key: Key, current: JsonObject, options: DeleteOptions) -> JsonObject | None:
        """Return the object marked as being deleted if it has finalizers; ``None`` if it was removed."""
        if not current["metadata"].get("finalizers"):
            if not options.dry_run:
                self.store.remove(key)
            return None
        if is_being_deleted(current):
            return current
        marks = {"deletionTimestamp": now(), "deletionGracePeriodSeconds": 0}
        marked = {**current, "metadata": {**current["metadata"], **marks}}
        return marked if options.dry_run else self.store.put(key, marked)

    def delete_collection(
        self,
        resource: ServedResource,
        namespace: str,
        selection: Selection,
        page: Page,
        options: DeleteOptions,
    ) -> JsonObject:
        """Delete the objects on one page of those that match, and return the list of them.

        The first object that does not meet the preconditions ends the deletion.
        """
        found = self.list(resource, namespace, selection, page)
        for item in found["items"]:
            key = Key(resource.plural, namespace, item["metadata"]["name"])
            # A page of an older version can contain objects that no longer exist.
            if (current := self.store.get(key)) is not None:
                options.check(resource, current)
                self._delete(key, current, options)
        return found

    def list(self, resource: ServedResource, namespace: str | None, selection: Selection, page: Page) -> JsonObject:
        """Return one page of the objects that match in ``namespace``, or in all namespaces if it is ``None``."""
        if page.at_least is not None and page.at_least > self.store.version:
            raise version_too_large(page.at_least, self.store.version)
        if page.exact is not None and page.exact > self.store.version:
            raise version_too_large(page.exact, self.store.version)
        after = None if page.after is None else Key(resource.plural, *page.after)
        try:
            rest = self.store.select(resource.plural, namespace, page.exact, after)
        except HistoryGoneError:
            raise expired(_TOO_OLD if after is None else _EXPIRED) from None
        matching = (item for item in rest if selection.matches(item[1]))
        # One more object shows whether there is another page.
        found = list(islice(matching, page.limit + 1 if page.limit else None))
        version = page.exact or self.store.version
        metadata: JsonObject = {"resourceVersion": str(version)}
        if page.limit and len(found) > page.limit:
            last = found[page.limit - 1][0]
            metadata["continue"] = write_token(version, (last.namespace, last.name), namespace)
            if not selection:
                metadata["remainingItemCount"] = len(rest) - page.limit
            found = found[: page.limit]
        items = [
            {name: value for name, value in content.items() if name not in ("kind", "apiVersion")}
            for _, content in found
        ]
        return {"kind": f"{resource.kind}List", "apiVersion": "v1", "metadata": metadata, "items": items}


def now() -> str:
    """Return the current time in the format of the API, in whole seconds."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _why_no_version(text: str) -> str:
    """Return why ``text`` is no version, in the words of Go; empty if it is one."""
    if not (text.isascii() and text.isdecimal()):
        return "invalid syntax"
    # Python refuses to convert thousands of digits.
    digits = text.lstrip("0")
    return "" if len(digits) <= 20 and int(digits or "0") < 2**64 else "value out of range"


def _check_name_and_namespace(key: Key, metadata: Mapping[str, Any]) -> None:
    """Raise an error (400) if an object has another name or namespace than the URL."""
    name, namespace = metadata.get("name"), metadata.get("namespace", key.namespace)
    if not name:
        raise bad_request(f"the name of the object ({key.name} based on URL) was undeterminable: name must be provided")
    if name != key.name:
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({key.name})")
    if key.namespace and namespace != key.namespace:
        raise bad_request(_OTHER_NAMESPACE)
