"""Methods without training, scored on the patients and organs that a network is scored on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from lnstation_training.tasks.station_segmentation.margins import margin_stations
from LNStationLib.assessment.assess import parse_case
from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import Grid, resample_to_grid
from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.support.errors import InputError
from LNStationLib.support.types import BoolArray, HuArray, LabelArray

_COARSEST_MM = 4.0
"""Of the grid that the rules work on."""
Draw = Callable[[HuArray, Mapping[str, BoolArray], Grid], LabelArray]


def _margins(hu: HuArray, organs: Mapping[str, BoolArray], grid: Grid) -> LabelArray:
    return margin_stations(organs, hu, grid)


def _iaslc_rules(hu: HuArray, organs: Mapping[str, BoolArray], grid: Grid) -> LabelArray:
    """The rules on these organs; what else they need they find in the image, on the network's coarse grid."""
    masks = {name: grid.image(mask) for name, mask in organs.items() if mask.any()}
    origins = dict.fromkeys(masks, "channels of the network")
    case = Case("comparator", grid.image(hu), organ_masks=masks, organ_origins=origins)
    settings = Settings(
        working_spacing_mm=min(*grid.spacing_mm, _COARSEST_MM),
        organs=StepSettings(method="supplied_and_image"),
        stations=StepSettings(method="iaslc_rules"),
    )
    return np.asarray(resample_to_grid(parse_case(case, settings).stations, grid, labels=True), np.uint8)


_COMPARATORS: Mapping[str, tuple[str, Draw]] = {
    "margins": ("Fixed margins around the same organs (a method of the kind of the paper's reference 11)", _margins),
    "iaslc_rules": ("IASLC rules on the same organs", _iaslc_rules),
}


def comparator(name: str) -> tuple[str, Draw]:
    """Title of a comparator, and the function that draws its stations.

    Raises:
        InputError: There is none of that name; the message lists those there are.
    """
    if name not in _COMPARATORS:
        raise InputError(f"there is no comparator {name!r}: choose {', '.join(_COMPARATORS)}.")
    return _COMPARATORS[name]
