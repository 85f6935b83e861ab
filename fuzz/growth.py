"""Checks that the CPU time of a reader grows no faster than its input, by repeating a part of the input."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from random import Random

from fuzz.judge import judge
from fuzz.rules import BrokenRuleError, Rule
from fuzz.target import Target

# A placeholder in a repeated part for the number of the repetition. Without it, all names of a mapping would be equal.
NUMBER = b"{number}"

# Four times the input may take four times as long. With quadratic growth it takes sixteen times as long.
_FACTOR = 4
_SUSPICIOUS = 6.0
_TOO_MUCH = 8.0

# Bytes of the shorter input: for a first measurement, and for another one if that is suspicious.
_SIZES = (16_384, 65_536)

# In a shorter time, in seconds, growth cannot be measured.
_SECONDS = 0.02

# An input that takes this many seconds is not tried at a larger size. It could take a minute, and not every call can be
# interrupted.
_LONG_ENOUGH = 0.5

_ENDS = re.compile(rb"[\s,;&{}\[\]()/]+")

# The last character of a name or a value.
_LAST = re.compile(rb"\w(?=[\"':=,&;\s]|$)")


@dataclass(frozen=True)
class Repetition:
    """An input of any size, in which a part is repeated."""

    before: bytes
    repeated: bytes
    after: bytes

    def times(self, count: int) -> bytes:
        """Return the input with ``count`` repetitions."""
        if NUMBER not in self.repeated:
            return self.before + self.repeated * count + self.after
        parts = (self.repeated.replace(NUMBER, b"%d" % number) for number in range(count))
        return self.before + b"".join(parts) + self.after

    def dumps(self) -> str:
        """Return the repetition as the content of a file."""
        parts = (self.before, self.repeated, self.after)
        before, repeated, after = (part.decode("utf-8", "surrogateescape") for part in parts)
        return json.dumps({"before": before, "repeated": repeated, "after": after}, indent=2) + "\n"

    @classmethod
    def loads(cls, text: str) -> Repetition:
        """Return the repetition from the content of a file."""
        parts = json.loads(text)
        return cls(*(parts[name].encode("utf-8", "surrogateescape") for name in ("before", "repeated", "after")))


def some_repetition(data: bytes, random: Random) -> Repetition:
    """Repeat a random part of an input: mostly a whole word, element or line, and mostly with a number in it."""
    ends = [0, *(found.end() for found in _ENDS.finditer(data)), len(data)]
    if len(ends) > 2 and random.random() < 0.8:
        start = random.randrange(len(ends) - 1)
        first, last = ends[start], ends[min(start + random.choice((1, 1, 2, 3, 5, 8, 13)), len(ends) - 1)]
    else:
        first = random.randrange(len(data) + 1)
        last = min(first + random.choice((1, 2, 4, 8, 16, 64)), len(data))
    repeated = data[first:last] or b"a"
    if random.random() < 0.7:
        numbered = re.sub(rb"[0-9]+", NUMBER, repeated)
        # Names without a number get one.
        repeated = numbered if numbered != repeated else _LAST.sub(rb"\g<0>" + NUMBER, repeated)
    return Repetition(data[:first], repeated, data[last:])


def check_growth(target: Target, repetition: Repetition) -> None:
    """Check that the time of the repetition grows no faster than the input.

    Raises:
        BrokenRuleError: the time grows faster than the input, or a long input breaks another rule.
    """

    def seconds(size: int) -> float:
        return judge(target, repetition.times(max(1, size // len(repetition.repeated))))

    for size in _SIZES:
        short, long = seconds(size), seconds(size * _FACTOR)
        if long < _SECONDS or long <= _SUSPICIOUS * short:
            return
        if long > _LONG_ENOUGH:
            break
    # Measure again and take the best time: other work on the machine can disturb a measurement.
    short, long = max(short, seconds(size)), min(long, seconds(size * _FACTOR))
    if long > _TOO_MUCH * short:
        raise BrokenRuleError(
            Rule.LINEAR, f"{short:.3f} s for {size} bytes, {long:.3f} s for {size * _FACTOR}", "growth"
        )
