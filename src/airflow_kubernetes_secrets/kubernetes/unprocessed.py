"""Detect what another tool must still process in a manifest: ciphertext to decrypt, or placeholders to fill in.

Kubernetes would store ciphertext and placeholders unchanged, so no part of this package uses them as values.

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

import msgspec

from airflow_kubernetes_secrets.kubernetes.json_and_yaml import mapping
from airflow_kubernetes_secrets.kubernetes.labels import ANNOTATION_PREFIX, quoted_data_key, quoted_label_key


class Tool(msgspec.Struct, frozen=True):
    """A tool that has not processed a manifest yet.

    Attributes:
        what: what the manifest contains for this tool.
        remedy: what the user should do.
    """

    what: str
    remedy: str


SOPS = Tool("ciphertext of SOPS", "Decrypt it: sops decrypt FILE")
VAULT_PLUGIN = Tool("a placeholder of argocd-vault-plugin", "Render it: argocd-vault-plugin generate FILE")
FLUX = Tool(
    "a variable that Flux substitutes",
    "Substitute it: flux envsubst --strict < FILE. If the text is meant literally, set the annotation "
    "'kustomize.toolkit.fluxcd.io/substitute' to 'disabled'",
)
HELM = Tool("a template that is not rendered", "Render it: helm template CHART")

# The fields of a Secret or ConfigMap that contain values.
_DATA = ("data", "stringData", "binaryData")

# SOPS decrypts only what has all of these parts. Without them, the text is a value like any other.
_CIPHERTEXT = re.compile(r"ENC\[AES256_GCM,data:[^\[\]]+,iv:[^\[\]]+,tag:[^\[\]]+,type:[^\[\]]+\]")

_VAULT_PATH = re.compile(r"<[ \t]*path:[^#<>\r\n]+#[^<>\r\n]+>")
_VAULT_KEY = re.compile(r"<[ \t]*[^<>\s][^<>\r\n]*>")
_VAULT_ANNOTATION = "avp.kubernetes.io/path"

# The name may be followed by a default, a substring expression or a replacement.
_VARIABLE = re.compile(r"(?<!\$)\$\{[A-Za-z_][A-Za-z0-9_]*(?:[:=?+\-#%/^,][^{}]*)?\}")
_SUBSTITUTE = "kustomize.toolkit.fluxcd.io/substitute"

# An action of a Go template, or an expression of Jinja.
_ACTION = re.compile(r"\{\{-?([^{}]*)\}\}")

# The first pattern matches what only a Helm chart has. The second matches what any Go template may have, but no
# expression of Jinja as DAGs use them.
_OF_A_CHART = re.compile(
    r"\.(?:Values|Release|Chart|Files|Capabilities|Template)\b|^[\s(]*(?:include|tpl|required|lookup)\s"
)
_OF_GO = re.compile(
    r"(?:^|[\s(])[.$](?:[A-Za-z_]|[\s)]|$)|^\s*(?:/\*|(?:if|else|end|range|with|define|template|block)\b|\w+\s+[\"`0-9(])"
)


def tool_of(text: str, annotations: dict[str, Any] | None = None) -> Tool | None:
    """Return the tool that must still process a string; ``None`` if there is none.

    Some placeholders are recognised by their form alone. If the string has white space outside of them, they do not
    count, because it may be a script or a template of its own. The strings in a JSON object are checked one by one.

    Args:
        annotations: the annotations of the manifest. Some switch a tool on or off.
    """
    if is_ciphertext(text):
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
    """Return whether a string has a template action that only Helm can render."""
    return any(map(_OF_A_CHART.search, _ACTION.findall(text)))


def _is_in_one_word(text: str, placeholder: re.Pattern[str]) -> bool:
    """Return whether a string has a placeholder and no white space outside of it. In JSON, each string is checked."""
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
        # With its placeholders filled in, this would be JSON.
        yield re.sub(r"\s", "", text)
        return
    while found:
        each = found.pop()
        if isinstance(each, str):
            yield each
        else:
            found += each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()


def tools_by_key(manifest: dict[str, Any]) -> dict[str, Tool]:
    """Return the keys of a Secret's data whose values must still be processed, with the tool for each."""
    metadata = mapping(manifest, "metadata")
    # Flux also reads its setting from a label.
    annotations = {**mapping(metadata, "labels"), **mapping(metadata, "annotations")}
    found = {}
    for field in _DATA:
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
    # Only SOPS and argocd-vault-plugin look into base64.
    return tool if (tool := tool_of(text, annotations)) in (SOPS, VAULT_PLUGIN) else None


def is_encrypted_by_sops(manifest: object) -> bool:
    """Return whether a document, or a part of it, is encrypted: SOPS adds its notes at the top level."""
    return isinstance(manifest, dict) and isinstance(manifest.get("sops"), dict) and manifest["sops"] != {}


def unprocessed(manifest: dict[str, Any]) -> str:
    """Return what in a Secret's manifest must still be processed, and how; empty if the manifest is complete."""
    metadata = mapping(manifest, "metadata")
    found = {"the manifest": SOPS if is_ciphertext(manifest.get("kind")) else None}
    found |= {
        f"label {quoted_label_key(key)}": tool_in_name(value) for key, value in mapping(metadata, "labels").items()
    }
    found |= {f"the {field}": tool_in_name(metadata.get(field)) for field in ("name", "namespace")}
    found |= {f"'{field}'": tool_in_name(manifest.get(field)) for field in _DATA}
    found |= {f"key {quoted_data_key(key)}": tool for key, tool in tools_by_key(manifest).items()}
    found |= {f"annotation {quoted_label_key(key)}": tool for key, tool in _tools_by_annotation(metadata).items()}
    found["the manifest itself"] = SOPS if is_encrypted_by_sops(manifest) else None
    return next((f"{where} is {tool.what}. {tool.remedy}" for where, tool in found.items() if tool is not None), "")


def tool_in_name(text: object) -> Tool | None:
    """Return the tool that must still process a name or label value. Neither can contain the signs of a placeholder."""
    if not isinstance(text, str):
        return None
    patterns = ((FLUX, r"\$\{"), (HELM, r"\{\{"), (VAULT_PLUGIN, r"<[^<>]+>"))
    return tool_of(text) or next((tool for tool, pattern in patterns if re.search(pattern, text)), None)


def unrendered(text: str) -> str:
    """Return that an unreadable document is a template, and how to render it; empty if it is not a template."""
    is_template = re.search(r"\{\{|\{%", text) is not None
    return f"it is {HELM.what}. {HELM.remedy}" if is_template else ""


def _tools_by_annotation(metadata: dict[str, Any]) -> dict[str, Tool]:
    """Return the annotations for Airflow that must still be processed. Others may look like placeholders."""
    annotations = mapping(metadata, "annotations")
    found = {
        key: tool_of(value, annotations)
        for key, value in annotations.items()
        if key.startswith(ANNOTATION_PREFIX) and isinstance(value, str)
    }
    return {key: tool for key, tool in found.items() if tool is not None}


def known_part(manifest: dict[str, Any], some_value: str) -> tuple[dict[str, Any], dict[str, Tool], dict[str, Tool]]:
    """Return a Secret's manifest without what must still be processed, and the tools for that.

    Args:
        some_value: replaces each value that must still be processed, in base64.

    Returns:
        The manifest; the tools by key of the data; the tools for the other parts, by their name.
    """
    metadata = dict(mapping(manifest, "metadata"))
    unprocessed_fields = {}
    for field in ("name", "namespace"):
        if (tool := tool_in_name(metadata.get(field))) is not None:
            unprocessed_fields[field] = tool
            metadata[field] = re.sub("[^a-z0-9]+", "-", metadata[field].lower()).strip("-") or "x"
    labels = {key: tool_in_name(value) for key, value in mapping(metadata, "labels").items()}
    for field, found in (("labels", labels), ("annotations", _tools_by_annotation(metadata))):
        absent = {key: tool for key, tool in found.items() if tool is not None}
        if absent:
            unprocessed_fields |= {
                f"{field.removesuffix('s')} {quoted_label_key(key)}": each for key, each in absent.items()
            }
            metadata[field] = {key: text for key, text in metadata[field].items() if key not in absent}
    tools = tools_by_key(manifest)
    known = {**manifest, "metadata": metadata}
    for field in _DATA:
        if (tool := tool_in_name(manifest.get(field))) is not None:
            unprocessed_fields[field] = tool
            known[field] = {}
    for field in _DATA:
        if tools and isinstance(values := known.get(field), dict):
            known[field] = {key: value for key, value in values.items() if key not in tools}
    if tools:
        known["data"] = {**mapping(known, "data"), **dict.fromkeys(tools, some_value)}
    return known, tools, unprocessed_fields


def is_ciphertext(text: object) -> bool:
    """Return whether SOPS encrypted a string, or a part of it."""
    return isinstance(text, str) and _CIPHERTEXT.search(text) is not None
