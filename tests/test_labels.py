"""Label keys, values and selectors. The contract tests compare them with a real server."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_kubernetes_secrets.kubernetes.labels import (
    EXISTS,
    IN,
    NOT_EXISTS,
    NOT_IN,
    LabelSelector,
    Requirement,
    SelectorError,
    is_label_key,
    is_label_value,
)

KEYS = st.from_regex(r"\A([a-z0-9]{1,5}(\.[a-z0-9]{1,5}){0,2}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,8}[A-Za-z0-9])?\Z")
VALUES = st.from_regex(r"\A[A-Za-z0-9]([A-Za-z0-9_.-]{0,8}[A-Za-z0-9])?\Z")
REQUIREMENTS = st.one_of(
    st.builds(Requirement, KEYS, st.sampled_from([EXISTS, NOT_EXISTS]), st.just(())),
    st.builds(
        Requirement,
        KEYS,
        st.sampled_from([IN, NOT_IN]),
        st.sets(VALUES, min_size=1, max_size=3).map(lambda values: tuple(sorted(values))),
    ),
)
SELECTORS = st.lists(REQUIREMENTS, max_size=4).map(lambda all_of: LabelSelector(tuple(all_of)))


@given(SELECTORS)
def test_selector_survives_rendering_and_parsing(selector: LabelSelector) -> None:
    assert LabelSelector.parse(str(selector)) == selector


@given(st.text(max_size=70))
def test_equality_selector_matches_only_its_value(value: str) -> None:
    """For every id, either the selector is refused, or it matches exactly this id."""
    if not is_label_value(value):
        with pytest.raises(SelectorError):
            LabelSelector.equal("id", value)
        return
    parsed = LabelSelector.parse(str(LabelSelector.equal("id", value)))
    assert parsed.requirements == (Requirement("id", IN, (value,)),)
    assert parsed.matches({"id": value})


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("", {}, True),
        ("a=b", {"a": "b"}, True),
        ("a==b", {"a": "b"}, True),
        ("a=b", {"a": "c"}, False),
        ("a=b", {}, False),
        ("a=", {"a": ""}, True),
        ("a=", {}, False),
        ("a!=b", {"a": "c"}, True),
        ("a!=b", {}, True),
        ("a!=b", {"a": "b"}, False),
        ("a", {"a": ""}, True),
        ("a", {}, False),
        ("!a", {}, True),
        ("!a", {"a": "x"}, False),
        ("a in (b, c)", {"a": "c"}, True),
        ("a in (b,c)", {"a": "d"}, False),
        ("a notin (b,c)", {}, True),
        ("a notin (b,c)", {"a": "b"}, False),
        (" a = b , !c ", {"a": "b"}, True),
        ("a=b,!c", {"a": "b", "c": "x"}, False),
        ("a=b,c in (d,e),!f", {"a": "b", "c": "e"}, True),
        ("example.com/a=b", {"example.com/a": "b"}, True),
        ("a>1", {"a": "2"}, True),
        ("a > 1", {"a": "1"}, False),
        ("a>9", {"a": "10"}, True),
        ("a<10", {"a": "9"}, True),
        ("a<10,b", {"a": "010"}, False),
        ("a<5", {"a": "x"}, False),
        ("a<5", {}, False),
        ("a>5", {"a": "9223372036854775808"}, False),
    ],
)
def test_matching(text: str, labels: dict[str, str], matches: bool) -> None:
    assert LabelSelector.parse(text).matches(labels) is matches


@pytest.mark.parametrize(
    "text",
    [
        "=b",
        "a=b=c",
        "a b",
        "a in b",
        "a in (b",
        "!",
        "a,,b",
        "a=b,",
        "a/b/c=d",
        "a=x y",
        "-a",
        "a>",
        "a>x",
        "a>1.5",
        "a>-1",
        "a><1",
        "a>=1",
    ],
)
def test_invalid_selectors(text: str) -> None:
    with pytest.raises(SelectorError):
        LabelSelector.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "a," * 200_000,
        "a in (" + "b," * 200_000,
        "(," * 200_000,
        "a in (" + "b," * 200_000 + "b)",
        "a=b" + "," * 400_000,
    ],
    ids=["commas", "an open parenthesis", "many open ones", "values", "only commas"],
)
def test_parsing_time_is_linear(text: str) -> None:
    """Any client with permission to list can send one. Searching for each closing parenthesis again took hours."""
    began = time.process_time()
    with suppress(SelectorError):
        assert LabelSelector.parse(text).requirements
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("a", True, True),
        ("A_1.b-c", True, True),
        ("x" * 63, True, True),
        ("x" * 64, False, False),
        ("", False, False),
        ("-a", False, False),
        ("a.", False, False),
        ("a\n", False, False),
        ("ä", False, False),
        ("example.com/a", True, False),
        ("a..b/c", False, False),
    ],
)
def test_keys_and_values(text: str, key: bool, value: bool) -> None:
    assert is_label_key(text) is key
    assert is_label_value(text) is value
