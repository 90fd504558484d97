"""Whether the host can run here, told without importing any of it."""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from functools import lru_cache
from pathlib import Path

PACKAGES = {
    "slicer_core": "slicer-core",
    "vtkmodules": "vtk",
    "trame_slicer": "trame-slicer",
    "slicer_layer_dm": "slicer-layer-dm",
    "PySide6": "PySide6-Essentials",
}
"""Distributions by the module they bring. All have wheels for CPython 3.11 on Linux."""

SYSTEM_PACKAGES = Path(__file__).with_name("system_packages.txt")


@lru_cache(maxsize=1)
def why_unavailable() -> str:
    """The reason why the host cannot run here, or an empty string."""
    missing = [name for module, name in PACKAGES.items() if importlib.util.find_spec(module) is None]
    if missing:
        return f"the Slicer host needs {', '.join(missing)}: python3 run.py test installs them"
    if sys.platform == "linux":
        absent = missing_system_packages()
        if absent:
            return f"the Slicer host needs the system packages {' '.join(absent)}"
    return ""


def missing_system_packages() -> list[str]:
    """Packages of Debian and Ubuntu whose shared library cannot be loaded."""
    absent = []
    for line in SYSTEM_PACKAGES.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            package, library = line.split()
            try:
                ctypes.CDLL(library)
            except OSError:
                absent.append(package)
    return absent
