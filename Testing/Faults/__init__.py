"""Faults injected: changed inputs, killed processes, full disks; ``python -m Testing.Faults --help``.

The drawn chests, packages and cohorts of the tests are what is changed here, so their folder is on the path, beside
that of the training library.
"""

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
for _folder in (_ROOT / "Training", _ROOT / "Testing" / "Python"):
    if str(_folder) not in sys.path:
        sys.path.append(str(_folder))
