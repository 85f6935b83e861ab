"""Compares the judge with Airflow on generated values: ``PYTHONPATH=tests:src .venv/bin/python -m verdicts``."""

from __future__ import annotations

import argparse
import sys

from verdicts.comparison import READERS, disagreements
from verdicts.generated import connections

parser = argparse.ArgumentParser(prog="python -m verdicts", description=__doc__)
parser.add_argument("--count", type=int, default=100_000, help="random values, beside those that are always there")
parser.add_argument("--seed", type=int, default=1)
arguments = parser.parse_args()

texts = [*dict.fromkeys(connections(arguments.seed, arguments.count))]
# In seconds: any number of values is read within a day.
PATIENCE = 86_400

found = 0
for version in READERS:
    for each in disagreements(version, texts, patience=PATIENCE):
        found += 1
        sys.stdout.write(f"{version}: {each}\n")
sys.stdout.write(f"{len(texts)} values, {found} disagreements\n")
sys.exit(found > 0)
