"""Synthetic patients with known truth."""

from LNStationLib.phantom.case import PhantomCase, demo_case, sample_case, thorax
from LNStationLib.phantom.write import write_case

__all__ = ["PhantomCase", "demo_case", "sample_case", "thorax", "write_case"]
