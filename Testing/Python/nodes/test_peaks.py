"""Single nodes as peaks of a mean probability, outlined at half of their own height."""

from __future__ import annotations

import numpy as np
import pytest

from LNStationLib.models.package.thorough_search import ThoroughSearch, View
from LNStationLib.nodes.from_network.peaks import find_peaks
from LNStationLib.state.assessment import FrocPoint

SPACING_MM = (2.0, 1.0, 1.0)
SEARCH = ThoroughSearch(
    froc=[
        FrocPoint(threshold=1.0, false_positives=0.0, recall=0.0),
        FrocPoint(threshold=0.0, false_positives=1.0, recall=1.0),
    ],
    views=[View()],
    least_peak=0.15,
    least_rise=0.1,
    smallest_short_axis_mm=3.0,
)


def hills(*rows: tuple[tuple[float, float, float], float, float]) -> np.ndarray:
    """Gaussian hills of a center in mm, a height and a sigma in mm; the highest at every voxel."""
    axes = np.meshgrid(np.arange(20) * 2.0, np.arange(40), np.arange(40), indexing="ij")
    values = np.zeros((20, 40, 40), np.float32)
    for center, height, sigma in rows:
        squares = sum((axis - at) ** 2 for axis, at in zip(axes, center, strict=True))
        values = np.maximum(values, height * np.exp(-squares / (2 * sigma**2)))
    return values.astype(np.float32)


def test_a_faint_node_is_outlined_as_wide_as_a_sure_one() -> None:
    found, levels = find_peaks(hills(((20, 10, 10), 0.9, 3.0), ((20, 30, 30), 0.2, 3.0)), SPACING_MM, SEARCH)
    sizes = np.bincount(found.labels.ravel())[1:]
    assert len(sizes) == 2
    assert sizes[0] == sizes[1]
    # Half of a Gaussian's height lies 1.177 sigma from its middle.
    assert sizes[0] * 2.0 == pytest.approx(4 / 3 * np.pi * (1.177 * 3) ** 3, rel=0.15)
    assert sorted(levels.values()) == pytest.approx([0.1, 0.45], abs=1e-3)
    assert max(found.scores.values()) > 3 * min(found.scores.values())


def test_what_is_fainter_than_the_least_peak_or_smaller_than_a_node_is_none() -> None:
    found, levels = find_peaks(hills(((20, 10, 10), 0.14, 3.0), ((20, 30, 30), 0.9, 0.8)), SPACING_MM, SEARCH)
    assert (found.scores, levels, found.labels.max()) == ({}, {}, 0)


@pytest.mark.parametrize(("apart_mm", "number"), [(4.0, 1), (12.0, 2)])
def test_two_peaks_are_two_nodes_where_the_saddle_between_them_is_low(apart_mm: float, number: int) -> None:
    found, _ = find_peaks(hills(((20, 20, 14), 0.9, 3.0), ((20, 20, 14 + apart_mm), 0.8, 3.0)), SPACING_MM, SEARCH)
    assert len(found.scores) == number


@pytest.mark.parametrize("height", [0.9, 0.8999, 0.89])
def test_two_tops_of_nearly_the_same_height_are_one_node_where_the_saddle_is_high(height: float) -> None:
    found, _ = find_peaks(hills(((20, 20, 14), 0.9, 3.0), ((20, 20, 16), height, 3.0)), SPACING_MM, SEARCH)
    assert len(found.scores) == 1


def test_a_plateau_with_a_neck_is_two_nodes() -> None:
    sure = np.minimum(hills(((20, 20, 10), 4.0, 3.5), ((20, 20, 24), 4.0, 3.5)), 1.0)
    assert len(find_peaks(sure, SPACING_MM, SEARCH)[0].scores) == 2


def test_nothing_and_everything_are_no_defect() -> None:
    assert find_peaks(np.zeros((6, 8, 8), np.float32), SPACING_MM, SEARCH)[0].scores == {}
    assert len(find_peaks(np.ones((6, 8, 8), np.float32), SPACING_MM, SEARCH)[0].scores) == 1
