"""Compares what the judge says about connections with what Airflow does with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from airflow_kubernetes_secrets.formats.usability import OF_AIRFLOW_2, OF_AIRFLOW_3, objections
from support.airflow import ROOT, Airflow
from support.warm import warm_python

READERS: Mapping[str, Sequence[str]] = {"2.11": OF_AIRFLOW_2, "3.3": OF_AIRFLOW_3}

_ORACLE = Path(__file__).with_name("oracle.py")


@dataclass(frozen=True)
class Disagreement:
    """A connection for which a part of Airflow differs from the judge.

    It can use the connection although the judge refuses it, or the other way round. Or it reads other fields than
    ``fields_of_whole``.
    """

    text: str
    reader: str
    airflow_can: bool
    problems: Sequence[str]

    def __str__(self) -> str:
        return (
            f"{ascii(self.text)[:300]}: {self.reader} {'can' if self.airflow_can else 'cannot'} use it; {self.problems}"
        )


def disagreements(version: str, texts: Sequence[str], patience: float) -> Iterator[Disagreement]:
    """Yield the connections for which judge and Airflow differ.

    Args:
        patience: the seconds that Airflow may take for all of them.
    """
    for text, said in zip(texts, _said(version, texts, patience), strict=True):
        found = objections(text)
        for reader in READERS[version]:
            refused = any(reader in each.unusable_by for each in found)
            able = reader in said["able"]
            if refused == able:
                yield Disagreement(text, reader, able, [str(each) for each in found])
            elif reader in said["differ"]:
                yield Disagreement(text, reader, able, ["taken apart it is another connection"])


def _said(version: str, texts: Iterable[str], patience: float) -> list[dict[str, list[str]]]:
    """Return the result of a real Airflow for each connection (:mod:`verdicts.oracle`). One process reads them all."""
    with TemporaryDirectory() as home:
        airflow = Airflow(version, Path(home), {"PYTHONPATH": str(ROOT / "src")})
        lines = Path(home) / "lines"
        lines.write_text("".join(f"{json.dumps(text)}\n" for text in texts))
        with lines.open("rb") as standard_input:
            done = warm_python(airflow.prefix).run(
                _ORACLE.read_text(),
                [str(_ORACLE)],
                airflow.environment,
                patience,
                file=_ORACLE,
                standard_input=standard_input,
            )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]
