"""Eq. 1 of Engelson et al. 2026."""

from __future__ import annotations

import numpy as np
import pytest

from LNStationLib.sampling.weight_map import weight_map


def test_weights_fall_from_the_centroid_to_the_farthest_voxel() -> None:
    mask = np.zeros((3, 3, 9), dtype=bool)
    mask[1, 1, 2:7] = True
    assert weight_map(mask, (1.0, 1.0, 1.0))[1, 1].tolist() == pytest.approx([0, 0, 0, 0.5, 1, 0.5, 0, 0, 0])


def test_distances_are_in_millimeters() -> None:
    mask = np.zeros((5, 5, 5), dtype=bool)
    mask[2, 2, :] = mask[:, 2, 2] = True
    weights = weight_map(mask, (2.0, 1.0, 1.0))
    assert weights[0, 2, 2] == 0
    assert weights[2, 2, 0] == pytest.approx(0.5)
    assert weights[2, 2, 2] == 1
    assert not weights[~mask].any()


def test_a_single_voxel_weighs_1_and_an_empty_station_nothing() -> None:
    mask = np.zeros((3, 3, 3), dtype=bool)
    assert not weight_map(mask, (1.0, 1.0, 1.0)).any()
    mask[1, 1, 1] = True
    assert weight_map(mask, (1.0, 1.0, 1.0))[1, 1, 1] == 1
