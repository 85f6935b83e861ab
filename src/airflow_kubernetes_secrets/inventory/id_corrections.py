"""Commands and remedies that correct the label or annotation with the id of an object."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_kubernetes_secrets.inventory.stored_secret import StoredSecret
from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from airflow_kubernetes_secrets.kubernetes.kubectl_commands import on_object
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.advice import command_lines
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.options.backend_kwargs import Options


def correction(stored: StoredSecret, options: Options, what: str, commands: Sequence[str]) -> str:
    """Return a change of an object as a sentence, with its commands unless they would have no lasting effect.

    An owner would undo the change, and a folder contains manifests instead of objects.

    Args:
        what: what to do, as the beginning of a sentence without its end.
        commands: those that do it.
    """
    owner = stored.owner
    if owner is not None and owner.controls:
        return f"{owner} manages it and would undo a change of it, so {what[0].lower()}{what[1:]} there"
    return what if options.path is not None else f"{what}:{command_lines(*commands)}"


def commands_for_id(options: Options, secret: Secret, label: str, identifier: str, wrong: str = "") -> list[str]:
    """Return the commands that label an object with an id.

    Args:
        wrong: a label to remove.
    """
    value = label_value(identifier)
    commands = [set_label(options, secret, label, value, wrong)]
    # If the value is not the id, an annotation must contain it.
    if identifier not in (value, (secret.annotations or {}).get(label)):
        commands.append(set_annotation(options, secret, label, identifier))
    return commands


def set_label(options: Options, secret: Secret, label: str, value: str, wrong: str = "") -> str:
    """Return the command that labels an object, and removes a wrong label; empty if there is none."""
    removed = [f"{wrong}-"] if wrong else []
    # kubectl refuses to change the value of a label that exists.
    changed = ["--overwrite"] if label in secret.labels else []
    return _on(options, secret, "label", f"{label}={value}", *removed, *changed)


def set_annotation(options: Options, secret: Secret, annotation: str, identifier: str) -> str:
    """Return the command that writes an id into an annotation of an object."""
    # A command cannot show an id with control characters.
    shown = identifier if printable(identifier) == identifier else "ID"
    changed = ["--overwrite"] if annotation in (secret.annotations or {}) else []
    return _on(options, secret, "annotate", f"{annotation}={shown}", *changed)


def _on(options: Options, secret: Secret, verb: str, *words: str) -> str:
    return on_object(options.kubectl, verb, secret.object_kind, secret.namespace, secret.name, *words)
