"""An index returns the same as a search through all Secrets, whatever happens to them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.sources.index import Index

LABEL = "airflow.apache.org/variable-key"
VALUES = ["a", "b", "c"]

names = st.sampled_from(["one", "two", "three", "four"])
labels = st.one_of(st.just(dict[str, str]()), st.sampled_from(VALUES).map(lambda value: {LABEL: value, "other": "x"}))
secrets = st.builds(Secret, st.just("airflow"), names, st.just(""), labels, st.just({}))
steps = st.lists(st.one_of(secrets, names))


@given(st.lists(secrets, unique_by=lambda secret: secret.name), steps)
def test_an_index_follows_every_change(listed: list[Secret], changes: list[Secret | str]) -> None:
    index = Index(LABEL, listed, "1", 0.0)
    model = {secret.name: secret for secret in listed}

    for change in changes:
        if isinstance(change, str):
            index.remove(change)
            model.pop(change, None)
        else:
            index.put(change)
            model[change.name] = change

        for value in VALUES:
            expected = [secret for secret in model.values() if secret.labels.get(LABEL) == value]
            assert sorted(index.find(value), key=id) == sorted(expected, key=id)
    assert len(index) == sum(LABEL in secret.labels for secret in model.values())


def test_earlier_result_of_an_index_does_not_change() -> None:
    before, after = (Secret("airflow", "one", created, {LABEL: "a"}, {}) for created in ("1", "2"))
    index = Index(LABEL, [before], "7", 0.0)
    found = index.find("a")

    index.put(after)
    assert index.find("a") == (after,)
    index.remove("one")

    assert index.find("a") == ()
    assert found == (before,)


def test_repr_of_an_index_shows_no_value() -> None:
    index = Index(LABEL, [Secret("airflow", "one", "", {LABEL: "a"}, {"value": "aHVudGVyMg=="})], "7", 0.0)

    assert repr(index) == f"<Index of {LABEL} with 1 Secrets, version 7>"
