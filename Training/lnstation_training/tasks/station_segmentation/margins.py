"""Stations by fixed margins around organs: the kind of method that DeepStationing compares itself with.

Liu et al. 2016 (doi:10.1118/1.4954009, the paper's reference 11) infer stations from margins around organs that were
chosen by hand. Their margins are not published in a form that could be followed; those here are read off the IASLC
definitions (Rusch et al. 2009) and the CT atlas of Lynch et al. 2013 once, and fit no cohort. So this is a comparator
of that kind, not their method: levels are the ends of organs, all else is a distance that no patient changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import edt
import numpy as np

from LNStationLib import anatomy
from LNStationLib.imaging.boxes import box_of
from LNStationLib.imaging.grid import Grid
from LNStationLib.support.types import BoolArray, FloatArray, HuArray, LabelArray

Level = Literal["neck", "apex", "arch_top", "arch_bottom", "carina", "hilum", "heart_bottom"]
_BELOW_CARINA_MM = 35.0
"""Height of station 7 from the carina down: the bronchus intermedius and the left main bronchus end about there."""
_TISSUE_HU = (-160.0, 240.0)
"""Fat and soft tissue, enhanced too; neither lung nor dense bone."""
Masks = Mapping[str, BoolArray]


@dataclass(frozen=True)
class MarginRule:
    """Where a station lies.

    Attributes:
        station: Its name.
        near: Organs; the station is within the margin of each of them.
        margin_mm: In mm.
        lower: Level that it ends at below.
        upper: The same above.
        side: Side of the trachea on which it lies; ``None`` for both.
        behind: Organ behind whose center, slice by slice, it lies.
        in_front_of: Organ in front of whose center it lies.
    """

    station: str
    near: tuple[str, ...]
    margin_mm: float
    lower: Level
    upper: Level
    side: Literal["L", "R"] | None = None
    behind: str | None = None
    in_front_of: str | None = None


RULES: tuple[MarginRule, ...] = (
    MarginRule("7", ("main_bronchus_right", "main_bronchus_left"), 25.0, "hilum", "carina"),
    MarginRule("3P", ("esophagus",), 8.0, "carina", "apex", behind="trachea"),
    MarginRule("5", ("aortic_arch", "pulmonary_artery"), 20.0, "hilum", "arch_bottom", "L"),
    MarginRule("4R", ("trachea",), 15.0, "carina", "arch_top", "R"),
    MarginRule("4L", ("trachea",), 12.0, "carina", "arch_top", "L"),
    MarginRule("2R", ("trachea",), 15.0, "arch_top", "apex", "R"),
    MarginRule("2L", ("trachea",), 12.0, "arch_top", "apex", "L"),
    MarginRule("6", ("aortic_arch",), 10.0, "arch_bottom", "arch_top", "L", in_front_of="trachea"),
    MarginRule("3A", ("sternum",), 25.0, "carina", "apex"),
    MarginRule("8", ("esophagus",), 10.0, "heart_bottom", "hilum"),
    MarginRule("1R", ("common_carotid_artery_right",), 15.0, "apex", "neck", "R"),
    MarginRule("1L", ("common_carotid_artery_left",), 15.0, "apex", "neck", "L"),
)
"""A voxel that several claim belongs to the first."""


def margin_stations(organs: Masks, hu: HuArray, grid: Grid) -> LabelArray:
    """Draw the paper's 12 stations by fixed margins.

    Args:
        organs: Masks ``[z, y, x]`` by name; a station whose organs or levels are missing is left out.
        hu: CT on the same grid.
        grid: Of both.

    Returns:
        uint8 ``[z, y, x]``, values of the station table.
    """
    known = {name: mask for name, mask in organs.items() if mask.any()}
    room = (hu > _TISSUE_HU[0]) & (hu < _TISSUE_HU[1])
    for mask in known.values():
        room = room & ~mask
    levels, labels = _levels_mm(known, grid), np.zeros(grid.shape, np.uint8)
    for rule in RULES:
        place = _place(rule, known, levels, grid)
        if place is not None:
            labels[place & room & (labels == 0)] = anatomy.station(rule.station).label_value
    return labels


def _levels_mm(organs: Masks, grid: Grid) -> dict[str, float]:
    """LPS z of every level whose organ is known."""
    z = grid.coordinates_mm(0)

    def ends(name: str) -> tuple[float, float] | None:
        if name not in organs:
            return None
        slices = np.flatnonzero(organs[name].any(axis=(1, 2)))
        return float(z[slices[0]]), float(z[slices[-1]])

    found: dict[str, float] = {}
    trachea, arch, heart = ends("trachea"), ends("aortic_arch"), ends("heart")
    lungs = [each for name in ("lung_left", "lung_right") if (each := ends(name)) is not None]
    if trachea is not None:
        found |= {"carina": trachea[0], "hilum": trachea[0] - _BELOW_CARINA_MM, "neck": trachea[1]}
    if arch is not None:
        found |= {"arch_bottom": arch[0], "arch_top": arch[1]}
    if heart is not None:
        found["heart_bottom"] = heart[0]
    if lungs:
        found["apex"] = min(top for _, top in lungs)
    return found


def _place(rule: MarginRule, organs: Masks, levels: Mapping[str, float], grid: Grid) -> BoolArray | None:
    """Voxels of a rule before organs and air are taken out; ``None`` where it cannot be followed."""
    needed = {"trachea", *rule.near, *filter(None, (rule.behind, rule.in_front_of))}
    if not needed <= set(organs) or not {rule.lower, rule.upper} <= set(levels):
        return None
    z = grid.coordinates_mm(0)
    place = np.zeros(grid.shape, bool)
    place[(z >= levels[rule.lower]) & (z < levels[rule.upper])] = True
    for name in rule.near:
        place &= _within(organs[name], rule.margin_mm, grid)
    x, y = grid.coordinates_mm(2)[None, None, :], grid.coordinates_mm(1)[None, :, None]
    if rule.side is not None:
        left = x >= _centers_mm(organs["trachea"], grid, 2)[:, None, None]
        place &= left if rule.side == "L" else ~left
    if rule.behind is not None:
        place &= y > _centers_mm(organs[rule.behind], grid, 1)[:, None, None]
    if rule.in_front_of is not None:
        place &= y < _centers_mm(organs[rule.in_front_of], grid, 1)[:, None, None]
    return place


def _within(mask: BoolArray, margin_mm: float, grid: Grid) -> BoolArray:
    reach = int(np.ceil(margin_mm / min(grid.spacing_mm))) + 1
    box, near = box_of(mask, reach), np.zeros_like(mask)
    distance = edt.edt(~mask[box], anisotropy=grid.spacing_mm, black_border=False, parallel=1)
    near[box] = distance <= margin_mm
    return near


def _centers_mm(mask: BoolArray, grid: Grid, axis: int) -> FloatArray:
    """Center along an axis in every slice, continued beyond the organ's ends."""
    weights = mask.sum(axis=3 - axis, dtype=np.float64)
    slices = np.flatnonzero(weights.sum(axis=1))
    centers = weights[slices] @ grid.coordinates_mm(axis) / weights[slices].sum(axis=1)
    return np.interp(np.arange(len(mask)), slices, centers)
