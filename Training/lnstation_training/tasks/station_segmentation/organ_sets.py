"""The 22 organs of DeepStationing and the choices among them that its experiments compare (Guo et al. 2021, Sec. 3).

The paper's ranking is in the organ table (``deepstationing_rank``); pairs that the paper ranks jointly count as two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from LNStationLib import anatomy
from LNStationLib.anatomy.station_groups import STATIONS as PAPER_STATIONS
from LNStationLib.support.errors import InputError

ORGANS: tuple[str, ...] = tuple(
    row.name
    for row in sorted(anatomy.organs(), key=lambda row: row.deepstationing_rank or 0)
    if row.deepstationing_rank is not None
)
"""The 22 organs in the order of the paper's ranking."""
ANCHORS: tuple[str, ...] = (
    "lung_right", "lung_left", "main_bronchus_right", "main_bronchus_left", "trachea", "spine", "sternum", "heart",
    "ascending_aorta", "aortic_arch", "descending_aorta", "pulmonary_artery", "superior_vena_cava",
)  # fmt: skip
"""Our reading: the paper names no anchor. Its mean Dice of anchors, non-anchors and all organs by one network (86.4,
72.7, 80.8) gives 13 of 22; these are the 13 of high contrast on an enhanced CT."""
RANDOM: tuple[str, ...] = (
    "brachiocephalic_vein_left", "pulmonary_vein", "internal_jugular_vein_right", "heart", "spine", "trachea",
)  # fmt: skip
"""The six that the paper drew."""
ONCOLOGISTS: tuple[str, ...] = (
    "trachea", "aortic_arch", "spine", "lung_right", "lung_left", "descending_aorta",
)  # fmt: skip
"""The six that the paper's oncologists recommend."""
BEST_SEGMENTED: tuple[str, ...] = (
    "lung_right", "lung_left", "descending_aorta", "heart", "trachea", "spine",
)  # fmt: skip
"""The six that the paper's segmentation found best; ours may find others best (``best_segmented``)."""

OrganChoice = Literal[
    "none", "all", "anchors", "random", "oncologists", "best_segmented", "paper_searched", "searched"
]
OrganSource = Literal["true", "predicted", "unstratified"]
"""Where organ channels come from: the truth, the segmentation of the cascade, that of one network for all organs."""
StationChoice = Literal["paper", "all"]

STATION_CHOICES: Mapping[StationChoice, tuple[str, ...]] = {
    "paper": PAPER_STATIONS,
    "all": tuple(row.name for row in anatomy.stations()),
}
"""The paper's 12 stations (1 to 8), or all 17."""
_FIXED: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "all": ORGANS,
    "anchors": ANCHORS,
    "random": RANDOM,
    "oncologists": ONCOLOGISTS,
    "paper_searched": ORGANS,
}


def chosen_organs(
    choice: OrganChoice,
    count: int | None = None,
    searched: Sequence[str] | None = None,
    dice: Mapping[str, float] | None = None,
) -> tuple[str, ...]:
    """The organs whose channels a network gets.

    Args:
        choice: Which.
        count: The first so many of them; all where ``None``.
        searched: All organs by the weight that the search gave them, for ``"searched"``.
        dice: Mean Dice of every organ's segmentation on training patients, for ``"best_segmented"``.

    Raises:
        InputError: There are not so many, or what the choice rests on is missing.
    """
    ranked = _ranked(choice, searched, dice)
    if count is not None and count > len(ranked):
        raise InputError(f"there are {len(ranked)} organs to choose from by {choice!r}, not {count}.")
    return tuple(ranked if count is None else ranked[:count])


def _ranked(choice: OrganChoice, searched: Sequence[str] | None, dice: Mapping[str, float] | None) -> Sequence[str]:
    if choice == "searched":
        if searched is None:
            raise InputError("no search has ranked the organs of this fold yet: run the row of the search first.")
        return searched
    if choice == "best_segmented":
        # A tie keeps the paper's order.
        return BEST_SEGMENTED if dice is None else sorted(ORGANS, key=lambda name: -dice.get(name, 0.0))
    return _FIXED[choice]
