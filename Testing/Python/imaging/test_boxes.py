"""Boxes around masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from LNStationLib.imaging.boxes import bounding_box, box_around


@given(arrays(bool, array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.booleans()))
def test_the_bounding_box_is_the_smallest_that_holds_the_mask(mask: np.ndarray) -> None:
    box = bounding_box(mask)
    if not mask.any():
        assert box is None
        return
    assert box is not None
    found = np.argwhere(mask)
    assert [part.start for part in box] == found.min(0).tolist()
    assert [part.stop for part in box] == (found.max(0) + 1).tolist()


@pytest.mark.parametrize(("margin_mm", "grown"), [(0.0, (2, 3)), (1.5, (1, 4)), (3.1, (0, 5)), (50.0, (0, 5))])
def test_a_margin_is_rounded_up_to_voxels_and_ends_at_the_array(margin_mm: float, grown: tuple[int, int]) -> None:
    mask = np.zeros((5, 5, 5), bool)
    mask[2, 2, 2] = True
    assert box_around(mask, margin_mm, (1.5, 1.5, 1.5)) == (slice(*grown),) * 3
