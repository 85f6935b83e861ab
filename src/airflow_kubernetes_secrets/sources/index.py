"""An index in memory of all Secrets that have one label."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_kubernetes_secrets.kubernetes.objects import Secret


class Index:
    """The Secrets that have one label, by its value. It is complete, as of one version of the collection.

    Any thread may read it while one other thread changes it, and the process may fork at any moment. So each step is
    atomic. A Secret that moves to another value is for a moment under both values, and never under none.

    Attributes:
        resource_version: the version of the collection.
        confirmed_at: when the index was last known to match the API server, in seconds on the monotonic clock.
    """

    __slots__ = ("_by_name", "_by_value", "_label", "confirmed_at", "resource_version")

    def __init__(self, label: str, secrets: Iterable[Secret], resource_version: str, confirmed_at: float) -> None:
        self._label = label
        by_value: dict[str, list[Secret]] = {}
        for secret in secrets:
            value = secret.labels.get(label)
            if value is not None:
                by_value.setdefault(value, []).append(secret)
        self._by_value = {value: tuple(each) for value, each in by_value.items()}
        # Built on first use, since only a watch needs it.
        self._by_name: dict[str, Secret] | None = None
        self.resource_version = resource_version
        self.confirmed_at = confirmed_at

    def find(self, value: str) -> tuple[Secret, ...]:
        """Return the Secrets whose label has this value."""
        return self._by_value.get(value, ())

    def put(self, secret: Secret) -> None:
        """Add a Secret, or replace the one with the same name."""
        value = secret.labels.get(self._label)
        if value is None:
            self.remove(secret.name)
            return
        names = self._names()
        previous = names.get(secret.name)
        names[secret.name] = secret
        others = self.find(value)
        stays = previous is not None and previous.labels[self._label] == value
        if stays:
            others = tuple(other for other in others if other.name != secret.name)
        self._by_value[value] = (*others, secret)
        if previous is not None and not stays:
            self._leave(previous)

    def remove(self, name: str) -> None:
        """Remove the Secret with this name, if there is one."""
        previous = self._names().pop(name, None)
        if previous is not None:
            self._leave(previous)

    def __len__(self) -> int:
        return sum(map(len, list(self._by_value.values())))

    def __repr__(self) -> str:
        return f"<Index of {self._label} with {len(self)} Secrets, version {self.resource_version}>"

    def _leave(self, secret: Secret) -> None:
        value = secret.labels[self._label]
        remaining = tuple(other for other in self.find(value) if other.name != secret.name)
        if remaining:
            self._by_value[value] = remaining
        else:
            self._by_value.pop(value, None)

    def _names(self) -> dict[str, Secret]:
        if self._by_name is None:
            self._by_name = {secret.name: secret for secrets in self._by_value.values() for secret in secrets}
        return self._by_name
