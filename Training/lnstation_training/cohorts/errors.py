"""Faults of a cohort, collected and reported together."""

from LNStationLib.support.csv_rows import TableError as CohortError
from LNStationLib.support.csv_rows import listed

__all__ = ["CohortError", "listed"]
