"""One method of stations checked by another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from contracts.toy_methods import NAME as TOY
from contracts.toy_methods import ToyStations
from states import said

from LNStationLib import anatomy
from LNStationLib.assessment.assess import parse_case
from LNStationLib.assessment.methods import check_methods
from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import Grid
from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.state.station_map import StationMap
from LNStationLib.stations.comparison import NOT_COVERED, ComparisonOptions, agreement, compared
from LNStationLib.stations.registry import METHODS
from LNStationLib.support.errors import InputError
from LNStationLib.support.reason import Reason
from LNStationLib.support.words import words

GRID = Grid((20, 30, 30), (2.0, 1.0, 1.0), (0.0, 0.0, 0.0))
LIMITS = ComparisonOptions()


def station_map(**boxes: tuple[slice, slice, slice]) -> StationMap:
    labels = np.zeros(GRID.shape, np.uint8)
    for name, box in boxes.items():
        labels[box] = anatomy.station(name.removeprefix("s")).label_value
    reason = Reason("no_tissue_between_borders")
    left_out = {row.name: reason for row in anatomy.stations() if not (labels == row.label_value).any()}
    return StationMap(GRID, labels, np.full(20, 15.0), left_out=left_out)


def cube(z: int = 5, y: int = 10, x: int = 10, height: int = 8) -> tuple[slice, slice, slice]:
    return slice(z, z + height), slice(y, y + 10), slice(x, x + 10)


@pytest.mark.parametrize(
    ("moved", "border", "mm"),
    [
        (cube(height=12), "upper", 8.0),
        (cube(z=2, height=11), "lower", 6.0),
        (cube(y=14), "anterior", 4.0),
        (cube(x=13), "right", 3.0),
    ],
)
def test_the_border_that_lies_farthest_apart_is_named_with_its_distance(moved, border: str, mm: float) -> None:
    found = agreement(station_map(s7=cube()).labels > 0, station_map(s7=moved).labels > 0, GRID)
    assert (found.border, found.border_mm) == (border, pytest.approx(mm))


def test_a_stray_voxel_moves_no_border() -> None:
    one = station_map(s7=cube()).labels > 0
    other = one.copy()
    other[19, 29, 29] = True
    assert agreement(one, other, GRID).border_mm == 0.0


def test_outlines_that_agree_stay_without_a_doubt() -> None:
    own = station_map(s7=cube())
    assert compared(own, station_map(s7=cube(y=11)), "Other", LIMITS).doubts == {}


@pytest.mark.parametrize("moved", [cube(y=16), cube(height=14)], ids=["Dice", "border"])
def test_outlines_that_differ_are_doubted_in_words_with_numbers(moved) -> None:
    answer = compared(station_map(s7=cube()), station_map(s7=moved), "Other", LIMITS)
    (doubt,) = answer.doubts["7"]
    assert doubt.code == "methods_disagree"
    assert words(doubt).startswith(f"Other draws it otherwise (Dice {doubt.facts['dice']:.2f}, ")
    np.testing.assert_array_equal(answer.labels == 11, station_map(s7=cube()).labels == 11)


def test_a_doubt_of_the_method_itself_is_kept() -> None:
    own = replace(station_map(s7=cube()), doubts={"7": (Reason("as_written", {"words": "mine"}),)})
    codes = [doubt.code for doubt in compared(own, station_map(s7=cube(y=16)), "Other", LIMITS).doubts["7"]]
    assert codes == ["as_written", "methods_disagree"]


def test_a_station_that_the_other_method_lacks_is_doubted_unless_it_never_draws_it() -> None:
    own, other = station_map(s7=cube(), s9=cube(z=13, height=4)), station_map()
    other.left_out["9"] = Reason("left_out", {"why": Reason(NOT_COVERED, {"station": "9"})})
    answer = compared(own, other, "Other", LIMITS)
    assert {name: [doubt.code for doubt in doubts] for name, doubts in answer.doubts.items()} == {
        "7": ["other_method_finds_none"]
    }


def test_a_station_that_only_the_other_method_finds_stays_left_out_and_says_so() -> None:
    answer = compared(station_map(), station_map(s7=cube()), "Other", LIMITS)
    assert not answer.labels.any()
    assert (
        words(answer.left_out["7"]) == "no tissue between its borders in this field of view; Other finds it (1.6 ml)"
    )


def test_a_method_that_could_draw_nothing_is_no_disagreement() -> None:
    other = replace(station_map(), failure=Reason("no_slice_with_both_lungs"))
    answer = compared(station_map(s7=cube()), other, "Other", LIMITS)
    assert answer.doubts == {}
    assert said(answer.warnings) == ["The stations were not compared with Other, which could draw none in this case."]


def test_maps_of_different_grids_are_refused() -> None:
    other = replace(station_map(), grid=replace(GRID, spacing_mm=(1.0, 1.0, 1.0)))
    with pytest.raises(ValueError, match="different grids"):
        compared(station_map(), other, "Other", LIMITS)


def chosen(other: str) -> Settings:
    return Settings(working_spacing_mm=3.0, stations=StepSettings(options={"iaslc_rules": {"compare_with": other}}))


@pytest.mark.parametrize(("other", "words"), [("iaslc_rules", "itself"), ("nothing", "no method 'nothing'")])
def test_a_method_that_cannot_be_compared_with_is_refused_before_the_work(other: str, words: str) -> None:
    from edited_patient import patient

    case: Case = patient()
    with pytest.raises(InputError, match=words):
        check_methods(chosen(other), case)


def test_the_doubt_reaches_the_stations_of_an_assessment() -> None:
    from edited_patient import patient

    with METHODS.including(ToyStations()):
        state = parse_case(patient(), chosen(TOY))
    assert any("Toy draws it otherwise" in warning for warning in said(state.outlines["7"].warnings))
    assert any("Toy does not find this station" in warning for warning in said(state.outlines["4R"].warnings))
    assert state.provenance[-1].settings["compare_with"] == TOY


def test_every_comparison_is_a_row_for_the_report_and_several_methods_may_be_compared() -> None:
    own, other = station_map(s7=cube(), s8=cube(x=0)), station_map(s7=cube(z=6), s4R=cube(y=0))
    found = compared(compared(own, other, "First", LIMITS), own, "Second", LIMITS)
    rows = {(row.station, row.method): row for row in found.agreement}
    assert rows["7", "First"].dice == pytest.approx(7 / 8)
    assert (rows["7", "First"].border_mm, rows["7", "Second"].dice) == pytest.approx((2.0, 1.0))
    assert (rows["8", "First"].found_by, rows["4R", "First"].found_by) == ("chosen", "other")
    assert ("4R", "Second") not in rows
    assert ComparisonOptions(compare_with=" network, atlas_registration,network").others == (
        "network",
        "atlas_registration",
    )
    assert ComparisonOptions().others == ()
