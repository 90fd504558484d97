"""Check that a chest is in view; anything else is refused in one sentence that names what was seen."""

from __future__ import annotations

import SimpleITK as sitk

from LNStationLib.imaging.reading import Warn
from LNStationLib.imaging.thorax_view import Seen, ThoraxView, thorax_view
from LNStationLib.support.errors import InputError
from LNStationLib.support.reason import Reason

_MIN_AIRWAY_MM = 28.0
"""Height of trachea below which none is in view. Chosen in development; no published source."""
_MIN_LUNGS_ML, _MIN_LUNG_ML = 150.0, 40.0
"""Aerated volume of both lungs, and of the larger one; far below any chest that is breathing. Chosen in development;
no published source."""
_MIN_LUNG_HEIGHT_MM = 110.0
"""Lungs at the top of an abdominal CT reach less far down than this."""

_HALF_CHEST_MM = 50.0
"""A view that ends this near to the midline on one side shows half a chest: hila lie within 70 mm of it."""

_WORDS = {
    Seen.LIMBS: "the CT shows limbs",
    Seen.HEAD: "the CT shows a head or neck",
    Seen.ABDOMEN: "the CT shows an abdomen or pelvis",
    Seen.UNKNOWN: "as in an abdomen or head",
}
_SIDES = ("right", "left")


def check_thorax(ct: sitk.Image, name: str, warn: Warn) -> ThoraxView:
    """Refuse a CT without lungs or without an airway, warn where one lung is hardly aerated.

    Args:
        ct: Volume in HU, any orientation.
        name: How messages call it.
        warn: Told what is odd about the chest in view.

    Returns:
        What is in view.

    Raises:
        InputError: No chest is in view; the message says what is missing and what is seen instead.
    """
    view = thorax_view(ct)
    left, right = view.lung_left_ml, view.lung_right_ml
    if left + right < _MIN_LUNGS_ML or max(left, right) < _MIN_LUNG_ML:
        raise InputError(
            f"{name}: no lungs in view ({left + right:.0f} ml of aerated lung), {_WORDS[view.seen]}; give a CT that "
            "shows the chest."
        )
    if view.airway_mm < _MIN_AIRWAY_MM and view.lung_height_mm < _MIN_LUNG_HEIGHT_MM:
        raise InputError(
            f"{name}: no trachea in view and only {view.lung_height_mm:.0f} mm of lung, as in an abdomen that shows "
            "the lung bases; give a CT that shows the chest."
        )
    if view.airway_mm < _MIN_AIRWAY_MM:
        warn(Reason("no_trachea_between_lungs", {"image": name}))
    _warn_of_sides(view, name, warn)
    return view


def _warn_of_sides(view: ThoraxView, name: str, warn: Warn) -> None:
    """Warn of half a chest and of a lung without air."""
    volumes = (view.lung_right_ml, view.lung_left_ml)
    for side, volume, reach in zip(_SIDES, volumes, view.beside_midline_mm, strict=True):
        if reach < _HALF_CHEST_MM:
            warn(Reason("half_a_chest", {"image": name, "reach_mm": reach, "side": side}))
        elif volume < _MIN_LUNG_ML:
            warn(Reason("hardly_any_lung", {"image": name, "side": side, "volume_ml": volume}))
