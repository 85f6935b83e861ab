"""What run.py, sweep.py, fleet.py and their like measure with."""

import sys
from pathlib import Path

# The API server is started by the support of the tests.
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
