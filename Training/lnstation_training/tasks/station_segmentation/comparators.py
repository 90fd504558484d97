"""Methods without training, scored on the patients and organs that a network is scored on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from lnstation_training.tasks.station_segmentation.margins import margin_stations
from LNStationLib.assessment.assess import parse_case
from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import Grid, resample_to_grid
from LNStationLib.organs.morphology import components
from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.support.errors import InputError
from LNStationLib.support.types import BoolArray, HuArray, LabelArray

_RULES_SPACING_MM = Settings().working_spacing_mm
"""As in an assessment, whatever grid a network works on: half a voxel beside masks of 4 mm, organs grow by 4 mm."""
_ISLAND_SHARE = 0.05
"""Of an organ's largest piece: the smallest of four pulmonary veins has more, a lung's islands in the neck less."""
Draw = Callable[[HuArray, Mapping[str, BoolArray], Grid], LabelArray]


def _margins(hu: HuArray, organs: Mapping[str, BoolArray], grid: Grid) -> LabelArray:
    return margin_stations(organs, hu, grid)


def _iaslc_rules(hu: HuArray, organs: Mapping[str, BoolArray], grid: Grid) -> LabelArray:
    """The rules on these organs; what else they need they find in the image."""
    masks = {name: grid.image(mask) for name, mask in organs.items() if mask.any()}
    origins = dict.fromkeys(masks, "channels of the network")
    case = Case("comparator", grid.image(hu), organ_masks=masks, organ_origins=origins)
    settings = Settings(
        working_spacing_mm=_RULES_SPACING_MM,
        organs=StepSettings(method="supplied_and_image"),
        stations=StepSettings(method="iaslc_rules"),
    )
    return np.asarray(resample_to_grid(parse_case(case, settings).stations, grid, labels=True), np.uint8)


_COMPARATORS: Mapping[str, tuple[str, Draw]] = {
    "margins": ("Fixed margins around the same organs (a method of the kind of the paper's reference 11)", _margins),
    "iaslc_rules": ("IASLC rules on the same organs", _iaslc_rules),
}


def without_islands(mask: BoolArray) -> BoolArray:
    """An organ without the scattered voxels that a threshold leaves of probabilities: its ends are levels."""
    pieces = components(mask, connectivity=26)
    large = np.bincount(pieces.ravel())
    large[0] = 0
    return np.asarray((large >= _ISLAND_SHARE * large.max())[pieces] & mask)


def comparator(name: str) -> tuple[str, Draw]:
    """Title of a comparator, and the function that draws its stations.

    Raises:
        InputError: There is none of that name; the message lists those there are.
    """
    if name not in _COMPARATORS:
        raise InputError(f"there is no comparator {name!r}: choose {', '.join(_COMPARATORS)}.")
    return _COMPARATORS[name]
