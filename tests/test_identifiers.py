"""Ids and their labels, as ``docs/concepts/identifiers.md`` specifies them for other tools."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from airflow_kubernetes_secrets.kubernetes.deadline import TimeBudget
from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from airflow_kubernetes_secrets.kubernetes.labels import LabelSelector, is_label_value
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup, Outcome, decide
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.query import Query
from support.pages import page_file
from support.secrets import CONNECTION, VARIABLE

DOCUMENT = page_file("identifiers").read_text(encoding="utf-8")

# Strings that are nearly label values are more frequent than in arbitrary text.
IDS = st.text(min_size=1, max_size=80) | st.text("aZ0-_. /\n", min_size=1, max_size=70)
# Two ids, of which one may be the label value of the other.
PAIRS = st.tuples(IDS, IDS) | IDS.map(lambda identifier: (identifier, label_value(identifier)))


def documented(identifier: str, name: str = "app", *, always_annotated: bool = False, key: str = CONNECTION) -> Secret:
    """Return a Secret that follows the rule of the document."""
    value = label_value(identifier)
    annotations = {key: identifier} if always_annotated or value != identifier else None
    return Secret("shop", name, "", {key: value}, {"value": ""}, annotations=annotations)


def found_by(identifier: str, secrets: Sequence[Secret], kind: Kind = Kind.CONNECTION) -> list[Secret]:
    """Return the Secrets that a lookup of a connection finds, of those that a server would return."""

    def find(query: Query, _time: TimeBudget) -> list[Secret]:
        # The API server would respond with 400 to an invalid selector, and does not match annotations.
        labels = LabelSelector.parse(str(query))
        return [secret for secret in secrets if labels.matches(secret.labels)]

    return list(decide(Lookup(kind, identifier), Options(), find).matches)


def vectors() -> list[tuple[str, str, bool]]:
    rows = re.findall(r'^\| `(".*")` \| `(\S+)` \| (not needed|the id) \|$', DOCUMENT, re.MULTILINE)
    return [(json.loads(identifier), value, annotation == "the id") for identifier, value, annotation in rows]


def test_document_has_test_vectors() -> None:
    assert len(vectors()) == DOCUMENT.count('\n| `"') > 10


@pytest.mark.parametrize(("identifier", "value", "annotated"), vectors())
def test_vector(identifier: str, value: str, annotated: bool) -> None:
    assert label_value(identifier) == value
    assert (value != identifier) is annotated


def test_the_example_in_the_document() -> None:
    (value,) = re.findall(r"^    airflow.apache.org/connection-id: (\S+\.[0-9a-f]{40})$", DOCUMENT, re.MULTILINE)
    (identifier,) = re.findall(r"^    airflow.apache.org/connection-id: (team/\S+)$", DOCUMENT, re.MULTILINE)

    assert label_value(identifier) == value


@settings(max_examples=3)
@given(st.lists(IDS.filter(lambda identifier: "\0" not in identifier), min_size=40, max_size=60))
def test_the_function_for_a_shell(identifiers: list[str]) -> None:
    """It returns the same as the package, also for the test vectors."""
    (function,) = re.findall(r"^```bash\n(label_value\(\) .*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    program = f'{function}\nfor id in "$@"; do label_value "$id"; echo; done'
    known = [identifier for identifier, _value, _annotated in vectors()]
    every = [*known, *identifiers]

    done = subprocess.run(["bash", "-c", program, "bash", *every], capture_output=True, text=True, check=True)

    assert done.stdout.split("\n")[:-1] == [label_value(identifier) for identifier in every]
    assert done.stderr == ""


def test_pattern_in_the_document_matches_label_values() -> None:
    (pattern,) = set(re.findall(r"\^\[A-Za-z0-9\]\(.*?\$", DOCUMENT))

    @given(IDS)
    def agree(identifier: str) -> None:
        # In Python `$` also matches before a final newline; in other languages it does not.
        assert bool(re.match(pattern.replace("$", r"\Z"), identifier)) is is_label_value(identifier)

    agree()


@given(st.text(st.characters(), min_size=0, max_size=300))
def test_label_value_of_any_id_is_valid(identifier: str) -> None:
    value = label_value(identifier)

    assert is_label_value(value)
    assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", value)


def test_id_with_invalid_unicode_is_a_miss() -> None:
    assert is_label_value(label_value("half\ud800"))
    assert found_by("half\ud800", [documented("half")]) == []


@given(IDS, st.booleans())
def test_documented_secret_is_found_by_its_id(identifier: str, always_annotated: bool) -> None:
    secret = documented(identifier, always_annotated=always_annotated)

    assert found_by(identifier, [secret]) == ([] if "://" in identifier else [secret])


@given(PAIRS, st.booleans(), st.booleans())
def test_two_ids_never_share_a_secret(pair: tuple[str, str], first: bool, second: bool) -> None:
    one, other = pair
    assume(one != other)
    secrets = [documented(one, "one", always_annotated=first), documented(other, "other", always_annotated=second)]

    assert found_by(one, secrets) == ([] if "://" in one else secrets[:1])
    assert found_by(other, secrets) == ([] if "://" in other else secrets[1:])
    assert found_by(one, secrets[1:]) == found_by(other, secrets[:1]) == []


@given(IDS, IDS)
def test_annotation_takes_precedence_over_the_label(identifier: str, says: str) -> None:
    """This holds for any label, and for any id that the label could represent."""
    assume(identifier != says)
    secret = Secret(
        "shop", "x", "", {CONNECTION: label_value(identifier)}, {"value": ""}, annotations={CONNECTION: says}
    )

    assert found_by(identifier, [secret]) == []
    assert found_by(label_value(identifier), [secret]) == ([secret] if says == label_value(identifier) else [])


def test_empty_annotation_also_takes_precedence() -> None:
    secret = Secret("shop", "x", "", {CONNECTION: "my_db"}, {"value": ""}, annotations={CONNECTION: ""})

    assert found_by("my_db", [secret]) == []


def test_label_with_a_hash_but_no_annotation_is_its_own_id() -> None:
    secret = Secret("shop", "x", "", {CONNECTION: label_value("my db")}, {"value": ""})

    assert found_by("my db", [secret]) == []
    assert found_by(label_value("my db"), [secret]) == [secret]


def test_annotation_of_another_kind_is_ignored() -> None:
    labels = {CONNECTION: "my_db", VARIABLE: label_value("my db")}
    secret = Secret("shop", "x", "", labels, {"value": ""}, annotations={VARIABLE: "my db"})

    assert found_by("my_db", [secret]) == [secret]
    assert found_by("my db", [secret], Kind.VARIABLE) == [secret]
    assert found_by("my db", [secret]) == found_by("my_db", [secret], Kind.VARIABLE) == []


@given(IDS)
def test_lookup_sends_one_query(identifier: str) -> None:
    queried: list[Query] = []

    def find(query: Query, _time: TimeBudget) -> list[Secret]:
        queried.append(query)
        return []

    decision = decide(Lookup(Kind.CONNECTION, identifier), Options(), find)

    assert decision.outcome == Outcome.NO_MATCH
    assert [str(query) for query in queried] == [f"{CONNECTION}={label_value(identifier)},!airflow.apache.org/team"]
