"""``kubernetes/labels.py``: label selectors, as clients send them to the devserver, and the rules for names."""

from __future__ import annotations

from airflow_kubernetes_secrets.kubernetes.labels import (
    LabelSelector,
    SelectorError,
    is_data_key,
    is_label_key,
    is_label_value,
    is_namespace,
    is_subdomain,
)
from fuzz.target import Target
from fuzz.trial import Trial


def _run(trial: Trial, data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    trial.allow(text)  # The selector comes from the client that reads the error.
    for rule in (is_data_key, is_label_key, is_label_value, is_namespace, is_subdomain):
        rule(text)
    selector = trial.attempt(SelectorError, LabelSelector.parse, text)
    if selector is None:
        return
    again = LabelSelector.parse(str(selector))
    trial.claim(again == selector, "parsing the string of a selector returns an equal selector")
    for requirement in selector.requirements[:4]:
        # A label is compared with each value, so trying all of them would take quadratic time.
        for value in (*requirement.values[:100], "another"):
            labels = {requirement.key: value}
            trial.claim(
                selector.matches(labels) is again.matches(labels), "a selector and its string match the same labels"
            )


TARGET = Target(
    _run,
    tokens=(
        *(
            "airflow.apache.org/connection-id",
            "example.com/team",
            "=",
            "==",
            "!=",
            "!",
            ",",
            "(",
            ")",
            " in ",
            " notin ",
        ),
        *(" in (a,b)", " notin ()", "in", "notin", "a", " "),
    ),
)
