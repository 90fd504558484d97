"""Airways, esophagus and neck organs of an average adult.

The frame of all anatomy tables here: LPS mm with the carina at z = 0, x = 0 in the sagittal midline of the body
and y = 0 in the middle mediastinum (the spine's front at the carina is y = 37, the sternum's back y = -69).
Diameters and lengths of the airways follow Minnich & Mathisen, Thorac Surg Clin 2007 (anatomy of the trachea,
carina and bronchi): trachea 18 mm wide, right main bronchus about 2 cm, left about 5 cm.
"""

from __future__ import annotations

from LNStationLib.phantom.anatomy.shapes import Blend, Ellipsoid, Shape, Tube, tube

TRACHEA_WALL_MM = 1.5
"""Thickness of the wall outside the lumen."""
BRONCHUS_WALL_MM = 1.2
"""The same of main and lobar bronchi."""

TRACHEA_PATH_MM = (
    (0, -24, 135), (0, -22, 112), (0, -16, 92), (-2, -7, 64), (-5, 1, 38), (-4, 7.5, 18), (-2.5, 11, 8),
)  # fmt: skip
"""Axis from the cricoid down to the carina."""
RIGHT_MAIN_END_MM = (-20.0, 20.0, -14.0)
"""Where the right upper lobe bronchus leaves."""
LEFT_MAIN_END_MM = (38.0, 25.0, -29.0)
"""Where the left main bronchus divides."""
INTERMEDIUS_END_MM = (-25.0, 30.0, -38.0)
"""Where the middle lobe bronchus leaves."""
ESOPHAGUS_PATH_MM = (
    (1, -4, 135), (2, -4, 112), (4, 1.5, 88), (6, 8, 62), (6, 19, 32), (6, 29, 2), (6, 34.5, -20), (5, 35.5, -45),
    (6, 33, -68), (6, 25, -88), (5, 13.5, -104), (7, 0.5, -122), (16, -7, -138), (28, -12, -150),
)  # fmt: skip
"""Axis from the cricoid down to the cardia."""


def airway_tubes() -> dict[str, Tube]:
    """Air-filled lumina by organ name; neighbors overlap where they join."""
    return {
        "trachea": tube(TRACHEA_PATH_MM, 9.0, stretch=(1.0, 1.04, 1.0)),
        "main_bronchus_right": tube([(-5, 11, 8), (-12, 15, -4), RIGHT_MAIN_END_MM], [7.6, 7.2, 6.8], step_mm=2),
        "main_bronchus_left": tube([(1, 11, 8), (16, 16, -9), LEFT_MAIN_END_MM], [7.0, 6.4, 6.0], step_mm=2),
        "bronchus_intermedius": tube([RIGHT_MAIN_END_MM, (-22, 24.5, -26), INTERMEDIUS_END_MM], [6.2, 5.6, 5.2]),
        "upper_lobe_bronchus_right": tube([RIGHT_MAIN_END_MM, (-29, 20, -13), (-38, 19, -12)], [5.8, 5.0, 4.6]),
        "middle_lobe_bronchus_right": tube([INTERMEDIUS_END_MM, (-31, 22, -45), (-37, 11, -52)], [4.2, 3.8, 3.4]),
        "lower_lobe_bronchus_right": tube([INTERMEDIUS_END_MM, (-28, 36, -50), (-33, 42, -66)], [5.0, 4.6, 4.0]),
        "upper_lobe_bronchus_left": tube([LEFT_MAIN_END_MM, (47, 20, -28), (57, 14, -26)], [5.4, 4.9, 4.4]),
        "lower_lobe_bronchus_left": tube([LEFT_MAIN_END_MM, (42.5, 32, -43), (48, 42, -66)], [5.4, 4.8, 4.0]),
    }


def esophagus() -> Tube:
    """Outer surface of the esophagus, a flat tube left of the midline."""
    return tube(
        ESOPHAGUS_PATH_MM, [4.2, 4.4, 4.8, 5, 5, 5.2, 5.4, 5.4, 5.6, 5.8, 6, 6.4, 6.8, 8], stretch=(1.5, 1, 1)
    )


def neck_organs() -> dict[str, Shape]:
    """Thyroid gland and cricoid cartilage; the airway runs through both and is cut out later."""
    lobes = [
        tube([(14 * s, -15, 108), (14.5 * s, -14, 98), (13 * s, -12, 86)], [3.4, 5.4, 3], stretch=(1, 1.3, 1))
        for s in (-1, 1)
    ]
    isthmus = tube([(-12, -25, 96), (0, -31, 94), (12, -25, 96)], 3.0)
    # The lamina stands higher at the back than the arch in front.
    lamina = Ellipsoid((0, -13, 120), (11, 3, 10))
    ring = Ellipsoid((0, -23, 115.5), (13.2, 13.6, 5.2))
    return {"thyroid_gland": Blend((*lobes, isthmus), 3.0), "cricoid_cartilage": Blend((ring, lamina), 2.0)}
