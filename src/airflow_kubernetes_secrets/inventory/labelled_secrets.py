"""The objects with the labels that lookups use, from all namespaces that lookups search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from airflow_kubernetes_secrets.kubernetes.labels import BUNDLE
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.options.backend_kwargs import Options

# A placeholder in base64. In a bundle, the keys of the data are ids, but a blank key may not be shown.
_NO_VALUE = "eA=="


@dataclass(frozen=True)
class LabelledSecrets:
    """The objects with the labels that lookups use.

    Attributes:
        by_kind: the Secrets with the label of each kind; for variables also the ConfigMaps.
        bundles: those with the label of a bundle, whatever its value.
        without_effect: ConfigMaps with the label of another kind than variables.
    """

    by_kind: Mapping[Kind, Sequence[Secret]]
    bundles: Sequence[Secret]
    without_effect: Sequence[Secret]

    def only(self, is_included: Callable[[Kind, Secret], bool]) -> LabelledSecrets:
        """Return a copy with only some of the objects of each kind."""
        by_kind = {kind: [each for each in found if is_included(kind, each)] for kind, found in self.by_kind.items()}
        return replace(self, by_kind=by_kind)

    def without_values(self, options: Options) -> LabelledSecrets:
        """Return a copy without values, and without other labels and annotations than those that lookups use."""
        used = {kind.label(options) for kind in Kind} | {BUNDLE, options.team_label}

        def stripped(secret: Secret) -> Secret:
            labels = {key: text for key, text in secret.labels.items() if key in used}
            annotations = {key: text for key, text in (secret.annotations or {}).items() if key in used}
            keys = secret.keys_to_show(blank=True) if BUNDLE in labels else ()
            data = dict.fromkeys(keys, _NO_VALUE)
            of_class = type(secret)
            return of_class(secret.namespace, secret.name, "", labels, data, annotations=annotations or None)

        return LabelledSecrets(
            {kind: list(map(stripped, found)) for kind, found in self.by_kind.items()},
            list(map(stripped, self.bundles)),
            list(map(stripped, self.without_effect)),
        )
