"""A schematic chest of tubes and boxes on the working grid, with levels known to the millimetre.

Not anatomy to look at: it exists so that a station's borders can be compared with the numbers they were built from.
LPS millimetres; the trachea runs along x = 0.
"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
from made_once import made_once

from LNStationLib.imaging.grid import Grid
from LNStationLib.state.organ_set import Landmark, Organ, OrganSet, OrganSource
from LNStationLib.state.station_map import StationMap
from LNStationLib.stations.iaslc_rules import IaslcRules
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, HuArray

GRID = Grid(shape=(162, 106, 122), spacing_mm=(1.5, 1.5, 1.5), origin_mm=(0.0, -80.0, -91.0))
MANUBRIUM_TOP, LUNG_APEX, CARINA = 200.0, 218.0, 120.0
ARCH_TOP, ARCH_UNDERSIDE, LEFT_ARTERY_TOP = 169.0, 141.0, 127.0
VEIN_CROSSING = 173.75
"""The lower face of the lowest voxel of the left brachiocephalic vein in front of the trachea."""
INTERMEDIUS_END, LEFT_LOWER_LOBE = 80.0, 95.0
_FAT_HU, _LUNG_HU, _AIR_HU, _BLOOD_HU, _BONE_HU, _MUSCLE_HU = -90, -850, -1000, 45, 400, 50

_Point = tuple[float, float, float]


def _coordinates() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    z, y, x = (GRID.coordinates_mm(axis) for axis in range(3))
    return x[None, None, :], y[None, :, None], z[:, None, None]


def tube(radius: float, *points: _Point) -> BoolArray:
    """Union of capsules along a polyline of ``(x, y, z)`` points."""
    x, y, z = _coordinates()
    result = np.zeros(GRID.shape, dtype=bool)
    for start, end in itertools.pairwise(points):
        a, d = np.array(start), np.array(end) - np.array(start)
        t = np.clip(((x - a[0]) * d[0] + (y - a[1]) * d[1] + (z - a[2]) * d[2]) / (d @ d), 0, 1)
        square = (x - a[0] - t * d[0]) ** 2 + (y - a[1] - t * d[1]) ** 2 + (z - a[2] - t * d[2]) ** 2
        result |= square <= radius**2
    return result


def column(radius: float, x0: float, y0: float, low: float, high: float) -> BoolArray:
    """A vertical cylinder with flat ends."""
    x, y, z = _coordinates()
    return np.asarray(((x - x0) ** 2 + (y - y0) ** 2 <= radius**2) & (z >= low) & (z <= high))


def box(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]) -> BoolArray:
    """An axis-aligned box."""
    xs, ys, zs = _coordinates()
    inside = (xs >= x[0]) & (xs <= x[1]) & (ys >= y[0]) & (ys <= y[1]) & (zs >= z[0]) & (zs <= z[1])
    return np.asarray(inside)


@cache
def _masks() -> dict[str, BoolArray]:
    """Not to be changed."""
    x, y, z = _coordinates()
    masks = {
        "trachea": column(9, 0, 10, CARINA, 245),
        "main_bronchus_right": tube(6, (-2, 10, 116), (-25, 12, 100)),
        "bronchus_intermedius": tube(5, (-25, 12, 99), (-30, 15, 80)),
        "upper_lobe_bronchus_right": tube(4, (-28, 12, 101), (-45, 12, 104)),
        "lower_lobe_bronchus_right": tube(4, (-31, 17, 78), (-36, 28, 66)),
        "main_bronchus_left": tube(6, (2, 10, 116), (38, 20, 97)),
        "upper_lobe_bronchus_left": tube(4, (40, 18, 97), (55, 10, 97)),
        "lower_lobe_bronchus_left": tube(4, (40, 23, 91), (46, 32, 76)),
        "ascending_aorta": column(14, -8, -25, 60, ARCH_UNDERSIDE),
        "aortic_arch": tube(14, (-8, -25, 155), (18, -20, 155), (30, 4, 155), (30, 26, 155)),
        "descending_aorta": column(12, 30, 28, 0, ARCH_UNDERSIDE),
        "brachiocephalic_trunk": tube(6, (-12, -22, 172), (-20, -12, 200), (-26, -8, 240)),
        "common_carotid_artery_left": tube(4, (14, -12, 172), (18, -6, 240)),
        "subclavian_artery_left": tube(4, (28, 8, 172), (30, 8, 240)),
        "superior_vena_cava": column(9, -32, -18, 85, 176),
        "brachiocephalic_vein_right": tube(7, (-32, -18, 178), (-38, -12, 230)),
        "brachiocephalic_vein_left": tube(5, (-30, -30, 174), (34, -30, 190)),
        "azygos_arch": tube(4, (-14, 32, 126), (-20, 14, 132), (-30, -8, 132)),
        "pulmonary_trunk": tube(8, (16, -30, 88), (14, -20, 114)),
        "pulmonary_artery_left": tube(9, (12, -18, 118), (46, 22, 118)),
        "pulmonary_artery_right": tube(9, (8, -16, 100), (-46, -4, 98)),
        "esophagus": tube(6, (4, 29, 245), (4, 30, 120), (6, 30, 60), (8, 26, 10)),
        "heart": np.asarray(((x - 10) / 42) ** 2 + ((y + 22) / 34) ** 2 + ((z - 45) / 40) ** 2 <= 1),
        "spine": column(16, 0, 56, 0, 245),
        "sternum": box((-20, 20), (-72, -64), (100, 178)),
        "manubrium": box((-26, 26), (-72, -64), (178, MANUBRIUM_TOP)),
    }
    solid = np.logical_or.reduce([mask for name, mask in masks.items() if name not in ("spine",)])
    # Hilar fat: the lung keeps off the bronchi.
    hila = tube(16, (0, 10, 114), (-25, 12, 100), (-32, 16, 72)) | tube(16, (0, 10, 114), (40, 20, 97), (46, 32, 78))
    for side, span in (("right", (-86.0, -24.0)), ("left", (24.0, 86.0))):
        lung = box(span, (-60, 70), (5, LUNG_APEX))
        masks[f"lung_{side}"] = lung & ~solid & ~hila & ~masks["spine"]
    return masks


def _landmarks() -> dict[str, Landmark]:
    points = {
        "carina": (0.0, 10.0, CARINA),
        "manubrium_top": (0.0, -68.0, MANUBRIUM_TOP),
        "aortic_arch_top": (20.0, -10.0, ARCH_TOP),
        "aortic_arch_underside": (24.0, 8.0, ARCH_UNDERSIDE),
        "left_brachiocephalic_vein_crossing": (0.0, -30.0, VEIN_CROSSING),
        "left_pulmonary_artery_top": (28.0, 2.0, LEFT_ARTERY_TOP),
        "bronchus_intermedius_end": (-30.0, 15.0, INTERMEDIUS_END),
        "left_lower_lobe_bronchus_origin": (40.0, 22.0, LEFT_LOWER_LOBE),
    }
    return {name: Landmark(name, point, OrganSource.SUPPLIED) for name, point in points.items()}


def schematic_chest(*, without: tuple[str, ...] = (), surrogates: tuple[str, ...] = ()) -> tuple[HuArray, OrganSet]:
    """Build the chest.

    Args:
        without: Organs and landmarks left out of the set; the image stays whole.
        surrogates: Organs marked as surrogates.

    Returns:
        HU ``[z, y, x]`` and the organs.
    """
    masks = _masks()
    hu = np.full(GRID.shape, _FAT_HU, dtype=np.int16)
    hu[~box((-88, 88), (-76, 76), (-5, 250))] = _AIR_HU
    for name, mask in masks.items():
        hu[mask] = _hu_of(name)
    organs = OrganSet(GRID, landmarks={k: v for k, v in _landmarks().items() if k not in without})
    for name, mask in masks.items():
        if name not in without:
            source = OrganSource.SURROGATE if name in surrogates else OrganSource.SUPPLIED
            organs.add(Organ(name, mask.copy(), source, Reason("schematic")))
    return hu, organs


def _hu_of(name: str) -> int:
    if name.startswith("lung"):
        return _LUNG_HU
    if "bronchus" in name or name == "trachea":
        return _AIR_HU
    if name in ("spine", "sternum", "manubrium"):
        return _BONE_HU
    return _MUSCLE_HU if name == "esophagus" else _BLOOD_HU


@made_once
def parsed_chest(
    without: tuple[str, ...] = (), surrogates: tuple[str, ...] = ()
) -> tuple[HuArray, OrganSet, StationMap]:
    """CT, organs and parsed stations; the same objects for all who ask, not to be changed."""
    hu, organs = schematic_chest(without=without, surrogates=surrogates)
    return hu, organs, IaslcRules().parse(hu, organs)
