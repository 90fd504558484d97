"""A node network asked in several views. A stand-in answers by density, or by the view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models.volume_packages import write_volumes
from nodes.shapes import AXIAL, rotation
from nodes.test_find_nodes import BALLS, chest, stations_on
from nodes.test_node_network import SECTION, StandIn, settings, with_balls
from states import with_stations

pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from LNStationLib.case.case import Case
from LNStationLib.imaging.boxes import bounding_box
from LNStationLib.models.package.thorough_search import ThoroughSearch, View
from LNStationLib.models.runtime import segmentation
from LNStationLib.models.runtime.segmentation import ClassProbabilities, Segmenter
from LNStationLib.nodes.find import find_nodes
from LNStationLib.nodes.from_network.region import region_box
from LNStationLib.nodes.from_network.thorough import ask_in_views
from LNStationLib.nodes.network import SWITCH
from LNStationLib.state.assessment import FrocPoint
from LNStationLib.state.patient_state import PatientState
from LNStationLib.support.progress import silent

FROC = [
    FrocPoint(threshold=0.5, false_positives=1.0, recall=0.5),
    FrocPoint(threshold=0.0, false_positives=4.0, recall=1.0),
]
SEARCH = ThoroughSearch(
    froc=FROC,
    views=[View(), View(mirrored="y"), View(voxel_scale=0.8, mirrored="x")],
    least_peak=0.15,
    least_rise=0.1,
    smallest_short_axis_mm=3.0,
)
THOROUGH = SECTION.model_copy(update={"thorough": SEARCH})


class Noting(StandIn):
    """Notes in which views it was asked."""

    section = THOROUGH

    def __init__(self) -> None:
        super().__init__()
        self.views: list[tuple[tuple[float, ...], int | None]] = []

    def probabilities(self, *arguments: Any, **named: Any) -> ClassProbabilities:
        self.views.append((named["spec"].spacing_mm, named["mirrored"]))
        return super().probabilities(*arguments, **named)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Noting:
    made = Noting()
    monkeypatch.delenv(SWITCH, raising=False)
    monkeypatch.setattr(segmentation, "warm_segmenter", lambda *arguments: made)
    return made


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return write_volumes(tmp_path / "nodes.zip", THOROUGH)


def state_of(package: Path, direction: np.ndarray = AXIAL, **options: Any) -> PatientState:
    case = Case("case", with_balls(chest(direction)))
    return with_stations(case, stations_on(case.ct), settings(package, **options))


@pytest.mark.parametrize("direction", [AXIAL, rotation(25, 0)], ids=["axial", "oblique"])
def test_nodes_are_found_in_their_place_and_size(package: Path, asked: Noting, direction: np.ndarray) -> None:
    result = find_nodes(state_of(package, direction))
    assert [one.station for one in result.findings] == ["4R", "4R", "4L", "7"]
    for one, (center, diameter) in zip(result.findings, BALLS, strict=True):
        assert one.centroid_mm == pytest.approx(center, abs=1.0)
        assert one.short_axis_mm == pytest.approx(diameter, abs=2.0)
    assert asked.views == [((2.0, 1.5, 1.5), None), ((2.0, 1.5, 1.5), 1), (pytest.approx((1.6, 1.2, 1.2)), 2)]


def test_windows_of_a_magnified_view_hold_as_much_of_the_patient_as_in_training() -> None:
    spec = SECTION.volumes["nodes"].model_copy(update={"spacing_mm": (2.0, 1.5, 1.5), "patch": (64, 96, 96)})
    shown = View(voxel_scale=0.8).scaled(spec)
    assert shown.patch == (80, 120, 120)
    assert shown.spacing_mm == pytest.approx((1.6, 1.2, 1.2))
    assert View(mirrored="x").scaled(spec) == spec


def test_a_quick_search_asks_once_and_has_thresholds_of_its_own(package: Path, asked: Noting) -> None:
    find_nodes(state_of(package, search="quick"))
    assert asked.views == [((2.0, 1.5, 1.5), None)]


@pytest.mark.parametrize(("search", "froc"), [("thorough", FROC), ("quick", SECTION.froc)])
def test_operating_points_are_those_of_the_search(
    package: Path, asked: Noting, search: str, froc: list[FrocPoint]
) -> None:
    told = find_nodes(state_of(package, search=search)).provenance.operating_points
    assert [one.model_dump() for one in told] == [one.model_dump() for one in froc]
    assert SECTION.froc != FROC


def test_fewer_false_candidates_leave_the_surest_nodes(package: Path, asked: Noting) -> None:
    sure, every = (find_nodes(state_of(package, false_positives=fps)).findings for fps in (1.0, 4.0))
    assert min(one.score for one in sure if one.score is not None) >= 0.5
    assert len(sure) <= len(every)


def test_the_mean_of_the_views_counts(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One view of three holds a ball for node with 0.6: that is 0.2 on average, a peak above 0.15."""
    state = state_of(package)
    box = region_box(state.stations)
    assert box is not None

    class Single(StandIn):
        def probabilities(self, *arguments: Any, **named: Any) -> ClassProbabilities:
            found = super().probabilities(*arguments, **named)
            node = 0.6 * (found.of(1) > 0.7) * (named["mirrored"] == 1)
            return ClassProbabilities(found.grid, found.classes, np.stack([1 - node, node, 0 * node]))

    found = ask_in_views(Single(), THOROUGH, SEARCH, state, box, silent)  # type: ignore[arg-type]  # a stand-in
    assert len(found.scores) == len(BALLS)
    assert all(0.1 <= score <= 0.21 for score in found.scores.values())


def test_a_mirrored_view_shows_the_network_a_mirror_image_and_turns_its_answer_back(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from LNStationLib.models.package import read_package

    segmenter = Segmenter(read_package(package), "cpu", "torch")
    state = state_of(package)
    shown: list[np.ndarray] = []

    def marked(network: Any, ask: Any, volume: np.ndarray, *_: Any) -> np.ndarray:
        """The first channel in place of an answer, and one corner marked."""
        shown.append(volume)
        answer = np.zeros((3, *volume.shape[1:]), np.float32)
        answer[1, :, :, 0] = 1.0
        return answer

    monkeypatch.setattr(segmenter, "_predicted", marked)
    from LNStationLib.nodes.from_network.context import context_of

    box = region_box(state.stations)
    assert box is not None
    seen = context_of(state, box, SECTION.volumes["nodes"])
    plain, mirrored = (
        segmenter.probabilities("nodes", state.case.ct, seen.extent, seen.known, mirrored=axis) for axis in (None, 2)
    )
    np.testing.assert_array_equal(shown[0], shown[1][..., ::-1])
    assert bounding_box(plain.of(1) > 0.5)[2] == slice(0, 1)
    assert bounding_box(mirrored.of(1) > 0.5)[2].start == plain.grid.shape[2] - 1
