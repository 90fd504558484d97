"""Lets the tests import the module as Slicer does: its own folder is on the path, and nothing else of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from module.panel_driver import PanelDriver

_MODULE_FOLDER = str(Path(__file__).resolve().parents[3] / "LNStation")

if _MODULE_FOLDER not in sys.path:
    sys.path.insert(0, _MODULE_FOLDER)

# The packages are there, wherever this Python lies: no test may fall into an installation.
os.environ.setdefault("LNSTATION_WORKER_PYTHON", sys.executable)


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[PanelDriver]:
    """A person at the panel, with the fake worker behind it. For files that have started the host."""
    from module.panel_driver import opened_panel

    with opened_panel(tmp_path) as made:
        yield made
