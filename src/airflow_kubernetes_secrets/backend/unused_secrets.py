"""What the backend logs about a lookup that finds several Secrets, or Secrets that it cannot use."""

from __future__ import annotations

import logging

from airflow_kubernetes_secrets.lookup.bundles import are_of_one_bundle, name_with_key
from airflow_kubernetes_secrets.lookup.selection import Decision
from airflow_kubernetes_secrets.messages import notices
from airflow_kubernetes_secrets.messages.listing import MOST_PROBLEMS, first_items, first_names
from airflow_kubernetes_secrets.sources.query import Query


def log_duplicates(decision: Decision) -> None:
    """Log which of several matches is used, and what to do with the others."""
    lookup, matches = decision.lookup, decision.matches
    others = first_names(map(name_with_key, matches[1:]), len(matches) - 1)
    what, order, remedy = _description(decision)
    notices.once(
        logging.WARNING,
        ("duplicates", f"{matches[0].object_kind}s", *map(name_with_key, matches[:MOST_PROBLEMS])),
        f"{lookup}: {len(matches)} {what}; {order} is used: {name_with_key(matches[0])}. Not used: {others}. {remedy}",
    )


def log_skipped(decision: Decision) -> None:
    """Log why Secrets for the id were skipped."""
    for problem, more in first_items(decision.skipped):
        text = f"{decision.lookup}: {problem}. This {problem.object_kind} is skipped{more and f',{more}'}"
        notices.once(logging.WARNING, ("skipped", str(problem)), text)


def _description(decision: Decision) -> tuple[str, str, str]:
    """Return what the matches of a lookup are, which of them is used, and what to do with the others."""
    matches = decision.matches
    order = "the first by age and name"
    if matches[0].bundle_key:
        remedy = "Remove the keys that should not match"
        if all(are_of_one_bundle(matches[0], each) for each in matches[1:]):
            return "keys of one bundle match", "the key that equals the id", remedy
        return "keys of bundles match", order, remedy
    if any(each.is_mounted for each in matches):
        return "mounted files or manifests have this id", order, "Remove or rename those that should not have it"
    objects = f"{matches[0].object_kind}s"
    return f"{objects} match {_query_of(decision)}", order, f"Delete or relabel the {objects} that should not match"


def _query_of(decision: Decision) -> Query:
    """Return the query that found the used Secret. Others may have followed or come before it."""
    used = decision.matches[0]
    found = (query for query in decision.queries if query.namespace in (None, used.namespace) and query.matches(used))
    return next(found, decision.queries[-1])
