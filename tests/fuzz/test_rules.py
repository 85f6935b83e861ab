"""The fuzzing harness reports a reader that breaks a rule, for each rule."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from fuzz.canary import CANARY
from fuzz.cost import limit
from fuzz.findings import Findings, reports
from fuzz.generator import Generator
from fuzz.growth import Repetition, check_growth
from fuzz.judge import judge
from fuzz.rules import BrokenRuleError, Rule
from fuzz.session import Session
from fuzz.target import Target
from fuzz.trial import Trial

SECRET = f"a {CANARY} b".encode()


def broken_rule(run: Callable[[Trial, bytes], object], data: bytes = SECRET) -> Rule | None:
    try:
        judge(Target(without_result(run)), data)
    except BrokenRuleError as fault:
        return fault.rule
    return None


def without_result(run: Callable[[Trial, bytes], object]) -> Callable[[Trial, bytes], None]:
    def reader(trial: Trial, data: bytes) -> None:
        run(trial, data)

    return reader


def refuse(text: str) -> None:
    raise ValueError(text)


def refuse_with_a_cause(text: str) -> None:
    try:
        refuse(text)
    except ValueError:
        raise ValueError("it is refused") from None


def test_error_without_the_input_breaks_no_rule() -> None:
    assert broken_rule(lambda trial, _data: trial.attempt(ValueError, refuse, "it is refused")) is None


def test_an_undocumented_exception() -> None:
    assert broken_rule(lambda trial, _data: trial.attempt(KeyError, refuse, "x")) is Rule.EXPECTED


@pytest.mark.parametrize("error", [SystemExit, RecursionError, MemoryError])
def test_undocumented_base_exceptions(error: type[BaseException]) -> None:
    def run(_trial: Trial, _data: bytes) -> None:
        raise error

    assert broken_rule(run) is Rule.EXPECTED


@pytest.mark.parametrize("refuse_it", [refuse, refuse_with_a_cause])
def test_a_secret_in_an_error(refuse_it: Callable[[str], None]) -> None:
    assert broken_rule(lambda trial, data: trial.attempt(ValueError, refuse_it, data.decode())) is Rule.SILENT


def test_a_part_of_a_secret_in_base64() -> None:
    assert broken_rule(lambda trial, _data: trial.say("eHhacTd4SzJwVnc5")) is Rule.SILENT


def test_a_secret_in_the_log() -> None:
    logger = logging.getLogger("airflow_kubernetes_secrets")

    assert broken_rule(lambda _trial, data: logger.debug("read: %s", data.decode())) is Rule.SILENT


def test_a_secret_in_a_warning() -> None:
    assert broken_rule(lambda _trial, data: warnings.warn(data.decode(), stacklevel=1)) is Rule.SILENT


def test_secret_that_is_allowed_in_the_output() -> None:
    def run(trial: Trial, data: bytes) -> None:
        trial.allow(data.decode())
        trial.say(data.decode())

    assert broken_rule(run) is None


def test_false_claim() -> None:
    assert broken_rule(lambda trial, _data: trial.claim(False, "it is so")) is Rule.CLAIM


def test_a_reader_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzz.cost._SECONDS_AT_LEAST", 0.1)

    assert broken_rule(lambda _trial, _data: re.match("(a+)+$", "a" * 60 + "b")) is Rule.FAST


def test_a_reader_that_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzz.cost._SECONDS_AT_LEAST", 0.0)

    assert broken_rule(lambda _trial, _data: sum(range(200_000)), b"") is Rule.FAST


@pytest.mark.parametrize(
    ("steps", "rule"),
    [(lambda size: size**3 >> 22, Rule.LINEAR), (lambda size: size << 5, None)],
    ids=["cubic", "linear"],
)
def test_time_that_grows_faster_than_the_input(
    steps: Callable[[int], int], rule: Rule | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fuzz.growth._SIZES", (8_192,))
    target = Target(without_result(lambda _trial, data: sum(range(steps(len(data))))))
    found = None

    try:
        check_growth(target, Repetition(b"", b"a", b""))
    except BrokenRuleError as fault:
        found = fault.rule

    assert found is rule


def test_the_numbers_of_a_repetition_differ() -> None:
    repetition = Repetition(b"{", b'"a{number}":1,', b'"b":1}')

    assert repetition.times(3) == b'{"a0":1,"a1":1,"a2":1,"b":1}'
    assert Repetition.loads(repetition.dumps()) == repetition


@pytest.mark.parametrize("act", [lambda: subprocess.run(["true"], check=True), lambda: __import__("os").system("true")])
def test_no_input_starts_a_program(act: Callable[[], object]) -> None:
    def run(trial: Trial, _data: bytes) -> None:
        trial.attempt(PermissionError, act)
        trial.claim(len(trial.errors) == 1, "it was refused")

    assert broken_rule(run) is None
    act()


def test_smallest_input_of_a_fault_is_stored(tmp_path: Path) -> None:
    findings = Findings(tmp_path)
    fault = BrokenRuleError(Rule.CLAIM, "it is so", "here")

    for content in (b"four", b"two", b"three"):
        findings.add(fault, content)

    assert [path.read_bytes() for path in tmp_path.glob("*.bin")] == [b"two"]
    assert len(reports(tmp_path)) == 1


def test_run_continues_after_a_fault(tmp_path: Path) -> None:
    tried = []

    def run(trial: Trial, data: bytes) -> None:
        tried.append(data)
        trial.claim(data != b"bad", "it is good")

    session = Session(Target(run), Generator.__new__(Generator), tmp_path)
    session.try_one(b"bad")
    session.try_one(b"good")

    assert tried[:2] == [b"bad", b"good"]
    assert len(reports(tmp_path)) == 1


def test_the_limit_grows_with_the_input() -> None:
    assert limit(1_000_000) > limit(1_000) > 0


def test_one_target_runs_without_atheris(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.unguided", "uris", str(tmp_path), "1"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"stat::number_of_executed_units: [1-9]\d*\n", done.stderr)
    assert reports(tmp_path / "findings") == []
