"""The options of a delete: the DeleteOptions in the body or, if there is no body, the parameters in the query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from airflow_kubernetes_secrets_devserver.objects import ServedResource
from airflow_kubernetes_secrets_devserver.selection import number
from airflow_kubernetes_secrets_devserver.status import bad_request, conflict
from airflow_kubernetes_secrets_devserver.store import JsonObject
from airflow_kubernetes_secrets_devserver.validation import is_dry_run, validate_deletion


@dataclass(frozen=True)
class DeleteOptions:
    """What a delete requires of each object, and whether it is a dry run. An empty string requires nothing."""

    uid: str = ""
    version: str = ""
    dry_run: bool = False

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> DeleteOptions:
        """Return the options in a body.

        Raises:
            StatusError: 400, it is another kind or a value has another type; 422, the combination is not allowed.
        """
        if document.get("kind") not in (None, "", "DeleteOptions"):
            raise bad_request("the body of the request is no DeleteOptions")
        conditions = document.get("preconditions") or {}
        if not isinstance(conditions, Mapping):
            raise bad_request("preconditions must be an object")
        uid, version = (conditions.get(name) or "" for name in ("uid", "resourceVersion"))
        if not isinstance(uid, str) or not isinstance(version, str):
            raise bad_request("a precondition must be a string")
        seconds = document.get("gracePeriodSeconds")  # It has no effect here, but must be a number.
        if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int)):
            raise bad_request("gracePeriodSeconds must be a whole number")
        dry_run = document.get("dryRun") or []
        if not isinstance(dry_run, list):
            raise bad_request("dryRun must be a list of strings")
        validate_deletion(document)
        return cls(uid, version, is_dry_run(*dry_run))

    @classmethod
    def from_query(cls, query: QueryParams) -> DeleteOptions:
        """Return the options in a query.

        Raises:
            StatusError: 400, a value is not a number; 422, the combination is not allowed.
        """
        number(query, "gracePeriodSeconds")  # It has no effect here, but must be a number.
        validate_deletion(query)
        dry_run = is_dry_run(*query.getlist("dryRun"))
        return cls(query.get("uid", ""), query.get("resourceVersion", ""), dry_run)

    def check(self, resource: ServedResource, current: JsonObject) -> None:
        """Raise an error (409) if the object does not meet the preconditions."""
        for word, field, wanted in (("UID", "uid", self.uid), ("ResourceVersion", "resourceVersion", self.version)):
            found = current["metadata"][field]
            if wanted and wanted != found:
                why = f"the {word} in the precondition ({wanted}) does not match the {word} in record ({found})."
                happened = "deleted and then recreated" if field == "uid" else "modified"
                name = current["metadata"]["name"]
                raise conflict(resource.kind, name, f"{why} The object might have been {happened}")
