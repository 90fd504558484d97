"""The prevascular surface on vessels drawn as discs."""

from __future__ import annotations

import numpy as np
import pytest

from LNStationLib.imaging.grid import Grid
from LNStationLib.state.organ_set import Organ, OrganSet, OrganSource
from LNStationLib.stations.iaslc_rules.borders import MissingAnatomyError
from LNStationLib.stations.iaslc_rules.frame import Frame
from LNStationLib.stations.iaslc_rules.prevascular import prevascular_surface
from LNStationLib.support.reason import Reason
from LNStationLib.support.words import words

GRID = Grid((12, 60, 80), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


def disc(x: float, y: float, radius: float) -> np.ndarray:
    ys, xs = np.mgrid[: GRID.shape[1], : GRID.shape[2]]
    return np.repeat(((xs - x) ** 2 + (ys - y) ** 2 <= radius**2)[None], GRID.shape[0], axis=0)


def frame(**masks: np.ndarray) -> Frame:
    organs = OrganSet(GRID)
    for name, mask in masks.items():
        organs.add(Organ(name, mask, OrganSource.SUPPLIED, Reason("test")))
    return Frame(GRID, (0, 0, 0), np.zeros(GRID.shape, np.int16), organs)


def test_surface_is_the_tangent_between_vena_cava_and_carotid() -> None:
    border = prevascular_surface(
        frame(superior_vena_cava=disc(20, 30, 6), common_carotid_artery_left=disc(60, 30, 6))
    )
    front = border.position_mm[6, 0]
    # From the left flank of the cava on; smoothed over 3 mm.
    np.testing.assert_allclose(front[36:61], 30 - 6.5, atol=0.6)
    np.testing.assert_allclose(front[[0, 20, 79]], 30 - 6.5, atol=1.5)


def test_what_has_the_vena_cava_behind_it_lies_in_front_of_the_surface() -> None:
    """Between cava and a bulging aorta the tangent passes before the cava's left flank: 3A goes on to the cava."""
    cava = disc(20, 30, 8)
    vessels = frame(superior_vena_cava=cava, ascending_aorta=disc(44, 20, 12))
    front = prevascular_surface(vessels).position_mm[6, 0]
    flank = np.arange(22, 26)
    wall = cava[6].argmax(axis=0)[flank]
    tangent = np.interp(flank, [20, 44], [22 - 0.5, 8 - 0.5])
    assert (front[flank] - tangent > 2.0).all()
    np.testing.assert_allclose(front[flank], wall - 0.5, atol=2.5)


def test_a_vessel_that_bulges_forward_pushes_the_surface_forward() -> None:
    border = prevascular_surface(
        frame(
            superior_vena_cava=disc(20, 30, 5),
            ascending_aorta=disc(40, 22, 8),
            common_carotid_artery_left=disc(60, 30, 5),
        )
    )
    front = border.position_mm[6, 0]
    assert front[40] == pytest.approx(22 - 8.5, abs=1.0)
    assert front[30] < 30 - 5
    assert not border.surrogate


def test_missing_vessels_are_named() -> None:
    border = prevascular_surface(frame(ascending_aorta=disc(40, 22, 8)))
    assert border.surrogate
    assert "superior vena cava" in words(border.rests_on)


def test_without_vessels_the_trachea_places_it() -> None:
    border = prevascular_surface(frame(trachea=disc(40, 40, 8)))
    assert border.surrogate
    assert float(border.position_mm[0, 0, 0]) == pytest.approx(32 - 20)


def test_without_anything_it_is_missing() -> None:
    with pytest.raises(MissingAnatomyError):
        prevascular_surface(frame(sternum=disc(40, 5, 3)))
