"""Why a station was left out or is doubtful: the sentences of the report, in one place."""

from __future__ import annotations

from collections.abc import Sequence

from LNStationLib.support.sentences import listed

NO_TISSUE = "no tissue between its borders in this field of view"
TOO_SMALL = "too small for the voxels of this CT"
NOT_BOTH_LUNGS = "no slice shows both lungs"


def not_parsed(why: str) -> str:
    """The warning of a station that was left out."""
    return f"not parsed: {why}"


def not_found(*alternatives: str) -> str:
    """Structures, any of which would do, that were not found; names of organs or words."""
    return f"{' or '.join(name.replace('_', ' ') for name in alternatives)} not found"


def all_not_found(*structures: str) -> str:
    """Structures of which one stands in for the other, all of which are missing."""
    return f"{listed(structures)} not found"


def cannot_be_told_from(blood: Sequence[str]) -> str:
    """Vessels and chambers beside the station that neither contrast nor a mask shows."""
    return (
        f"{listed(blood)} not found, and nothing else shows where the station ends and blood begins; {_supply(blood)}"
    )


def may_hold(blood: Sequence[str]) -> str:
    """Vessels that run through the station and that neither contrast nor a mask shows."""
    return f"may hold the {listed(blood)}, which neither contrast nor a mask shows; {_supply(blood)}"


def _supply(blood: Sequence[str]) -> str:
    return f"supply {'its mask' if len(blood) == 1 else 'their masks'}"
