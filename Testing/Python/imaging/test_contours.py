"""Masks to contours and back: the same voxels, holes and islands among them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from LNStationLib.imaging.contours import contours_mask, mask_contours


@given(arrays.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_any_mask_comes_back(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(contours_mask(mask_contours(mask), mask.shape), mask)


def test_points_are_enough_and_no_more_for_a_rectangle() -> None:
    mask = np.zeros((6, 9), bool)
    mask[1:4, 2:8] = True
    (ring,) = mask_contours(mask)
    assert len(ring) == 8, "four edges, and four cut corners"
    assert ring.min(axis=0) == pytest.approx([1.5, 0.5])
    assert ring.max(axis=0) == pytest.approx([7.5, 3.5])


def test_a_hole_is_part_of_its_outline_and_an_island_in_it_is_not() -> None:
    mask = np.ones((11, 11), bool)
    mask[2:9, 2:9] = False
    mask[5, 5] = True
    assert len(mask_contours(mask)) == 2


def test_contours_of_others_that_lie_within_each_other_make_a_hole() -> None:
    square = np.array([[0.5, 0.5], [5.5, 0.5], [5.5, 5.5], [0.5, 5.5]])
    mask = contours_mask([square, square / 5 * 2 + 1.8], (7, 7))
    assert mask.sum() == 25 - 4


def test_what_lies_outside_the_image_is_cut_off() -> None:
    square = np.array([[-3.0, -3], [1.5, -3], [1.5, 1.5], [-3, 1.5]])
    np.testing.assert_array_equal(np.argwhere(contours_mask([square], (4, 4))), [[0, 0], [0, 1], [1, 0], [1, 1]])
