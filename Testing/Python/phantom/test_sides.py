"""Names in a mirrored patient."""

from __future__ import annotations

import pytest

from LNStationLib import anatomy
from LNStationLib.phantom.anatomy.sides import mirrored_name, mirrored_side, mirrored_site, mirrored_station


@pytest.mark.parametrize("name", [row.name for row in anatomy.organs()])
def test_an_organ_mirrored_twice_is_itself(name: str) -> None:
    assert mirrored_name(mirrored_name(name)) == name


@pytest.mark.parametrize("station", [row.name for row in anatomy.stations()])
def test_a_mirrored_station_is_in_the_table_and_of_the_other_side(station: str) -> None:
    other = anatomy.station(mirrored_station(station))
    assert mirrored_station(other.name) == station
    # 5 and 6 lie on the left but have no counterpart.
    if other.name != station:
        assert other.side == mirrored_side(anatomy.station(station).side)


@pytest.mark.parametrize(
    ("name", "other"),
    [("lung_left", "lung_right"), ("right_hilum", "left_hilum"), ("pulmonary_trunk", "pulmonary_trunk")],
)
def test_sides_stand_at_either_end_of_a_name(name: str, other: str) -> None:
    assert mirrored_name(name) == other


@pytest.mark.parametrize(
    ("site", "other"), [("left lower lobe", "right lower lobe"), ("middle third", "middle third")]
)
def test_a_site_keeps_its_lobe(site: str, other: str) -> None:
    assert mirrored_site(site) == other
