"""Outlines keep area and place and never lose a small mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LNStationLib.export.pictures.contours import inner_point, outlines


def _area(polygon: list[tuple[float, float]]) -> float:
    x, y = np.array(polygon).T
    return float(abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2)


@settings(max_examples=25)
@given(
    row=st.floats(0.5, 3.0),
    column=st.floats(0.5, 3.0),
    radius=st.floats(8, 20),
    x=st.floats(25, 35),
    y=st.floats(25, 35),
)
def test_a_disk_keeps_its_area_and_center(row: float, column: float, radius: float, x: float, y: float) -> None:
    rows, columns = np.indices((int(64 / row), int(64 / column)))
    mask = ((rows + 0.5) * row - y) ** 2 + ((columns + 0.5) * column - x) ** 2 <= radius**2
    drawn = outlines(mask, (row, column), 0.9)
    assert len(drawn) == 1
    assert _area(drawn[0]) == pytest.approx(mask.sum() * row * column, rel=0.06)
    points = np.array(drawn[0])
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    assert middle == pytest.approx([x, y], abs=max(row, column))


def test_a_single_voxel_is_still_outlined() -> None:
    mask = np.zeros((20, 20), bool)
    mask[7, 12] = True
    (polygon,) = outlines(mask, (0.7, 0.7), 2.0)
    assert np.mean(polygon, axis=0) == pytest.approx([12.5 * 0.7, 7.5 * 0.7], abs=0.3)


def test_a_mask_at_the_edge_gets_a_closed_outline() -> None:
    mask = np.zeros((20, 20), bool)
    mask[:6, :8] = True
    (polygon,) = outlines(mask, (1.0, 1.0), 0.5)
    assert polygon[0] == polygon[-1]
    assert _area(polygon) == pytest.approx(48, rel=0.05)


def test_an_empty_mask_has_no_outline_and_no_room_for_a_label() -> None:
    assert outlines(np.zeros((5, 5), bool), (1, 1), 1) == []
    assert inner_point(np.zeros((5, 5), bool), (1, 1))[1] == 0


def test_the_label_point_is_the_middle_of_a_square() -> None:
    mask = np.zeros((30, 30), bool)
    mask[10:21, 4:15] = True
    place, depth = inner_point(mask, (2.0, 1.0))
    assert place == pytest.approx((9.5, 31.0))
    assert depth == pytest.approx(6.0)
