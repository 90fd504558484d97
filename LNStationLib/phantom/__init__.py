"""Synthetic patients with known truth."""

from LNStationLib.phantom.case import PhantomCase
from LNStationLib.phantom.case_folder import write_case
from LNStationLib.phantom.samples import demo_case, sample_case, thorax

__all__ = ["PhantomCase", "demo_case", "sample_case", "thorax", "write_case"]
