"""The drawn map says every call, with and without color, on the patient's side."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from export.cases import Options, make_result
from export.drawings import NAMESPACE, texts

from LNStationLib import anatomy
from LNStationLib.export.pictures.schematic import MapState, map_state, station_map_svg
from LNStationLib.state.assessment import StationFinding
from LNStationLib.support.resources import resource_path

DRAWING = json.loads(resource_path("Report", "station_map.json").read_text(encoding="utf-8"))


def _finding(**changes: object) -> StationFinding:
    values: dict[str, object] = {
        "station": "8",
        "label_value": 12,
        "title": "paraesophageal",
        "zone": "lower",
        "volume_ml": 3.0,
        "reason": "x",
    }
    return StationFinding.model_validate(values | changes)


def test_every_station_of_the_table_is_drawn_and_no_other() -> None:
    assert {shape["station"] for shape in DRAWING["stations"]} == {row.name for row in anatomy.stations()}


def test_right_stations_are_drawn_left_of_left_ones() -> None:
    labels = {(shape["station"], shape["side"]): shape["label"][0] for shape in DRAWING["stations"]}
    for right, left in (("1R", "1L"), ("2R", "2L"), ("4R", "4L"), ("10R", "10L"), ("11R", "11L")):
        assert labels[right, "R"] < labels[left, "L"]
    for name in ("8", "9"):
        assert labels[name, "R"] < labels[name, "L"]


def test_sides_of_the_drawing_are_those_of_the_table() -> None:
    for shape in DRAWING["stations"]:
        side = anatomy.station(shape["station"]).side
        assert side is None or shape["side"] == side


def test_stations_stand_in_the_order_of_the_map_from_head_to_diaphragm() -> None:
    heights = {shape["station"]: shape["label"][1] for shape in DRAWING["stations"] if not shape.get("inset")}
    for chain in (("1R", "2R", "4R", "10R", "11R", "9"), ("1L", "2L", "4L", "5", "10L", "11L"), ("6", "5", "7", "8")):
        ordered = [heights[name] for name in chain]
        assert ordered == sorted(ordered)


@pytest.mark.parametrize(
    ("finding", "side", "state"),
    [
        (None, None, MapState.NOT_PARSED),
        (_finding(volume_ml=None), None, MapState.NOT_PARSED),
        (_finding(), None, MapState.NOT_ASSESSED),
        (_finding(call="negative"), "L", MapState.NEGATIVE),
        (_finding(call="positive"), "L", MapState.POSITIVE),
        (_finding(call="positive", positive_sides=["R"]), "R", MapState.POSITIVE),
        (_finding(call="positive", positive_sides=["R"]), "L", MapState.OTHER_SIDE),
        (_finding(call="positive", positive_sides=["R"]), None, MapState.POSITIVE),
        (_finding(call="positive", positive_sides=["L", "R"]), "L", MapState.POSITIVE),
        (_finding(volume_ml=None, call="positive"), None, MapState.POSITIVE),
        (_finding(call="positive", fit_for_staging=False), "L", MapState.UNCONFIRMED_POSITIVE),
        (_finding(call="negative", fit_for_staging=False), "L", MapState.UNCONFIRMED_NEGATIVE),
    ],
)
def test_call_and_side_decide_how_a_shape_is_drawn(
    finding: StationFinding | None, side: str | None, state: MapState
) -> None:
    assert map_state(finding, side) is state


def test_the_map_says_each_call_in_words_and_marks() -> None:
    drawn = station_map_svg(make_result().assessment)
    titles = [element.text for element in ElementTree.fromstring(drawn).iter(f"{NAMESPACE}title")]
    assert "Station 4R: positive" in titles
    assert "Station 2R: negative" in titles
    assert "Station 4L: not assessed" in titles
    assert "Station 1R: not parsed" in titles
    marks = {"+", "\N{EN DASH}", "?"}
    assert marks <= set(texts(drawn))


def test_side_marks_are_on_the_right_sides() -> None:
    labels = texts(station_map_svg(make_result().assessment))
    assert labels["R"][0] < labels["4R"][0] < labels["4L"][0] < labels["L"][0]


def test_the_same_assessment_gives_the_same_drawing() -> None:
    assert station_map_svg(make_result().assessment) == station_map_svg(make_result(Options()).assessment)
