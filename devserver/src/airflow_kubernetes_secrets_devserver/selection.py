"""The objects that a list or watch requests: label and field selectors, pages and versions, from the query.

https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from airflow_kubernetes_secrets.kubernetes.labels import LabelSelector, SelectorError
from airflow_kubernetes_secrets_devserver.objects import CONFIG_MAPS, ServedResource
from airflow_kubernetes_secrets_devserver.status import Cause, StatusError, bad_request, invalid
from airflow_kubernetes_secrets_devserver.store import JsonObject

_TOKEN_FORMAT = "meta.k8s.io/v1"  # noqa: S105  # the name of a format


@dataclass(frozen=True)
class Selection:
    """A label selector and a field selector, both of which must match."""

    labels: LabelSelector
    fields: tuple[tuple[str, bool, str], ...]
    resource: ServedResource

    @classmethod
    def from_query(cls, resource: ServedResource, query: Mapping[str, str]) -> Selection:
        """Return the selection of a query.

        Raises:
            StatusError: 400, a selector is invalid.
        """
        try:
            labels = LabelSelector.parse(query.get("labelSelector", ""))
        except SelectorError as error:
            raise bad_request(str(error)) from error
        # A term without a field and a value has no effect.
        fields = [term for term in _terms(query.get("fieldSelector", "")) if term[0] or term[2]]
        for name, _, _ in fields:
            _check_field(resource, name)
        return cls(labels, tuple(fields), resource)

    def __bool__(self) -> bool:
        return bool(self.labels.requirements or self.fields)

    def matches(self, found: JsonObject) -> bool:
        """Return whether an object matches both selectors."""
        return self.labels.matches(found["metadata"].get("labels", {})) and all(
            (self.resource.selectable[name](found) == value) is equal for name, equal, value in self.fields
        )


def _terms(selector: str) -> list[tuple[str, bool, str]]:
    """Return the terms of a field selector: a field, whether it must be equal, and a value.

    Raises:
        StatusError: 400, the selector is invalid.
    """
    # A backslash before a comma makes it a part of the value. The API server sorts the terms.
    return [_term(selector, part) for part in sorted(re.findall(r"(?:[^,\\]|\\.|\\\Z)+", selector, re.DOTALL))]


def _term(selector: str, text: str) -> tuple[str, bool, str]:
    found = re.fullmatch("(.*?)(!=|==|=)(.*)", text, re.DOTALL)
    if found is None:
        raise bad_request(f"invalid selector: '{selector}'; can't understand '{text}'")
    name, sign, value = found.groups()
    return name, sign != "!=", re.sub(r"\\.?|=", _unescaped, value, flags=re.DOTALL)


def _unescaped(found: re.Match[str]) -> str:
    """Return the character that an escape sequence in a value means."""
    if found[0] == "=":
        raise bad_request(f"invalid field selector: unescaped character in value: {ord('=')}")
    if found[0][1:] not in ("\\", ",", "="):
        raise bad_request(f"invalid field selector: invalid escape sequence: {found[0]}")
    return found[0][1:]


def _check_field(resource: ServedResource, name: str) -> None:
    """Raise an error (400) if a field selector cannot use the field."""
    if name not in resource.selectable and resource is CONFIG_MAPS:
        # The API server has no own rule for the fields of a ConfigMap, so the general message is used.
        known = ", ".join(f'"{each}"' for each in resource.selectable)
        raise bad_request(f'"{name}" is not a known field selector: only {known}')
    if name not in resource.selectable:
        raise bad_request(f"field label not supported: {name}")


def named_by(query: Mapping[str, str]) -> str:
    """Return the one name in the field selector, or an empty string. Authorization is decided for that name."""
    try:
        terms = _terms(query.get("fieldSelector", ""))
    except StatusError:
        return ""
    return next((value for name, equal, value in terms if equal and name == "metadata.name"), "")


def number(query: Mapping[str, str], name: str) -> int | None:
    """Return the whole number in the query, or ``None`` if it is not there; StatusError 400 if it is not a number."""
    text = query.get(name, "")
    if not text:
        return None
    sign = "-" if text.startswith("-") else ""
    try:
        return int(sign + _digits(text.removeprefix(sign or "+"), 63))
    except ValueError as error:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": {error}') from None


def _digits(text: str, bits: int) -> str:
    """Return the digits of an unsigned number of up to ``bits`` bits.

    Raises:
        ValueError: ``text`` is not such a number. The message is that of Go.
    """
    if re.fullmatch("[0-9]+", text) is None:
        raise ValueError("invalid syntax")
    digits = text.lstrip("0") or "0"
    if len(digits) > len(str(2**bits)) or int(digits) >= 2**bits:
        raise ValueError("value out of range")
    return digits


def flag(query: Mapping[str, str], name: str) -> bool:
    """Return whether the parameter is true. The API server reads every value as true except ``0`` and ``false``."""
    return name in query and query[name].lower() not in ("0", "false")


def version(text: str) -> int | None:
    """Return the resourceVersion of a list or watch; ``None`` if it is missing or 0: both request the current state.

    Raises:
        StatusError: 400, it is not a number.
    """
    try:
        return _version(text)
    except ValueError as error:
        raise bad_request(f"invalid resource version: {error}") from None


def version_of_object(text: str) -> int | None:
    """Return the resourceVersion of a request for one object, as :func:`version`.

    Raises:
        StatusError: 500, it is not a number; the API server reports this as an error of its own.
    """
    try:
        return _version(text)
    except ValueError as error:
        raise StatusError(500, "", str(error)) from None


def _version(text: str) -> int | None:
    if not text:
        return None
    try:
        return int(_digits(text, 64)) or None
    except ValueError as error:
        why = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": {error}'
    raise ValueError(why)


@dataclass(frozen=True)
class Page:
    """The part of a list that is requested, and the version of it.

    Attributes:
        limit: the highest number of objects; 0 is no limit.
        exact: the version of the list.
        at_least: the oldest version that the list may have.
        after: the namespace and name of the last object on the page before.
    """

    limit: int = 0
    exact: int | None = None
    at_least: int | None = None
    after: tuple[str, str] | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, str], namespace: str | None) -> Page:
        """Return the page of a query.

        Raises:
            StatusError: 400 or 422, the combination of parameters is not allowed.
        """
        limit = max(number(query, "limit") or 0, 0)
        requested, token = query.get("resourceVersion", ""), query.get("continue", "")
        check_match(query)
        number(query, "timeoutSeconds")  # It has no effect on a list, but must be a number.
        wanted = version(requested)
        if token:
            if wanted is not None:
                raise bad_request("specifying resource version is not allowed when using continue")
            snapshot, after = _read_token(token, namespace)
            return cls(limit, exact=snapshot, after=after)
        if requested == "0":
            # A real server answers this from its watch cache, which has no pages.
            return cls()
        match = query.get("resourceVersionMatch", "")
        # A list that can contain only one object is a read of this object, which is always the current one.
        is_one_object = namespace is not None and named_by(query)
        if match == "Exact" or (limit and not match and not is_one_object):
            return cls(limit, exact=wanted)
        return cls(limit, at_least=wanted)


def check_match(query: Mapping[str, str]) -> None:
    """Reject with 422 the uses of resourceVersionMatch and sendInitialEvents that the API forbids for a list."""
    match, requested = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    field, causes = "resourceVersionMatch", []
    if match and not requested:
        why = f"Forbidden: {field} is forbidden unless resourceVersion is provided"
        causes.append(Cause("FieldValueForbidden", why, field))
    elif match not in ("", "Exact", "NotOlderThan"):
        why = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
        causes.append(Cause("FieldValueNotSupported", why, field))
    elif match == "Exact" and requested == "0":
        why = f'Forbidden: {field} "exact" is forbidden for resourceVersion "0"'
        causes.append(Cause("FieldValueForbidden", why, field))
    if query.get("sendInitialEvents"):
        why = "Forbidden: sendInitialEvents is forbidden for list"
        causes.append(Cause("FieldValueForbidden", why, "sendInitialEvents"))
    if causes:
        raise invalid("ListOptions", "", causes, group="meta.k8s.io")


def check_watch(query: Mapping[str, str]) -> None:
    """Reject with 422 the uses of resourceVersionMatch and sendInitialEvents that the API forbids for a watch."""
    match, initial = query.get("resourceVersionMatch", ""), query.get("sendInitialEvents", "")
    field, only, causes = "resourceVersionMatch", "NotOlderThan", []
    if initial and match != only:
        why = f"Forbidden: sendInitialEvents requires setting {field} to {only}"
        causes.append(Cause("FieldValueForbidden", why, field))
    if match and not initial:
        why = f"Forbidden: {field} is forbidden for watch unless sendInitialEvents is provided"
        causes.append(Cause("FieldValueForbidden", why, field))
    if match and match != only:
        why = f'Unsupported value: "{match}": supported values: "{only}"'
        causes.append(Cause("FieldValueNotSupported", why, field))
    if causes:
        raise invalid("ListOptions", "", causes, group="meta.k8s.io")


def write_token(snapshot: int, last: tuple[str, str], namespace: str | None) -> str:
    """Return the ``continue`` token of a page that ends with ``last``, a namespace and a name."""
    start = "/" + (last[1] if namespace is not None else "/".join(last)) + "\0"
    text = json.dumps({"v": _TOKEN_FORMAT, "rv": snapshot, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(text: str, namespace: str | None) -> tuple[int, tuple[str, str]]:
    try:
        token = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        snapshot, start = int(token["rv"]), str(token["start"]).removeprefix("/").removesuffix("\0")
    except (binascii.Error, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise _bad_token("it is none of this server's") from error
    where, slash, name = start.rpartition("/")
    if token.get("v") != _TOKEN_FORMAT or bool(slash) is (namespace is not None):
        raise _bad_token("it belongs to another list")
    return snapshot, (where if namespace is None else namespace, name)


def _bad_token(why: str) -> StatusError:
    return bad_request(f"invalid continue token: continue key is not valid: {why}")
