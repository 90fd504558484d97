"""Whether the optional packages of batches are there, asked without importing them."""

from __future__ import annotations

import importlib.util

from LNStationLib.support.errors import InputError

REQUIREMENTS = ("dask==2026.8.0", "distributed==2026.8.0", "psutil==7.2.2", "pyyaml==6.0.3")
"""Kept with ``pyproject.toml``'s by a test; pyarrow, for Parquet, may lack."""
_MODULES = ("dask", "distributed", "psutil", "yaml")


def check_installed() -> None:
    """Make sure that batches can run.

    Raises:
        InputError: A package is missing; the message says how to install it.
    """
    if any(importlib.util.find_spec(name) is None for name in _MODULES):
        raise InputError(f"batches need more packages: run python -m pip install {' '.join(REQUIREMENTS)}.")
