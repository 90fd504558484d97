"""Why a station was left out or is doubtful, as data; ``words.py`` has the words."""

from __future__ import annotations

from collections.abc import Sequence

from LNStationLib.support.reason import Reason

NO_TISSUE = Reason("no_tissue_between_borders")
TOO_SMALL = Reason("too_small_for_the_ct")
NOT_BOTH_LUNGS = Reason("no_slice_with_both_lungs")


def not_parsed(why: Reason) -> Reason:
    """The warning of a station that was left out."""
    return Reason("left_out", {"why": why})


def not_found(*alternatives: str) -> Reason:
    """Structures, any of which would do, that were not found; names of organs or words."""
    return Reason("none_found", {"alternatives": alternatives})


def all_not_found(*structures: str) -> Reason:
    """Structures of which one stands in for the other, all of which are missing."""
    return Reason("all_missing", {"structures": structures})


def indistinguishable_from(blood: Sequence[str]) -> Reason:
    """Vessels and chambers beside the station that neither contrast nor a mask shows."""
    return Reason("not_told_from_blood", {"blood": tuple(blood)})


def may_hold(blood: Sequence[str]) -> Reason:
    """Vessels that run through the station and that neither contrast nor a mask shows."""
    return Reason("may_hold_blood", {"blood": tuple(blood)})
