"""The labels and annotations of one Secret: whether a lookup can find the Secret, and for which ids."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats.annotations import (
    ANNOTATIONS,
    CONNECTION_TYPE,
    DATA_KEY,
    KEY_PREFIX,
    LITERALS,
    SUGGESTION_CUTOFF,
    is_known_annotation,
    named_keys,
)
from airflow_kubernetes_secrets.formats.fields import key_of_whole_connection
from airflow_kubernetes_secrets.inventory.content import UNREADABLE
from airflow_kubernetes_secrets.inventory.id_corrections import correction, set_annotation, set_label
from airflow_kubernetes_secrets.inventory.label_keys import folded_name, is_airflows, known_labels, meant_label
from airflow_kubernetes_secrets.inventory.stored_secret import StoredSecret
from airflow_kubernetes_secrets.kubernetes.encoded_ids import is_uri, label_value, looks_hashed
from airflow_kubernetes_secrets.kubernetes.labels import (
    BUNDLE,
    LABEL_VALUE_RULE,
    is_data_key,
    is_label_key,
    is_label_value,
    is_namespace,
    is_subdomain,
    quoted_label_key,
)
from airflow_kubernetes_secrets.kubernetes.objects import CONFIG_MAPS, SECRETS, Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind, kinds_with_labels, labels_of_ids
from airflow_kubernetes_secrets.messages.listing import first_items, quoted
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.messages.problem_codes import ProblemCode
from airflow_kubernetes_secrets.messages.suggestions import nearest
from airflow_kubernetes_secrets.options.backend_kwargs import Options

# A placeholder that is not blank, for a value that only the store or the controller has.
SOME_VALUE = b64encode(b"x").decode("ascii")

INVALID_LABEL: Final = "invalid-label"
MISSING_ID_ANNOTATION: Final = "missing-id-annotation"
ID_LABEL_MISMATCH: Final = "id-label-mismatch"
NOT_LOOKED_UP: Final = "not-looked-up"
UNKNOWN_LABEL: Final = "unknown-label"
UNKNOWN_ANNOTATION: Final = "unknown-annotation"


def invalid_labels(manifest: Mapping[str, Any], options: Options) -> Iterator[Problem]:
    """Yield the labels in a manifest that the API would refuse, or that cannot hold an id."""
    metadata = manifest.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(labels, dict):
        return
    name, namespace = metadata.get("name"), metadata.get("namespace")
    kind = CONFIG_MAPS.kind if manifest.get("kind") == CONFIG_MAPS.kind else SECRETS.kind
    where = f"{namespace}/" if isinstance(namespace, str) and is_namespace(namespace) else ""
    is_valid = isinstance(name, str) and is_subdomain(name)
    named = f"{kind} {where}{name}" if is_valid else f"a {kind} {'with an invalid' if name else 'without a'} name"
    of_ids = labels_of_ids(options)
    is_for_airflow = any(label in labels for label in (*of_ids, BUNDLE))
    invalid = []
    for key, text in labels.items():
        value = "" if text is None else text  # the API reads a null as an empty value
        problem = _problem_of_key(key) or (_problem_of_id(value, key) if key in of_ids else _problem_of_value(value))
        if problem:
            invalid.append((key, problem))
    for (key, problem), more in first_items(invalid):
        yield Problem(INVALID_LABEL, f"{named}, label {quoted_label_key(key)}{more}: {problem}")
    team_label = options.team_label
    if team_label is not None and is_for_airflow and labels.get(team_label, "x") in ("", None):
        yield Problem(INVALID_LABEL, f"{named}: {empty_team(team_label)}")


def _problem_of_key(key: str) -> str:
    """Return why a string cannot be the key of a label; empty if it can."""
    return "" if is_label_key(key) else "that is not a valid label key. Correct it"


def _problem_of_value(value: object) -> str:
    """Return why a value cannot be the value of a label; empty if it can."""
    if not isinstance(value, str):
        return "the value is not a string. Put it in quotation marks"
    if value and not is_label_value(value):
        return f"that is not a valid label value: {LABEL_VALUE_RULE}. Choose another one"
    return ""


def _problem_of_id(value: object, label: str) -> str:
    """Return why a label's value cannot mark the Secret with an id; empty if it can."""
    if value == "":
        return "the value is empty, but an id is not. Write the id there"
    if not isinstance(value, str) or is_label_value(value):
        return _problem_of_value(value)
    if is_uri(value):
        return "the value is a URI, which is never looked up. Write the id there"
    if _may_contain_value(value):
        return "the value is JSON instead of an id. Write the id there"
    return (
        "an id that is too long for a label, or has other characters, needs another label "
        f"value. Write {label_value(value)!r} there, and the id in the annotation {label!r}"
    )


def _may_contain_value(identifier: str) -> bool:
    """Return whether an id looks like a connection as JSON.

    A label value is made from parts of the id, so a suggested label value could contain parts of a password.
    """
    return identifier.lstrip().startswith("{")


def problems_of_stored_id(stored: StoredSecret, label: str, options: Options) -> Iterator[Problem]:
    """Yield what prevents a Secret from being found by the intended id. If it is in a cluster, name the commands."""
    secret, annotations = stored.secret, stored.secret.annotations or {}
    for problem in problems_of_id(secret, label):
        if options.path is not None:
            yield problem
            continue
        if problem.code == MISSING_ID_ANNOTATION:
            # Only a user knows the id.
            remedy = correction(stored, options, "Add it", [set_annotation(options, secret, label, "ID")])
        elif problem.code == ID_LABEL_MISMATCH and annotations[label] and not _may_contain_value(annotations[label]):
            command = set_label(options, secret, label, label_value(annotations[label]))
            remedy = correction(stored, options, "If the annotation is right, set the label", [command])
        else:
            yield problem
            continue
        yield replace(problem, text=f"{problem.text}. {remedy}")


def problems_of_id(secret: Secret, label: str, missing_annotations: frozenset[str] = frozenset()) -> Iterator[Problem]:
    """Yield what prevents a Secret from being found by the intended id.

    Args:
        missing_annotations: annotations that do not reach the Secret, which another problem reports.
    """
    value, annotations = secret.labels[label], secret.annotations or {}
    if label not in annotations:
        if looks_hashed(value) and label not in missing_annotations:
            yield Problem(
                MISSING_ID_ANNOTATION,
                f"{secret.full_name}, label {label!r}: the value looks like one that is derived from another "
                f"id, and no annotation specifies the id. Add the annotation {label!r} with the exact "
                "id, or with the label's value if that is the id",
            )
    elif not annotations[label]:
        yield Problem(
            ID_LABEL_MISMATCH,
            f"{secret.full_name}, annotation {label!r}: it is empty, but an id is not. Write the id there, or remove "
            "it",
        )
    elif is_uri(annotations[label]):
        yield Problem(
            NOT_LOOKED_UP,
            f"{secret.full_name}, annotation {label!r}: it is a URI, which is never looked up. Write the id there",
        )
    elif label_value(annotations[label]) != value:
        remedy = "Correct the annotation"
        if not _may_contain_value(annotations[label]):
            remedy = f"For that id the label's value is {label_value(annotations[label])!r}; or correct the annotation"
        yield Problem(
            ID_LABEL_MISMATCH,
            f"{secret.full_name}: the label {label!r} does not match the id in the annotation with that "
            f"key, so the {secret.object_kind} is never used. {remedy}",
        )


def problems_of_annotations(secret: Secret, kind: Kind) -> Iterator[Problem]:
    """Yield an error for a Secret whose keys are unknown, if its annotations make every lookup fail."""
    annotations = secret.annotations or {}
    named = named_keys(annotations)
    if kind is not Kind.CONNECTION:
        named = {key: text for key, text in named.items() if key == DATA_KEY}
    for annotation, key in named.items():
        if not is_data_key(key):
            # The key is not quoted, because somebody may have put the password itself there.
            problem = (
                "it names a key that is not valid in data: 1 to 253 of A-Z, a-z, 0-9, '-', '_' and '.'. Correct it"
            )
            error = secret.malformed(annotation, problem, part="annotation")
            yield Problem(UNREADABLE, str(error))
            return
    if kind is Kind.CONNECTION:
        # Some unknown key may begin with the prefix.
        beginning = [f"{prefix}x" for prefix in (annotations.get(KEY_PREFIX),) if prefix and is_data_key(prefix)]
        data = dict.fromkeys((*named.values(), *beginning), SOME_VALUE)
        with_keys = Secret(secret.namespace, secret.name, "", secret.labels, data, annotations=annotations)
        try:
            key_of_whole_connection(with_keys, DATA_KEY)
        except MalformedSecretError as error:
            yield Problem(UNREADABLE, str(error))


def without_effect_on_config_map(secret: Secret, options: Options) -> Iterator[Problem]:
    """Yield an error for each label of a ConfigMap that means a connection or an option, which lookups do not read."""
    if secret.resource is CONFIG_MAPS:
        for kind, label in kinds_with_labels(options):
            if label in secret.labels and label != options.variables_label:
                text = f"only variables are read from ConfigMaps. Move this {kind.word} to a Secret"
                yield Problem(NOT_LOOKED_UP, f"{secret.full_name}, label {label!r}: {text}")


def problem_of_team_label(secret: Secret) -> Problem:
    """Return the problem of a configuration option's Secret that has the label of a team."""
    text = f"{secret.full_name}: it belongs to a team, but Airflow looks up options without a team. Remove that label"
    return Problem("not-looked-up", text, Severity.WARNING)


def empty_team(label: str) -> str:
    """Return what is wrong with a Secret whose label of a team is empty. It belongs to no team, and not to all teams.

    Args:
        label: the key of the label.
    """
    return f"its label {label} is empty, so no lookup finds it. Write the team there, or remove the label"


def problem_of_empty_team(secret: Secret, options: Options) -> Problem | None:
    """Return the problem of a Secret whose label of a team is empty; ``None`` if it is not."""
    label = options.team_label
    if label is None or secret.labels.get(label) != "":
        return None
    return Problem(NOT_LOOKED_UP, f"{secret.full_name}: {empty_team(label)}", Severity.WARNING)


def problems_of_metadata(stored: StoredSecret, options: Options) -> Iterator[Problem]:
    """Yield what is wrong with the metadata of a Secret, whether or not a lookup selects it."""
    secret = stored.secret
    yield from unknown_labels_and_annotations(secret, options)
    if stored.is_being_deleted:
        text = f"{secret.full_name}: it is being deleted and waits for a finalizer"
        yield Problem("being-deleted", text, Severity.WARNING)


def unknown_labels_and_annotations(secret: Secret, options: Options) -> Iterator[Problem]:
    """Yield warnings for labels and annotations that are like Airflow's but have no effect. Most are misspelt."""
    known = known_labels(options)
    unknown = [key for key in secret.labels if key not in known and is_airflows(key, known)]
    yield from _warnings(secret, UNKNOWN_LABEL, unknown, lambda key: _unknown(key, known))
    yield from _unknown_annotations(secret, options, known)
    # A blank value of any other annotation is an error that the lookup reports.
    annotations = secret.annotations or {}
    texts = (CONNECTION_TYPE, *(LITERALS[field] for field in ("host", "login", "schema")))
    blank = [key for key in texts if key in annotations and not annotations[key].strip()]
    problem = "it is blank and has no effect. Set a value, or remove it"
    yield from _warnings(secret, UNKNOWN_ANNOTATION, blank, lambda _key: problem)
    yield from _annotations_without_effect(secret, options)


def _unknown_annotations(secret: Secret, options: Options, known_labels: tuple[str, ...]) -> Iterator[Problem]:
    """Yield warnings for annotations that are misspelt, or that contain an id without the label of that key."""
    unknown = [
        key
        for key in secret.annotations or ()
        if not (is_known_annotation(key) or key in secret.labels)
        and not (key in known_labels and _is_referred_to(secret, options))
    ]

    def problem_of(key: str) -> str:
        if key in known_labels:
            return (
                f"it has no effect without the label of that key, which selects the {secret.object_kind}. Add the label"
            )
        return _unknown(key, known_labels)

    return _warnings(secret, UNKNOWN_ANNOTATION, unknown, problem_of)


def _annotations_without_effect(secret: Secret, options: Options) -> Iterator[Problem]:
    """Yield warnings for annotations that are valid, but not on such a Secret: on a bundle, or without a connection."""
    label = options.connections_label
    known = [key for key in secret.annotations or () if is_known_annotation(key)]
    if BUNDLE in secret.labels and secret.labels.keys().isdisjoint(labels_of_ids(options)):
        useless = known
        problem = "it has no effect in a bundle. Remove it, or create a Secret for the id that it describes"
    elif label is None or label in secret.labels or _is_referred_to(secret, options):
        return
    else:
        useless = [key for key in known if key != DATA_KEY]
        problem = (
            "it describes a connection, but only variables are read from ConfigMaps. Remove the annotation"
            if secret.resource is CONFIG_MAPS
            else f"it describes a connection, but the Secret does not have the label {label!r}. Add the label, or "
            "remove the annotation"
        )
    yield from _warnings(secret, UNKNOWN_ANNOTATION, useless, lambda _key: problem)


def _warnings(
    secret: Secret, code: ProblemCode, keys: Sequence[str], problem_of: Callable[[str], str]
) -> Iterator[Problem]:
    """Yield a warning for each of the first labels or annotations, and how many more there are.

    Args:
        problem_of: returns what is wrong with a label or annotation.
    """
    part = "label" if code == UNKNOWN_LABEL else secret.annotation_part
    for key, more in first_items(keys):
        yield Problem(code, f"{secret.full_name}, {part} {quoted(key)}{more}: {problem_of(key)}", Severity.WARNING)


def _unknown(key: str, labels: tuple[str, ...]) -> str:
    """Return what is wrong with a key that is neither a label nor an annotation of this package."""
    return f"it is unknown and has no effect{_meant(key, labels)}"


def misspelt_label(key: str, options: Options) -> str:
    """Return what is wrong with a key that is like those of Airflow's labels; empty if it is known, or another key."""
    labels = known_labels(options)
    if key in labels or is_known_annotation(key) or not is_airflows(key, labels):
        return ""
    return _unknown(key, labels)


def _is_referred_to(secret: Secret, options: Options) -> bool:
    """Return whether a reference in the options names this Secret."""
    names = options.referenced
    return secret.name in (*names.get(secret.namespace, ()), *names.get(None, ()))


def _meant(key: str, labels: tuple[str, ...]) -> str:
    """Return the end of the sentence about an unknown key: what was probably meant."""
    if is_known_annotation(key):
        return "; it is an annotation"
    meant = meant_label(key, labels)
    if not meant:
        # Only the names are compared, because the prefix would make all keys similar.
        known = {folded_name(each): each for each in (*ANNOTATIONS, *labels)}
        similar = nearest(folded_name(key), tuple(known), SUGGESTION_CUTOFF)
        if not similar:
            return f". The labels are {', '.join(labels)}; docs/reference/annotations.md has the annotations"
        meant = known[similar]
    return f"; did you mean the {'label' if meant in labels else 'annotation'} {meant!r}?"
