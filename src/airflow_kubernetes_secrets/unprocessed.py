"""What another tool has yet to do with a manifest before Kubernetes can have it: decrypt it, or fill in placeholders.

Kubernetes would store ciphertext and placeholders as they are. So no surface takes them for a value.

- SOPS: https://getsops.io/docs/
- argocd-vault-plugin: https://argocd-vault-plugin.readthedocs.io/en/stable/howitworks/
- Flux: https://fluxcd.io/flux/components/kustomize/kustomizations/#post-build-variable-substitution
- Helm: https://helm.sh/docs/chart_template_guide/
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

from airflow_kubernetes_secrets.documents import mapping
from airflow_kubernetes_secrets.labels import quoted_data_key, quoted_label_key
from airflow_kubernetes_secrets.record import Record


class Tool(Record):
    """A tool that has yet to run.

    Attributes:
        what: what there is of it in a manifest.
        remedy: what to do.
    """

    __slots__ = ("remedy", "what")

    def __init__(self, what: str, remedy: str) -> None:
        self.what = what
        self.remedy = remedy


SOPS = Tool("ciphertext of SOPS", "Decrypt it: sops decrypt FILE")
VAULT_PLUGIN = Tool("a placeholder of argocd-vault-plugin", "Render it: argocd-vault-plugin generate FILE")
FLUX = Tool(
    "a variable that Flux substitutes",
    "Substitute it: flux envsubst --strict < FILE. If the text is meant literally, set the annotation "
    "'kustomize.toolkit.fluxcd.io/substitute' to 'disabled'",
)
HELM = Tool("a template that is not rendered", "Render it: helm template CHART")

# What the annotations for Airflow begin with.
_OURS = "airflow.apache.org/"

_CIPHERTEXT = "ENC[AES256_GCM,"

_VAULT_PATH = re.compile(r"<[ \t]*path:[^#<>\r\n]+#[^<>\r\n]+>")
_VAULT_KEY = re.compile(r"<[ \t]*[^<>\s][^<>\r\n]*>")
_VAULT_ANNOTATION = "avp.kubernetes.io/path"

# What follows the name is a default, a part of the text, or a replacement.
_VARIABLE = re.compile(r"(?<!\$)\$\{[A-Za-z_][A-Za-z0-9_]*(?:[:=?+\-#%/^,][^{}]*)?\}")
_SUBSTITUTE = "kustomize.toolkit.fluxcd.io/substitute"

# An action of a Go template, or an expression of Jinja.
_ACTION = re.compile(r"\{\{-?([^{}]*)\}\}")

# What only a Helm chart has; and what any Go template may have, but no expression of Jinja, as DAGs use them.
_OF_A_CHART = re.compile(
    r"\.(?:Values|Release|Chart|Files|Capabilities|Template)\b|^[\s(]*(?:include|tpl|required|lookup)\s"
)
_OF_GO = re.compile(
    r"(?:^|[\s(])[.$](?:[A-Za-z_]|[\s)]|$)|^\s*(?:/\*|(?:if|else|end|range|with|define|template|block)\b|\w+\s+[\"`0-9(])"
)


def tool_of(text: str, annotations: dict[str, Any] | None = None) -> Tool | None:
    """The tool that has yet to make a text of this one.

    A text with white space outside of a placeholder is taken as it is, if only its form speaks for a placeholder: it
    may be a script or a template of its own. The texts in a JSON object are looked at one by one.

    Args:
        annotations: those of the manifest; some switch a tool on or off.
    """
    if _CIPHERTEXT in text:
        return SOPS
    if "<" not in text and "{" not in text:
        return None
    annotations = annotations or {}
    if _VAULT_PATH.search(text) or (_VAULT_ANNOTATION in annotations and _VAULT_KEY.search(text)):
        return VAULT_PLUGIN
    actions = _ACTION.findall(text)
    is_of_go = any(map(_OF_GO.search, actions)) and _is_in_one_word(text, _ACTION)
    if is_of_go or is_of_a_chart(text):
        return HELM
    if annotations.get(_SUBSTITUTE) != "disabled" and _is_in_one_word(text, _VARIABLE):
        return FLUX
    return None


def is_of_a_chart(text: str) -> bool:
    """Whether a text has an action of a template that only Helm can render."""
    return any(map(_OF_A_CHART.search, _ACTION.findall(text)))


def _is_in_one_word(text: str, placeholder: re.Pattern[str]) -> bool:
    """Whether there is no white space around a placeholder, in the text or in one of its texts, if it is JSON."""
    for each in _texts(text):
        rest, found = placeholder.subn("", each.strip())
        if found and not re.search(r"\s", rest):
            return True
    return False


def _texts(text: str) -> Iterator[str]:
    if not text.lstrip().startswith(("{", "[")):
        yield text
        return
    try:
        found = [json.loads(text)]
    except (ValueError, RecursionError):
        # It would be JSON with the values filled in.
        yield re.sub(r"\s", "", text)
        return
    while found:
        each = found.pop()
        if isinstance(each, str):
            yield each
        else:
            found += each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()


def tools_by_key(manifest: dict[str, Any]) -> dict[str, Tool]:
    """The keys of a Secret's data whose values are not there yet."""
    metadata = mapping(manifest, "metadata")
    # Flux takes its word from a label too.
    annotations = {**mapping(metadata, "labels"), **mapping(metadata, "annotations")}
    found = {}
    for field in ("data", "stringData"):
        for key, value in mapping(manifest, field).items():
            if isinstance(value, str) and (tool := _tool_of_value(field, value, annotations)):
                found[key] = tool
            else:
                found.pop(key, None)
    return found


def _tool_of_value(field: str, value: str, annotations: dict[str, Any]) -> Tool | None:
    if (tool := tool_of(value, annotations)) is not None or field != "data":
        return tool
    try:
        text = b64decode(value).decode()
    except ValueError:
        return None
    # These look into base64; the others do not.
    return tool if (tool := tool_of(text, annotations)) in (SOPS, VAULT_PLUGIN) else None


def is_encrypted(manifest: object) -> bool:
    """Whether a document, or a part of it, is encrypted: SOPS notes that at its top."""
    return isinstance(manifest, dict) and isinstance(manifest.get("sops"), dict) and manifest["sops"] != {}


def unprocessed(manifest: dict[str, Any]) -> str:
    """What of a Secret's manifest is not there yet, and what to do; empty if all of it is there."""
    metadata = mapping(manifest, "metadata")
    found = {"the manifest": SOPS if is_ciphertext(manifest.get("kind")) else None}
    found |= {
        f"label {quoted_label_key(key)}": tool_in_name(value) for key, value in mapping(metadata, "labels").items()
    }
    found |= {f"the {field}": tool_in_name(metadata.get(field)) for field in ("name", "namespace")}
    found |= {f"'{field}'": tool_in_name(manifest.get(field)) for field in ("data", "stringData")}
    found |= {f"key {quoted_data_key(key)}": tool for key, tool in tools_by_key(manifest).items()}
    found |= {f"annotation {quoted_label_key(key)}": tool for key, tool in _tools_by_annotation(metadata).items()}
    found["the manifest itself"] = SOPS if is_encrypted(manifest) else None
    return next((f"{where} is {tool.what}. {tool.remedy}" for where, tool in found.items() if tool is not None), "")


def tool_in_name(text: object) -> Tool | None:
    """The tool that has yet to make a name, or the value of a label, of this: these signs cannot be in one."""
    if not isinstance(text, str):
        return None
    patterns = ((FLUX, r"\$\{"), (HELM, r"\{\{"), (VAULT_PLUGIN, r"<[^<>]+>"))
    return tool_of(text) or next((tool for tool, pattern in patterns if re.search(pattern, text)), None)


def unrendered(text: str) -> str:
    """What a document is that cannot be read, and what to do, if it is a template; empty if it is none."""
    is_template = re.search(r"\{\{|\{%", text) is not None
    return f"it is {HELM.what}. {HELM.remedy}" if is_template else ""


def _tools_by_annotation(metadata: dict[str, Any]) -> dict[str, Tool]:
    """The annotations for Airflow whose values are not there yet; others may have signs of any sort."""
    annotations = mapping(metadata, "annotations")
    found = {
        key: tool_of(value, annotations)
        for key, value in annotations.items()
        if key.startswith(_OURS) and isinstance(value, str)
    }
    return {key: tool for key, tool in found.items() if tool is not None}


def known_part(manifest: dict[str, Any], some_value: str) -> tuple[dict[str, Any], dict[str, Tool], dict[str, Tool]]:
    """A Secret's manifest without what is not there yet, and the tools for that: by key of the data, and for the rest.

    Args:
        some_value: what takes the place of values, in base64.
    """
    metadata = dict(mapping(manifest, "metadata"))
    elsewhere = {}
    for field in ("name", "namespace"):
        if (tool := tool_in_name(metadata.get(field))) is not None:
            elsewhere[field] = tool
            metadata[field] = re.sub("[^a-z0-9]+", "-", metadata[field].lower()).strip("-") or "x"
    labels = {key: tool_in_name(value) for key, value in mapping(metadata, "labels").items()}
    for field, found in (("labels", labels), ("annotations", _tools_by_annotation(metadata))):
        absent = {key: tool for key, tool in found.items() if tool is not None}
        if absent:
            elsewhere |= {f"{field.removesuffix('s')} {quoted_label_key(key)}": each for key, each in absent.items()}
            metadata[field] = {key: text for key, text in metadata[field].items() if key not in absent}
    tools = tools_by_key(manifest)
    known = {**manifest, "metadata": metadata}
    for field in ("data", "stringData"):
        if (tool := tool_in_name(manifest.get(field))) is not None:
            elsewhere[field] = tool
            known[field] = {}
    for field in ("data", "stringData"):
        if tools and isinstance(values := known.get(field), dict):
            known[field] = {key: value for key, value in values.items() if key not in tools}
    if tools:
        known["data"] = {**mapping(known, "data"), **dict.fromkeys(tools, some_value)}
    return known, tools, elsewhere


def is_ciphertext(text: object) -> bool:
    """Whether SOPS has made a text, or a part of it."""
    return isinstance(text, str) and _CIPHERTEXT in text
