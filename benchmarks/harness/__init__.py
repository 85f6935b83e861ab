"""Measuring code that run.py, sweep.py, fleet.py and the other benchmarks share."""

import sys
from pathlib import Path

# The tests' support modules start the API server.
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
