"""From a network's probabilities to stations."""

from __future__ import annotations

import numpy as np
import pytest

from LNStationLib import anatomy
from LNStationLib.imaging.grid import Grid
from LNStationLib.state.station_map import StationMap
from LNStationLib.stations.network_outlines import outlined
from LNStationLib.support.words import words

COARSE = Grid((12, 16, 16), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
FINE = Grid((40, 60, 60), (1.5, 1.5, 1.5), (-6.0, -9.0, -9.0))
CLASSES = ("background", "4R", "7", "8")
MIDLINE = np.full(40, 30.0)


def probabilities(*boxes: tuple[str, tuple[slice, slice, slice], float]) -> np.ndarray:
    values = np.zeros((len(CLASSES), *COARSE.shape), np.float32)
    values[0] = 1
    for name, box, probability in boxes:
        values[CLASSES.index(name)][box] = probability
        values[0][box] = 1 - probability
    return values


def cube(z: int = 4, y: int = 6, x: int = 6, edge: int = 4) -> tuple[slice, slice, slice]:
    return slice(z, z + edge), slice(y, y + edge), slice(x, x + edge)


def drawn(*boxes: tuple[str, tuple[slice, slice, slice], float], least: float = 0.5) -> StationMap:
    return outlined(probabilities(*boxes), CLASSES, COARSE, FINE, MIDLINE, least)


def test_a_station_lies_where_the_network_puts_it_whatever_the_grids() -> None:
    found = drawn(("7", cube(), 0.9))
    voxels = np.argwhere(found.mask("7"))
    for axis, (first, last) in enumerate(((4, 8), (6, 10), (6, 10))):
        coordinates = FINE.coordinates_mm(axis)[voxels[:, axis]]
        # Borders lie half a voxel of the network's grid around its centers.
        assert coordinates.min() == pytest.approx(first * 4 - 2, abs=1.5)
        assert coordinates.max() == pytest.approx(last * 4 - 2, abs=1.5)
    assert found.failure is None
    assert "7" not in found.left_out


def test_the_more_probable_of_two_stations_takes_a_voxel() -> None:
    values = probabilities(("7", cube(), 0.7))
    values[CLASSES.index("8")][cube()], values[0][cube()] = 0.25, 0.05
    found = outlined(values, CLASSES, COARSE, FINE, MIDLINE, 0.5)
    assert found.mask("7").any()
    assert not found.mask("8").any()


def test_an_island_far_from_its_station_goes() -> None:
    found = drawn(("4R", cube(), 0.9), ("4R", cube(z=1, y=1, x=12, edge=2), 0.9))
    assert np.ptp(np.argwhere(found.mask("4R"))[:, 2]) * 1.5 < 20


def test_a_station_of_both_sides_keeps_its_largest_piece_on_each() -> None:
    found = drawn(
        ("8", cube(x=1, edge=4), 0.9), ("8", cube(x=10, edge=4), 0.9), ("8", cube(z=1, y=1, x=10, edge=2), 0.9)
    )
    x = FINE.coordinates_mm(2)[np.argwhere(found.mask("8"))[:, 2]]
    assert (x < 30).any()
    assert (x >= 30).any()
    assert np.argwhere(found.mask("8"))[:, 1].min() > 10


def test_a_station_of_which_the_network_is_unsure_is_left_out_with_both_numbers() -> None:
    found = drawn(("4R", cube(), 0.55), ("7", cube(z=8, edge=3), 0.95), least=0.6)
    assert not found.mask("4R").any()
    reason = words(found.left_out["4R"])
    assert reason.startswith("not parsed: the network is not sure of it (mean probability 0.")
    assert reason.endswith("< 0.60)")
    assert found.mask("7").any()


def test_stations_that_it_does_not_find_or_never_draws_are_told_apart() -> None:
    found = drawn(("7", cube(), 0.9))
    assert words(found.left_out["4R"]) == "not parsed: the network does not find it"
    assert words(found.left_out["10L"]) == "not parsed: the model package does not draw station 10L"
    assert set(found.left_out) == {row.name for row in anatomy.stations()} - {"7"}


def test_where_it_finds_nothing_the_map_says_so() -> None:
    found = drawn()
    assert not found.labels.any()
    assert words(found.failure) == "the network finds no lymph node station in this CT"


def test_a_mirrored_answer_gives_the_mirrored_station() -> None:
    values = probabilities(("7", cube(x=3), 0.9))
    here = outlined(values, CLASSES, COARSE, COARSE, np.full(12, 30.0), 0.5).labels
    there = outlined(values[..., ::-1], CLASSES, COARSE, COARSE, np.full(12, 30.0), 0.5).labels
    np.testing.assert_array_equal(here, there[..., ::-1])
