"""A right aortic arch, and subclavian arteries that pass behind the esophagus."""

from __future__ import annotations

from LNStationLib.phantom.anatomy.shapes import Shape, Tube, tube
from LNStationLib.phantom.anatomy.traits import PresentTrait
from LNStationLib.phantom.anatomy.variants.shifts import bump_field, moved
from LNStationLib.phantom.anatomy.variation import Variation
from LNStationLib.phantom.anatomy.vessels import AORTA_RADII_MM
from LNStationLib.support.types import PointMm

_PATH_MM: tuple[PointMm, ...] = (
    (5, -24, -50), (4, -30, -32), (3, -28, -6), (0, -25, 17), (-9, -17, 31), (-19, -4, 37), (-27, 14, 36),
    (-32, 31, 28), (-33.5, 43, 12), (-33, 47, -8), (-31, 48, -30), (-27, 43, -68), (-20, 31, -98), (-8, 18, -126),
    (3, 9, -160), (2, 4, -215),
)  # fmt: skip
"""Axis of the aorta from the valve to below the diaphragm, over the right main bronchus."""
_START_MM, _END_MM = (-4.0, -21.0, 26.0), (-33.0, 43.0, 14.0)
"""On that axis, where the arch begins and ends."""
PUSH_ESOPHAGUS = bump_field(38.0, 19.0, (7.0, 0.0, 0.0))
"""How the arch moves the esophagus."""


def has_aberrant_artery(trait: PresentTrait) -> bool:
    """Whether the left subclavian artery comes last and passes behind the esophagus, as in about half."""
    return trait.amount < 0.5


def right_arch(shapes: dict[str, Shape], variation: Variation, trait: PresentTrait) -> dict[str, Shape]:
    """Aorta, arch branches, trachea, esophagus and veins of a patient with a right arch."""
    result = dict(shapes)
    whole = tube(_PATH_MM, [r * variation.artery for r in AORTA_RADII_MM])
    first, last = whole.fraction_near(_START_MM), whole.fraction_near(_END_MM)
    for name, ends in (
        ("ascending_aorta", (0.0, first)),
        ("aortic_arch", (first, last)),
        ("descending_aorta", (last, 1.0)),
    ):
        result[name] = whole.between(*ends)
    result |= _branches(variation.artery, aberrant=has_aberrant_artery(trait))
    result["ligamentum_arteriosum"] = tube(
        [(31, 2, 4), (30, 4, 20), (25, 4, 40)], [2.4, 1.8, 2.0], stretch=(0.85, 1, 1)
    )
    # The arch pushes the airway and the esophagus to the left, and the cava forward.
    for name, by_mm in (
        ("trachea", (8.0, 0.0, 0.0)), ("superior_vena_cava", (-6.0, -6.0, 0.0)),
        ("brachiocephalic_vein_right", (-5.0, -5.0, 0.0)), ("brachiocephalic_vein_left", (0.0, -4.0, 2.0)),
    ):  # fmt: skip
        result[name] = moved(result[name], bump_field(38.0, 19.0, by_mm))
    result["esophagus"] = moved(result["esophagus"], PUSH_ESOPHAGUS)
    if has_aberrant_artery(trait):
        result = _pushed_forward(result, 47.0)
    for low in (-60.0, -95.0, -130.0):
        result["azygos_vein"] = moved(result["azygos_vein"], bump_field(low, 22.0, (5.0, 1.0, 0.0)))
    return result


def _pushed_forward(shapes: dict[str, Shape], at_z_mm: float) -> dict[str, Shape]:
    """Esophagus and trachea before an artery that lies between them and the spine."""
    return shapes | {
        "esophagus": moved(shapes["esophagus"], bump_field(at_z_mm, 14.0, (0.0, -6.5, 0.0))),
        "trachea": moved(shapes["trachea"], bump_field(at_z_mm, 16.0, (0.0, -4.0, 0.0))),
    }


def aberrant_right_subclavian(shapes: dict[str, Shape], variation: Variation) -> dict[str, Shape]:
    """A right subclavian artery between esophagus and spine; that of ``vessels`` runs through the vertebra."""
    up = variation.aortic_elongation_mm
    path: list[PointMm] = [(31, 24, 36 + up), (22, 17, 45 + up / 2), (3, 12.5, 52), (-16, 11, 60), (-28, 4, 78),
                           (-44, -4, 96), (-80, -8, 96), (-120, -14, 92)]  # fmt: skip
    artery = tube(path, [6.4, 5.2, 4.6, 4.6, 4.7, 4.8, 4.8, 4.8])
    scaled = Tube(artery.points, artery.radii * variation.artery)
    return _pushed_forward(shapes, 53.0) | {"subclavian_artery_right": scaled}


def _branches(scale: float, *, aberrant: bool) -> dict[str, Tube]:
    fork: PointMm = (14, -20, 78)
    left_end: list[PointMm] = [(40, -3, 98), (80, -8, 97), (120, -14, 92)]
    paths: dict[str, tuple[list[PointMm], float]] = {
        "brachiocephalic_trunk": ([(0, -22, 34), (6, -25, 52), (11, -24, 66), fork], 6.0),
        "common_carotid_artery_left": ([fork, (20, -19, 96), (23, -18, 116), (24, -18, 135)], 3.7),
        "subclavian_artery_left": ([fork, (25, -10, 90), *left_end], 4.7),
        "common_carotid_artery_right": ([(-16, -9, 42), (-17, -14, 60), (-18, -18, 82), (-23, -18, 104),
                                         (-24, -18, 135)], 3.7),
        "subclavian_artery_right": ([(-25, 8, 42), (-25, 4, 62), (-27, 1, 84), (-44, -4, 98), (-80, -8, 96),
                                     (-120, -14, 92)], 4.8),
    }  # fmt: skip
    if aberrant:
        paths["brachiocephalic_trunk"] = ([(0, -22, 34), (5, -24, 46), (8, -24, 56)], 4.4)
        paths["common_carotid_artery_left"] = ([(8, -24, 56), (14, -21, 78), (22, -18, 104), (24, -18, 135)], 3.7)
        # From a diverticulum of the arch's end, behind the esophagus.
        paths["subclavian_artery_left"] = ([(-27, 31, 31), (-16, 21, 37), (2, 13.5, 45), (18, 13.5, 54), (28, 8, 78),
                                            *left_end], 4.8)  # fmt: skip
    tubes = {name: tube(path, radius * scale) for name, (path, radius) in paths.items()}
    if aberrant:
        wide = paths["subclavian_artery_left"][0]
        radii = [9.0, 7.0, 4.8, *[4.8] * (len(wide) - 3)]
        tubes["subclavian_artery_left"] = tube(wide, [r * scale for r in radii])
    return tubes
