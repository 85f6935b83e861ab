"""Tries one input on a target, and decides whether it breaks a rule."""

from __future__ import annotations

from fuzz import canary
from fuzz.cost import TooSlow, limit, seconds_of
from fuzz.messages import collected, texts_of
from fuzz.rules import BrokenRuleError, Rule, place_of
from fuzz.sandbox import sandbox
from fuzz.target import Target
from fuzz.trial import Trial

# One measurement that is too long may be due to the machine; two are not.
_MEASUREMENTS = 2


def judge(target: Target, data: bytes) -> float:
    """Try an input.

    Returns:
        The CPU seconds that it took.

    Raises:
        BrokenRuleError: the input breaks a rule.
    """
    for _ in range(_MEASUREMENTS):
        seconds = _seconds(target, data)
        if seconds <= limit(len(data)):
            return seconds
    raise BrokenRuleError(Rule.FAST, f"{seconds:.2f} s for {len(data)} bytes")


def _seconds(target: Target, data: bytes) -> float:
    trial = Trial()
    fault: BrokenRuleError | None = None
    seconds = 0.0
    try:
        with sandbox.closed(), collected(trial):
            seconds = seconds_of(lambda: target.run(trial, data), len(data))
    except (BrokenRuleError, KeyboardInterrupt):
        raise
    except TooSlow as error:
        fault = BrokenRuleError(Rule.FAST, f"over {error} s for {len(data)} bytes, interrupted", place_of(error))
    except BaseException as error:  # SystemExit too
        fault = BrokenRuleError(Rule.EXPECTED, f"{type(error).__name__}: {error}", place_of(error))
        fault.__cause__ = error
    if fault is not None:
        raise fault
    _check_silence(trial)
    return seconds


def _check_silence(trial: Trial) -> None:
    if trial.is_canary_public:
        return
    for error in trial.errors:
        for text in texts_of(error):
            if canary.is_in(text):
                raise BrokenRuleError(Rule.SILENT, text, place_of(error))
    for text in trial.texts:
        if canary.is_in(text):
            raise BrokenRuleError(Rule.SILENT, text, "a string")
