"""Where a click on a row leads, and which station lies under the cursor."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from LNStationSlicer.case.CaseScene import CaseScene  # noqa: E402
from LNStationSlicer.exchange.VolumeExchange import pointToRas  # noqa: E402
from LNStationSlicer.views import Navigation  # noqa: E402
from module.mrml_cases import (  # noqa: E402
    GRIDS,
    Editor,
    geometry_of,
    lps_matrix,
    make_assessment,
    make_case,
    make_volume,
    node_array,
    station_array,
)


@pytest.fixture(autouse=True)
def _empty_scene() -> Iterator[None]:
    slicer_host.clear_scene()
    yield
    slicer_host.clear_scene()


def voxel_at(matrix: np.ndarray, point: tuple[float, float, float]) -> tuple[int, int, int]:
    """The voxel [z, y, x] under a point in RAS."""
    i, j, k = np.rint((np.linalg.inv(matrix) @ [*pointToRas(point), 1.0])[:3]).astype(int)
    return k, j, i


@pytest.mark.parametrize("grid", GRIDS)
def test_a_station_is_shown_at_its_largest_node(grid: str) -> None:
    case = make_case(GRIDS[grid])
    point = Navigation.stationPoint(case, "4R")
    assert point is not None
    assert node_array()[voxel_at(GRIDS[grid], point)] == 7
    assert Navigation.stationAt(case, point) == "4R"


@pytest.mark.parametrize(("station", "node"), [("4R", 1), ("4L", 7)])
def test_where_a_network_looked_at_a_node_the_station_is_shown_there(
    station: str, node: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, assessment = make_case(), make_assessment()
    next(row for row in assessment["stations"] if row["station"] == station)["attention_node"] = node
    monkeypatch.setattr(case, "assessment", lambda: assessment)
    point = Navigation.stationPoint(case, station)
    found = node_array()[voxel_at(lps_matrix(), point)]
    # A node of the neighbor is shown from inside the station.
    assert found == node if station == "4R" else Navigation.stationAt(case, point) == "4L"
    assert Navigation.stationPoint(case, station, modelHidden=True) != point


def test_without_nodes_a_station_is_shown_at_its_middle() -> None:
    case = make_case()
    point = Navigation.stationPoint(case, "4L")
    assert pointToRas(point) == pytest.approx((lps_matrix() @ [25.5, 13.5, 14.5, 1.0])[:3], abs=1e-3)


def test_while_the_model_is_hidden_its_nodes_do_not_lead_the_views() -> None:
    case = make_case()
    point = Navigation.stationPoint(case, "4R", modelHidden=True)
    assert pointToRas(point) == pytest.approx((lps_matrix() @ [13.5, 13.5, 14.5, 1.0])[:3], abs=1e-3)


def test_the_point_of_a_hollow_station_lies_inside_it() -> None:
    case = make_case()
    ring = station_array()
    ring[12:18, 10:18, 22:30] = 0
    case.setStations(ring, geometry_of(lps_matrix()))
    assert Navigation.stationAt(case, Navigation.stationPoint(case, "4L")) == "4L"


def test_an_empty_station_has_no_point_and_moves_nothing() -> None:
    case = make_case()
    node = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    before = node.GetSliceToRAS().GetElement(2, 3)
    assert Navigation.centerOn(case, "1R") is None
    assert node.GetSliceToRAS().GetElement(2, 3) == before


@pytest.mark.parametrize("grid", ["anisotropic", "oblique"])
def test_all_slice_views_are_centered_on_the_station(grid: str) -> None:
    case = make_case(GRIDS[grid])
    point = Navigation.centerOn(case, "7")
    for color in ("Red", "Green", "Yellow"):
        matrix = slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{color}").GetSliceToRAS()
        assert [matrix.GetElement(axis, 3) for axis in range(3)] == pytest.approx(point, abs=1e-6)


@pytest.mark.parametrize("grid", GRIDS)
def test_the_station_under_a_point_is_that_of_the_voxel(grid: str) -> None:
    case = make_case(GRIDS[grid])
    for ijk, station in (((19, 10, 14), "4R"), ((20, 10, 14), "4L"), ((15, 12, 5), "7"), ((2, 2, 2), None)):
        x, y, z = (GRIDS[grid] @ [*ijk, 1.0])[:3]
        assert Navigation.stationAt(case, (-x, -y, z)) == station
    assert Navigation.stationAt(case, (9999.0, 0.0, 0.0)) is None


def test_a_station_on_a_layer_of_its_own_is_found_too() -> None:
    case = make_case()
    Editor(case.stationsNode(), case.ctNode(), overwrite=False).paint("7", (slice(20, 22), slice(2, 4), slice(2, 4)))
    x, y, z = (lps_matrix() @ [2, 2, 20, 1.0])[:3]
    assert Navigation.stationAt(case, (-x, -y, z)) == "7"
    x, y, z = (lps_matrix() @ [10, 10, 14, 1.0])[:3]
    assert Navigation.stationAt(case, (-x, -y, z)) == "4R"


def test_relevant_stations_are_positive_near_a_threshold_or_have_the_readers_attention() -> None:
    case = make_case()
    assert Navigation.relevantStations(case) == ["4R", "7"]
    case.review().setNote("4L", "look again")
    case.review().markStale(["2R"])
    assert Navigation.relevantStations(case) == ["2R", "4R", "4L", "7"]


def test_a_small_node_alone_makes_no_station_worth_stepping_to() -> None:
    case, assessment = make_case(), make_assessment()
    for finding in assessment["stations"]:
        finding["nearly_positive"] = False
    case.setAssessment(assessment)
    assert next(row for row in assessment["stations"] if row["station"] == "7")["n_nodes"] == 1
    assert Navigation.relevantStations(case) == ["4R"]


def test_stepping_goes_around_and_on_from_any_station() -> None:
    case = make_case()
    assert Navigation.nextStation(case, None) == "4R"
    assert Navigation.nextStation(case, "4R") == "7"
    assert Navigation.nextStation(case, "7") == "4R"
    assert Navigation.nextStation(case, "4R", -1) == "7"
    assert Navigation.nextStation(case, None, -1) == "7"
    assert Navigation.nextStation(case, "4L") == "7"
    assert Navigation.nextStation(case, "4L", -1) == "4R"


def test_with_a_hidden_model_stepping_visits_what_is_not_called_yet() -> None:
    case = make_case()
    assert Navigation.relevantStations(case, modelHidden=True) == ["4R", "4L", "7"]
    case.review().setCall("4L", "negative")
    assert Navigation.nextStation(case, "4R", modelHidden=True) == "7"


def test_without_an_assessment_there_is_nowhere_to_step() -> None:
    case = CaseScene.create(slicer.mrmlScene, make_volume())
    assert Navigation.nextStation(case, None) is None
    assert Navigation.stationPoint(case, "4R") is None
    assert Navigation.stationAt(case, (0.0, 0.0, 0.0)) is None
    case.setAssessment({**make_assessment(), "nodes": [], "stations": []})
    assert Navigation.relevantStations(case) == []
