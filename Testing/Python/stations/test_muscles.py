"""Muscles of the neck are told from lymph nodes by their length."""

from __future__ import annotations

import numpy as np

from LNStationLib.imaging.grid import Grid
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.stations.iaslc_rules.frame import Frame
from LNStationLib.stations.iaslc_rules.muscles import long_soft_tissue

GRID = Grid((50, 40, 60), (1.5, 1.5, 1.5), (0.0, 0.0, 0.0))
FAT_HU, SOFT_HU = -100, 55


def found(soft: np.ndarray) -> np.ndarray:
    hu = np.where(soft, SOFT_HU, FAT_HU).astype(np.int16)
    everywhere = np.ones(GRID.shape, dtype=bool)
    return long_soft_tissue(Frame(GRID, (0, 0, 0), hu, OrganSet(GRID)), everywhere, everywhere)


def muscle(tilt: float, radius: float = 3.3) -> np.ndarray:
    """A muscle of 10 mm from top to bottom; ``tilt`` is its shift in x per step in z."""
    z, y, x = np.indices(GRID.shape)
    return np.asarray(np.hypot(y - 20, x - 15 - tilt * z) <= radius)


def node(z: int, y: int, x: int, radius: float) -> np.ndarray:
    k, j, i = np.indices(GRID.shape)
    return np.asarray((k - z) ** 2 + (j - y) ** 2 + (i - x) ** 2 <= radius**2)


def test_upright_and_oblique_muscles_are_found() -> None:
    for tilt in (0.0, 0.4, 0.8):
        inside = muscle(tilt, radius=1.5)
        assert found(muscle(tilt))[inside].mean() > 0.9, tilt


def test_a_large_node_is_no_muscle() -> None:
    assert not found(node(25, 20, 30, 9.0)).any()


def test_a_node_beside_a_muscle_stays_a_node() -> None:
    beside = node(25, 20, 23, 4.5) & ~muscle(0.0)
    assert found(muscle(0.0) | beside)[beside].mean() < 0.25


def test_a_field_of_view_shorter_than_a_node_can_be_tells_nothing() -> None:
    short = Grid((12, 40, 60), (1.5, 1.5, 1.5), (0.0, 0.0, 0.0))
    hu = np.where(muscle(0.0)[:12], SOFT_HU, FAT_HU).astype(np.int16)
    everywhere = np.ones(short.shape, dtype=bool)
    assert not long_soft_tissue(Frame(short, (0, 0, 0), hu, OrganSet(short)), everywhere, everywhere).any()
