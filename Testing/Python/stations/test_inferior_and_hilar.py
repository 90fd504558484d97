"""Stations 8, 9 and 11 where their neighbors compete for the same tissue, on the schematic chest."""

from __future__ import annotations

from dataclasses import replace

import edt
import numpy as np
import pytest
from stations import schematic_chest as chest

from LNStationLib.state.organ_set import Landmark, Organ, OrganSet, OrganSource
from LNStationLib.state.station_map import StationMap
from LNStationLib.stations.iaslc_rules import IaslcRules
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray, HuArray

VEIN_MIDDLE = 70.0
TOLERANCE_MM = 2.3


def with_veins() -> tuple[HuArray, OrganSet]:
    hu, organs = chest.schematic_chest()
    for name, x in (("right", -30.0), ("left", 30.0)):
        mark = Landmark(f"inferior_pulmonary_vein_{name}", (x, 20.0, VEIN_MIDDLE), OrganSource.IMAGE)
        organs.landmarks[mark.name] = mark
    return hu, organs


def distance_mm(mask: BoolArray) -> FloatArray:
    return edt.edt(~mask, anisotropy=chest.GRID.spacing_mm)


@pytest.fixture(scope="module")
def lower() -> tuple[OrganSet, StationMap]:
    hu, organs = with_veins()
    return organs, IaslcRules().parse(hu, organs)


def heights(mask: BoolArray) -> FloatArray:
    return chest.GRID.coordinates_mm(0)[mask.any(axis=(1, 2))]


def test_9_begins_at_the_lower_border_of_the_inferior_pulmonary_vein(lower: tuple[OrganSet, StationMap]) -> None:
    _, result = lower
    # A vein is 12 to 14 mm wide; its landmark is the middle.
    assert heights(result.mask("9"))[-1] == pytest.approx(VEIN_MIDDLE - 6.5, abs=TOLERANCE_MM)


def test_9_is_the_pleural_and_8_the_esophageal_part_beside_the_esophagus(lower: tuple[OrganSet, StationMap]) -> None:
    organs, result = lower
    lungs = distance_mm(organs["lung_left"].mask | organs["lung_right"].mask)
    nearer_lung = lungs < distance_mm(organs["esophagus"].mask)
    below_vein = (chest.GRID.coordinates_mm(0) < VEIN_MIDDLE - 10)[:, None, None]
    assert nearer_lung[result.mask("9")].mean() > 0.9
    assert lungs[result.mask("9")].max() <= 10.0 + TOLERANCE_MM
    y = chest.GRID.coordinates_mm(1)
    beside = ((y > 25) & (y < 31))[None, :, None]
    assert nearer_lung[result.mask("8") & below_vein & beside].mean() < 0.1


def test_8_and_9_hold_nothing_of_the_liver(lower: tuple[OrganSet, StationMap]) -> None:
    hu, organs = with_veins()
    dome = 40.0
    # Up to 4 mm from the esophagus: within the reach of 8, and of 9 beside it.
    drawn = chest.box((-88, -4), (-60, 40), (0, dome)) | chest.box((20, 88), (-60, 40), (0, dome))
    for organ in ("heart", "descending_aorta", "esophagus", "spine"):
        drawn &= ~organs[organ].mask
    hu[drawn] = 60
    for name in ("lung_left", "lung_right"):
        lung = organs[name]
        organs.add(replace(lung, mask=lung.mask & ~drawn))
    result = IaslcRules().parse(hu, organs)
    stations = result.mask("8") | result.mask("9")
    _, before = lower
    assert ((before.mask("8") | before.mask("9")) & drawn).any()
    assert not (stations & drawn).any()
    assert stations.any()


def test_11r_goes_on_along_a_long_bronchus_intermedius() -> None:
    hu, organs = chest.schematic_chest()
    end = (-34.0, 18.0, 46.0)
    bronchus = chest.tube(5, (-25, 12, 99), end)
    fat = chest.tube(16, (-25, 12, 99), end)
    lung = organs["lung_right"]
    organs.add(replace(lung, mask=lung.mask & ~fat))
    organs.add(Organ("bronchus_intermedius", bronchus, OrganSource.SUPPLIED, Reason("schematic")))
    for name, point in (
        ("bronchus_intermedius_end", end),
        ("right_upper_lobe_bronchus_origin", (-26.0, 12.0, 100.0)),
    ):
        organs.landmarks[name] = Landmark(name, point, OrganSource.SUPPLIED)
    for name in ("lower_lobe_bronchus_right",):
        organs.add(Organ(name, chest.tube(4, end, (-38, 30, 30)), OrganSource.SUPPLIED, Reason("schematic")))
    hu[fat & (hu < -200)] = -90
    hu[bronchus] = -1000
    result = IaslcRules().parse(hu, organs)
    # Half-way, 26 mm from either origin, lies neither 11s nor 11i alone.
    middle = np.abs(chest.GRID.coordinates_mm(0) - 73.0) < 4
    assert result.mask("11R")[middle].sum() * chest.GRID.voxel_volume_ml > 0.5
