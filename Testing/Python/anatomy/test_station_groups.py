"""Station groups of SA-MoE."""

from __future__ import annotations

import pytest

from LNStationLib import anatomy
from LNStationLib.anatomy.station_groups import STATIONS, group_titles, station_groups


def test_the_three_groups_are_those_of_the_anatomy_table() -> None:
    titles = group_titles(3)
    for name, index in station_groups(3).items():
        assert anatomy.station(name).groups["sa_moe_group"] == titles[index]


def test_stations_1_to_8_are_grouped_and_9_to_11_are_not() -> None:
    assert STATIONS == ("1R", "1L", "2R", "2L", "3A", "3P", "4R", "4L", "5", "6", "7", "8")


@pytest.mark.parametrize("n_groups", [2, 3, 6])
def test_every_group_has_stations_and_a_title(n_groups: int) -> None:
    assert set(station_groups(n_groups).values()) == set(range(n_groups))
    assert len(group_titles(n_groups)) == n_groups


@pytest.mark.parametrize("n_groups", [2, 3, 6])
def test_both_sides_of_a_station_are_in_one_group(n_groups: int) -> None:
    groups = station_groups(n_groups)
    assert all(groups[f"{number}R"] == groups[f"{number}L"] for number in (1, 2, 4))


def test_another_number_of_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="2, 3 or 6 station groups, not 4"):
        station_groups(4)
