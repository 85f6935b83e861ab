"""Failures as the API reports them: a ``Status`` object with a code, a reason and, for invalid fields, causes.

Its format: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from airflow_kubernetes_secrets.errors import KubernetesSecretsError


@dataclass(frozen=True)
class Cause:
    """The error in one field. ``message`` never contains the value of a Secret."""

    reason: str
    message: str
    field: str

    def as_json(self) -> dict[str, Any]:
        """Return the cause as the API encodes it."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


class StatusError(KubernetesSecretsError):
    """A request failed. :meth:`status` returns the body of the response."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after = retry_after

    def status(self) -> dict[str, Any]:
        """Return the body of the response, a ``Status`` object."""
        head = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message}
        reason = {"reason": self.reason} if self.reason else {}
        details = {"details": self.details} if self.details is not None else {}
        return {**head, **reason, **details, "code": self.code}


def success(name: str, plural: str, uid: str) -> dict[str, Any]:
    """Return the response to a delete."""
    details = {"name": name, "kind": plural, "uid": uid}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def bad_request(message: str) -> StatusError:
    """Return a 400."""
    return StatusError(400, "BadRequest", message)


def unauthorized() -> StatusError:
    """Return the 401 for an unknown token."""
    return StatusError(401, "Unauthorized", "Unauthorized")


def not_found(plural: str, name: str) -> StatusError:
    """Return the 404 for an object that does not exist."""
    return StatusError(404, "NotFound", f'{plural} "{name}" not found', {"name": name, "kind": plural})


def not_to_be_deleted(plural: str, name: str) -> StatusError:
    """Return the 403 for a namespace that every cluster has."""
    text = f'{plural} "{name}" is forbidden: this namespace may not be deleted'
    return StatusError(403, "Forbidden", text, {"name": name, "kind": plural})


def no_such_path() -> StatusError:
    """Return the 404 for a path that the API does not have."""
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def method_not_allowed() -> StatusError:
    """Return the 405 for a path that does not support the method."""
    text = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", text, {})


def already_exists(plural: str, name: str, *, is_being_deleted: bool) -> StatusError:
    """Return the 409 for a create of an existing object."""
    text = f'{"object is being deleted: " if is_being_deleted else ""}{plural} "{name}" already exists'
    return StatusError(409, "AlreadyExists", text, {"name": name, "kind": plural})


def conflict(plural: str, name: str, why: str) -> StatusError:
    """Return a 409 for an object that cannot be changed."""
    text = f'Operation cannot be fulfilled on {plural} "{name}": {why}'
    return StatusError(409, "Conflict", text, {"name": name, "kind": plural})


def modified(plural: str, name: str) -> StatusError:
    """Return the 409 for an update of a version that is not the latest."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(plural, name, why)


def apply_conflict(conflicts: Sequence[tuple[str, str]]) -> StatusError:
    """Return the 409 for an apply that would change fields of other managers.

    Args:
        conflicts: pairs of a manager and a field, ordered by manager.
    """
    causes = [Cause("FieldManagerConflict", f"conflict with {manager}", field) for manager, field in conflicts]
    if len(conflicts) == 1:
        text = "1 conflict: " + ": ".join((causes[0].message, causes[0].field))
    else:
        fields: dict[str, list[str]] = {}
        for manager, field in conflicts:
            fields.setdefault(manager, []).append(f"- {field}")
        listed = (line for manager, each in fields.items() for line in (f"conflicts with {manager}:", *each))
        text = f"{len(conflicts)} conflicts: " + "\n".join(listed)
    return StatusError(409, "Conflict", f"Apply failed with {text}", {"causes": [cause.as_json() for cause in causes]})


def cannot_be_applied(kind: str, full_name: str, problems: Sequence[str]) -> StatusError:
    """Return the error for an apply with unknown fields or repeated items; the API reports these as code 500.

    Args:
        full_name: the namespace and the name in the object.
    """
    listed = problems[0] if len(problems) == 1 else "errors:\n" + "\n".join(f"  {each}" for each in problems)
    return StatusError(500, "", f"failed to create typed patch object ({full_name}; /v1, Kind={kind}): {listed}")


def expired(message: str) -> StatusError:
    """Return the 410 for a version that is no longer in the history."""
    return StatusError(410, "Expired", message)


def invalid(kind: str, name: str, causes: Sequence[Cause], group: str = "") -> StatusError:
    """Return a 422 with every invalid field. Several causes are summarised in a list."""
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    summary = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    subject = f"{kind}.{group}" if group else kind
    details = {"name": name, "group": group, "kind": kind, "causes": [cause.as_json() for cause in causes]}
    return StatusError(
        422,
        "Invalid",
        f'{subject} "{name}" is invalid: {summary}',
        {key: each for key, each in details.items() if each},
    )


def version_too_large(wanted: int, current: int) -> StatusError:
    """Return the 504 for a version that is in the future."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    text = f"Timeout: Too large resource version: {wanted}, current: {current}"
    return StatusError(504, "Timeout", text, {"causes": [cause], "retryAfterSeconds": 1}, retry_after=1)
