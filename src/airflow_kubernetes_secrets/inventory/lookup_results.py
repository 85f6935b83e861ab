"""The result of the lookup of one id: the Secret that it selects, and why it does not select the others."""

from __future__ import annotations

from collections.abc import Set
from copy import copy
from typing import Final

from airflow_kubernetes_secrets.errors import KubernetesSecretsError, MalformedSecretError
from airflow_kubernetes_secrets.inventory.content import UNREADABLE
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.bundles import are_of_one_bundle, name_with_key
from airflow_kubernetes_secrets.lookup.selection import Decision, Outcome
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.messages.problem_codes import ProblemCode

BLOCKED: Final = "blocked"


class LookupResult:
    """The result of the lookup of one id.

    Thousands of Secrets can have the same id, and each of their entries has the reason why it is not selected. So the
    result holds a set and a mapping that find a Secret in constant time.

    Attributes:
        selected: the selected Secret; ``None`` if there is none.
        matches: the identities of the Secrets that could be selected.
        skipped: the errors of skipped Secrets, by kind, namespace and name.
    """

    def __init__(self, outcome: Decision | KubernetesSecretsError) -> None:
        self.outcome = outcome
        self.selected: Secret | None = None
        self.matches: Set[tuple[str, str]] = frozenset()
        self.skipped: dict[tuple[str, str, str], MalformedSecretError] = {}
        if isinstance(outcome, Decision):
            self.selected = outcome.secret
            self.matches = set(map(identity_of, outcome.matches))
            for error in outcome.skipped:
                self.skipped.setdefault((error.object_kind, error.namespace, error.secret), error)
        elif isinstance(outcome, MalformedSecretError):
            self.skipped = {(outcome.object_kind, outcome.namespace, outcome.secret): outcome}

    @property
    def selects_none(self) -> bool:
        """Whether no Secret is selected and no error ends the lookup, so that it may fall back."""
        return isinstance(self.outcome, Decision) and self.selected is None

    def as_fallback_after(self, own: LookupResult) -> LookupResult:
        """Return this result for a team that has no Secret of its own. All such teams share the large attributes."""
        result = copy(self)
        result.skipped = own.skipped
        return result

    def selects(self, secret: Secret) -> bool:
        """Return whether a lookup selects this Secret.

        Names are compared, since a Secret that is read by name and by label is two objects.
        """
        return self.selected is not None and identity_of(self.selected) == identity_of(secret)

    def why_not(self, secret: Secret) -> Problem:
        """Return why the lookup does not select this Secret, which has its id."""
        outcome, selected, shown = self.outcome, self.selected, f"{secret.object_kind} {name_with_key(secret)}"
        identity = (secret.object_kind, secret.namespace, secret.name)
        if identity in self.skipped:
            return Problem(UNREADABLE, str(self.skipped[identity]))
        if isinstance(outcome, KubernetesSecretsError):
            return Problem(BLOCKED, f"{shown}: a lookup of its id fails: {outcome}")
        if selected is None:
            return unreached_problem(shown, outcome)
        used = f"{selected.object_kind} {name_with_key(selected)}"
        if identity_of(secret) in self.matches:
            why = f"{used} has the same id, and {_precedence(selected, secret)}"
            if are_of_one_bundle(selected, secret):
                why = f"{used} equals the id, and this key is a variable's name for it"
            return Problem("duplicate-id", f"{shown}: {why}, so that one is used. Change one of them", Severity.WARNING)
        return Problem("hidden", f"{shown}: {used} is used for its id, because it is searched first", Severity.WARNING)


def _precedence(selected: Secret, other: Secret) -> str:
    """Return why the selected one of two Secrets with the same id in one namespace takes precedence."""
    if selected.created != other.created:
        return "is older"
    return "comes first by name" if selected.name != other.name else "comes first"


def identity_of(secret: Secret) -> tuple[str, str]:
    """Return the full name of a Secret; for an entry of a bundle, the key too."""
    return secret.full_name, secret.bundle_key


def unreached_problem(secret: str, decision: Decision) -> Problem:
    """Return the problem of a Secret that no lookup of its id can select, because of the options or the id."""
    outside = decision.outcome in (Outcome.OUTSIDE_PATTERN, Outcome.TOO_LONG)
    code: ProblemCode = "outside-pattern" if outside else "not-looked-up"
    text = f"{secret}: a lookup of its id does not reach it: {decision.outcome}"
    return Problem(code, text, Severity.WARNING)
