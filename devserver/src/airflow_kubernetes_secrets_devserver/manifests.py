"""A folder of manifests: its Secrets, ConfigMaps and namespaces are served, and changes to the files are followed.

A change made through the API stays until the manifest of that object changes. Objects created through the API are not
touched. If a manifest names a namespace that does not exist, it is created; it stays when the manifest is removed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from watchfiles import awatch

from airflow_kubernetes_secrets.kubernetes.manifest_documents import RefusedError
from airflow_kubernetes_secrets.kubernetes.manifest_folder import Files, current_files, problem_of_error
from airflow_kubernetes_secrets.kubernetes.unprocessed import is_ciphertext, unprocessed
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets_devserver.objects import (
    NAMESPACES,
    RESOURCES,
    SECRETS,
    ServedResource,
    decode,
    refuse_unknown,
    unknown_fields,
)
from airflow_kubernetes_secrets_devserver.registry import Registry
from airflow_kubernetes_secrets_devserver.status import StatusError
from airflow_kubernetes_secrets_devserver.store import JsonObject, Key

_KINDS = {resource.kind: resource for resource in RESOURCES.values()}
# The interval at which the folder is read even without a reported change: some mounts report none.
LOOK_MILLISECONDS = 1000

_Objects = dict[Key, JsonObject]


class Manifests:
    """The manifests of one folder in a registry.

    Args:
        namespace: the namespace of manifests that name none.
        report: called with a line for each change and each problem. A line contains names, never values.
    """

    def __init__(self, folder: Path, registry: Registry, namespace: str, report: Callable[[str], None]) -> None:
        self._folder = folder
        self._registry = registry
        self._namespace = namespace
        self._report: Callable[[str], None] = lambda line: report(printable(line))
        self._files: Files[Key, JsonObject] = {}
        self._problems: Sequence[str] = ()
        self._served: _Objects = {}

    async def follow(self, stop: asyncio.Event) -> None:
        """Follow the folder until ``stop`` is set."""
        while not stop.is_set():
            changes = awatch(
                self._folder,
                stop_event=stop,
                watch_filter=None,
                debounce=50,
                step=20,
                rust_timeout=LOOK_MILLISECONDS,
                yield_on_timeout=True,
            )
            try:
                async for _ in changes:
                    self.load()
            except OSError:
                # The library watches nothing if it may not read one of the folders, so the files are read at intervals.
                self.load()
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(stop.wait(), LOOK_MILLISECONDS / 1000)

    def load(self) -> None:
        """Serve what the files contain now. If a part of a file cannot be read, its previous content stays."""
        try:
            files = current_files(str(self._folder), self._files, self._objects)
        except OSError as error:
            files = self._files
            problems = [f"{self._folder}: {problem_of_error(error)}; its previous content is still used"]
        else:
            problems = [problem for file in files.values() for problem in file.problems]
        for problem in problems:
            if problem not in self._problems:
                self._report(problem)
        self._problems = problems
        if files is not self._files:
            self._files = files
            self._serve(dict(each for file in files.values() for each in file.objects))

    def _objects(self, position: str, manifest: Any) -> Iterator[tuple[Key, JsonObject]]:
        """Yield the object of a manifest, if its kind is served.

        Raises:
            RefusedError: the API would reject the object, or another tool has yet to fill it in.
        """
        kind = manifest.get("kind") if isinstance(manifest, dict) else None
        resource = SECRETS if is_ciphertext(kind) else _KINDS.get(str(kind))
        if resource is not None and isinstance(manifest, dict):
            if resource is not NAMESPACES and (problem := unprocessed(manifest)):
                raise RefusedError(f"{resource.kind}: {problem}")
            try:
                yield self._object(resource, manifest)
            except StatusError as error:
                raise RefusedError(error.message) from None
        elif manifest is not None:
            self._report(f"{position}: {kind or 'a document without kind'} is not served")

    def _object(self, resource: ServedResource, document: JsonObject) -> tuple[Key, JsonObject]:
        refuse_unknown(resource, unknown_fields(resource, document))
        content = decode(resource, document)
        metadata = content["metadata"]
        for field in ("resourceVersion", "uid", "creationTimestamp", "managedFields"):
            metadata.pop(field, None)
        if resource.namespaced:
            metadata.setdefault("namespace", self._namespace)
        return Key(resource.plural, metadata.get("namespace", ""), metadata.get("name", "")), content

    def _serve(self, objects: _Objects) -> None:
        """Create, change and remove objects, so that those of the folder are served."""
        for key in self._served.keys() - objects.keys():
            if key.plural != NAMESPACES.plural and self._registry.store.get(key) is not None:
                self._registry.store.remove(key)
                self._report(f"{_name(key)}: removed")
        # Namespaces come first, because the others are created in them.
        for key in sorted(objects, key=lambda key: (key.plural != NAMESPACES.plural, key)):
            if objects[key] != self._served.get(key):
                try:
                    self._report(f"{_name(key)}: {self._put(key, objects[key])}")
                except StatusError as error:
                    self._report(f"{_name(key)}: not served: {error.message}")
        self._served = objects

    def _put(self, key: Key, content: JsonObject) -> str:
        resource, store = RESOURCES[key.plural], self._registry.store
        if key.namespace and store.get(Key(NAMESPACES.plural, "", key.namespace)) is None:
            self._registry.create(NAMESPACES, "", {"metadata": {"name": key.namespace}})
        current = store.get(key)
        if current is None:
            self._registry.create(resource, key.namespace, content)
            return "added"
        frozen = current.get("immutable") or current.get("type") != content.get("type")
        if frozen and any(current.get(field) != content.get(field) for field in resource.content):
            # Replace the object as `kubectl replace --force` does: a type and an immutable object cannot be changed.
            store.remove(key)
            self._registry.create(resource, key.namespace, content)
        else:
            self._registry.update(resource, key.namespace, key.name, content)
        return "changed"


def _name(key: Key) -> str:
    kind = RESOURCES[key.plural].kind
    return f"{kind} {key.namespace}/{key.name}" if key.namespace else f"{kind} {key.name}"
