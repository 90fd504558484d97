"""Boxes of masks and label maps, against the plain definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from LNStationLib.imaging import boxes
from LNStationLib.imaging.grid import Grid

label_maps = arrays.arrays(np.uint8, st.tuples(*3 * [st.integers(1, 5)]), elements=st.sampled_from([0, 0, 0, 1, 4]))


def by_definition(mask: np.ndarray) -> boxes.Box | None:
    found = np.nonzero(mask)
    if not found[0].size:
        return None
    z, y, x = (slice(int(axis.min()), int(axis.max()) + 1) for axis in found)
    return z, y, x


@given(label_maps)
def test_a_bounding_box_holds_all_that_is_not_0_and_nothing_more(labels: np.ndarray) -> None:
    assert boxes.bounding_box(labels) == boxes.bounding_box(labels > 0) == by_definition(labels)


@given(label_maps)
def test_every_value_that_is_there_has_its_own_box(labels: np.ndarray) -> None:
    expected = {int(value): by_definition(labels == value) for value in np.unique(labels) if value}
    assert boxes.label_boxes(labels) == expected


@given(label_maps, st.integers(0, 3))
def test_a_margin_stays_within_the_array(labels: np.ndarray, margin: int) -> None:
    if not labels.any():
        with pytest.raises(ValueError, match="empty"):
            boxes.box_of(labels, margin)
        return
    tight, box = by_definition(labels), boxes.box_of(labels, margin)
    assert tight is not None
    for part, own, size in zip(box, tight, labels.shape, strict=True):
        assert (part.start, part.stop) == (max(0, own.start - margin), min(size, own.stop + margin))


def test_a_margin_in_mm_is_never_shorter() -> None:
    mask = np.zeros((20, 20, 20), bool)
    mask[10, 10, 10] = True
    found = boxes.box_around(mask, 5.0, (5.0, 2.0, 1.5))
    assert found == (slice(9, 12), slice(7, 14), slice(6, 15))
    assert boxes.box_around(np.zeros_like(mask), 5.0, (5.0, 2.0, 1.5)) is None


@pytest.mark.parametrize(("margin_mm", "grown"), [(0.0, (2, 3)), (1.5, (1, 4)), (3.1, (0, 5)), (50.0, (0, 5))])
def test_a_margin_is_rounded_up_to_voxels_and_ends_at_the_array(margin_mm: float, grown: tuple[int, int]) -> None:
    mask = np.zeros((5, 5, 5), bool)
    mask[2, 2, 2] = True
    assert boxes.box_around(mask, margin_mm, (1.5, 1.5, 1.5)) == (slice(*grown),) * 3


def test_a_box_within_a_box_and_back() -> None:
    outer, part = (slice(2, 9), slice(3, 9), slice(4, 9)), (slice(3, 5), slice(3, 6), slice(6, 9))
    assert boxes.within(part, outer) == (slice(1, 3), slice(0, 3), slice(2, 5))
    assert boxes.inside_of(outer, boxes.within(part, outer)) == part
    assert boxes.shared(outer, part) == part
    assert boxes.shared(part, (slice(0, 4), slice(5, 9), slice(0, 9))) == (slice(3, 4), slice(5, 6), slice(6, 9))
    assert boxes.shared(part, (slice(5, 9), slice(0, 9), slice(0, 9))) is None
    assert boxes.bounding_region([outer, part]) == outer
    assert boxes.bounding_region([]) is None


def test_a_part_of_a_grid_keeps_its_voxels_in_place() -> None:
    grid = Grid((10, 12, 14), (2.0, 1.0, 0.5), (-30.0, 5.0, 7.0))
    part = grid.part((slice(3, 6), slice(0, 12), slice(4, 9)))
    assert part.shape == (3, 12, 5)
    assert part.point_mm((0, 0, 0)) == pytest.approx(grid.point_mm((3, 0, 4)))
    assert part.point_mm((2, 11, 4)) == pytest.approx(grid.point_mm((5, 11, 8)))
