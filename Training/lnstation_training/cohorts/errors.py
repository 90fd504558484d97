"""Faults of a cohort, collected and reported together."""

from __future__ import annotations

from collections.abc import Sequence

from LNStationLib.support.errors import InputError

MAX_LISTED_FAULTS = 20


class CohortError(InputError):
    """A cohort cannot be used; the message lists its faults, one line each, with table, line and column."""


def listed(faults: Sequence[str]) -> str:
    """The first faults, one line each, and how many more there are."""
    more = len(faults) - MAX_LISTED_FAULTS
    return "\n".join([*faults[:MAX_LISTED_FAULTS], *([f"... and {more} more"] if more > 0 else [])])
