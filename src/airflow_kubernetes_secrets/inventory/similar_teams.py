"""Suggestions for a team that nothing belongs to. Names of teams are case-sensitive."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from airflow_kubernetes_secrets.inventory.owning_teams import OwningTeams
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.suggestions import most_similar
from airflow_kubernetes_secrets.options.backend_kwargs import Options


def similar_team(
    team: str,
    options: Options,
    owners: OwningTeams,
    secrets: Iterable[Secret],
    may_reveal: Callable[[Secret, str], bool] = lambda _secret, _team: True,
) -> str:
    """Return a suggestion for a team; empty if something belongs to it, or if no team has a similar name.

    Args:
        secrets: the Secrets of the searched namespaces.
        may_reveal: whether the user may learn that a Secret belongs to a team.
    """
    known = dict.fromkeys(options.team_namespaces)
    if team in known:
        return ""
    for secret in secrets:
        for owner in filter(None, owners.teams(secret)):
            if owner == team:
                return ""
            if owner not in known and may_reveal(secret, owner):
                known[owner] = None
    by_folded = {each.lower(): each for each in known}
    similar = most_similar(team.lower(), by_folded, 1, 0.6)
    if not similar:
        return ""
    return f"No Secret and no option belongs to team {team!r}. Did you mean {by_folded[similar[0]]!r}?"
