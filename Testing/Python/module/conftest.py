"""Lets the tests import the module as Slicer does: its own folder is on the path, and nothing else of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_MODULE_FOLDER = str(Path(__file__).resolve().parents[3] / "LNStation")

if _MODULE_FOLDER not in sys.path:
    sys.path.insert(0, _MODULE_FOLDER)

# The packages are there, wherever this Python lies: no test may fall into an installation.
os.environ.setdefault("LNSTATION_WORKER_PYTHON", sys.executable)
