"""A lookup pattern takes little time for any id, or is refused."""

from __future__ import annotations

import re
import time
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_kubernetes_secrets.errors import OptionError
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup, Outcome, decide
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.options.pattern_cost import longest_id

# The maximum length of Airflow's ids.
LONGEST = 250

# Seconds, far above what is measured, and far below the time without limits.
SECONDS = 10.0


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|aa)+$",
        "(?:a|a)*$",
        "(a*)*b",
        "([a-z]+_)*x",
        "(?i:(a+)+)b",
        "(?=(a+)+$)x",
        "(?:.*a){12}x",
        "(a?){64}a{64}",
        "a?" * 40 + "a" * 40,
        ".*" * 8 + "x",
        "(" * 40 + "a" + "+)" * 40,
        "a*" * 2_000 + "b",
    ],
)
def test_pattern_that_could_take_minutes_is_refused(pattern: str) -> None:
    began = time.process_time()
    with pytest.raises(OptionError, match="variables_lookup_pattern must be a regular expression; this one could take"):
        Options.parse({"variables_lookup_pattern": pattern})
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("k8s_", "k8s_x"),
        ("(?!cosmos__)", "x"),
        ("^(dev|prod)_.*$", "prod_x"),
        ("(dev_)?[a-z]+_db$", "dev_orders_db"),
        ("^(?!.*test).*_prod.*$", "x_prod_y"),
        (".*_a.*_b.*", "x_a_b"),
        ("[a-z]{1,20}(_[a-z]{1,20})?", "a_b"),
        ("(a|b)*c", "abc"),
        ("|".join(f"team{number}_db" for number in range(500)), "team499_db"),
    ],
)
def test_accepted_patterns_cover_the_longest_id_of_airflow(pattern: str, found: str) -> None:
    Options.parse({"connections_lookup_pattern": pattern})

    assert longest_id(pattern) >= LONGEST
    assert re.match(pattern, found, re.IGNORECASE)


def test_repetitions_shorten_the_longest_id() -> None:
    options = Options.parse({"variables_lookup_pattern": ".*.*.*.*x"})
    limit = longest_id(".*.*.*.*x")
    assert 63 <= limit < LONGEST

    def outcome(identifier: str) -> str:
        return decide(Lookup(Kind.VARIABLE, identifier), options, lambda _query, _time: []).outcome

    began = time.process_time()
    assert outcome("x" * limit) == Outcome.NO_MATCH
    assert outcome("a" * limit) == Outcome.OUTSIDE_PATTERN
    assert outcome("x" * (limit + 1)) == Outcome.TOO_LONG
    assert outcome("a" * 1_000_000) == Outcome.TOO_LONG
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        (r"(.*)\1b", "a"),
        (r"(.*)_(?=\1)b", "a"),
        ("(a{0,5000})\\1b", "a"),
        (".*(?:abc){5000}x", "abc"),
        (".*a{5000}x", "a"),
        ("(?:(?=a{5000}).)*x", "a"),
        (".*(?:a{100}){50}x", "a"),
    ],
)
def test_repeated_comparisons_shorten_the_longest_id(pattern: str, part: str) -> None:
    """They are the match of a group, which can be as long as the id, and each repetition of a counted repeat."""
    limit = longest_id(pattern)
    assert 63 <= limit < 100_000

    began = time.process_time()
    re.match(pattern, part * (limit // len(part)), re.IGNORECASE)
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize("pattern", ["a{1000000000}b", "(?:ab){1000}" * 100 + "a*", r"(a)(?:\1){0,99}b"])
def test_counted_repeats_are_limited(pattern: str) -> None:
    began = time.process_time()
    limit = longest_id(pattern)
    assert time.process_time() - began < SECONDS
    assert limit < 1_000_000


SINGLE = st.sampled_from(["a", "b", ".", "[ab]", r"\w", "[^c]"])
REPEATS = st.sampled_from(["", "", "*", "+", "?", "{0,3}", "{2}", "*?", "+?"])


def repeated(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    whole = st.lists(st.tuples(parts, REPEATS).map("".join), min_size=1, max_size=3).map("".join)
    return st.one_of(
        whole.map("({})".format), whole.map("(?={})".format), st.tuples(whole, whole).map("|".join).map("(?:{})".format)
    )


PARTS = st.recursive(SINGLE, repeated, max_leaves=8)
PATTERNS = st.lists(st.tuples(PARTS, REPEATS).map("".join), min_size=1, max_size=4).map(
    lambda all_of: "".join(all_of) + "c"
)


@given(PATTERNS)
@settings(max_examples=150)
def test_the_longest_id_takes_little_time(pattern: str) -> None:
    """An id without a match makes the search try every way."""
    length = min(longest_id(pattern), 1_000)
    for first, second in product("ab", repeat=2):
        identifier = (first + second) * (length // 2)
        began = time.process_time()
        re.match(pattern, identifier, re.IGNORECASE)
        assert time.process_time() - began < SECONDS
