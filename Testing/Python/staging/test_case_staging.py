"""The N category of a case, and what the stations without a call mean for it."""

from __future__ import annotations

import pytest

from LNStationLib import anatomy
from LNStationLib.case.case import CaseFacts
from LNStationLib.staging.case_staging import stage_case
from LNStationLib.state.assessment import NodeFinding
from LNStationLib.state.settings import Settings

RIGHT_LUNG = CaseFacts(cancer="lung", tumor_side="R")
ESOPHAGUS = CaseFacts(cancer="esophagus")
ALL = [row.name for row in anatomy.stations()]


def node(number: int, call: str, source: str = "supplied") -> NodeFinding:
    return NodeFinding(
        node_id=number,
        source=source,  # type: ignore[arg-type]
        station="7",
        station_fraction=1.0,
        volume_mm3=500.0,
        short_axis_mm=11.0,
        long_axis_mm=14.0,
        extent_mm=(14.0, 11.0, 9.0),
        mean_hu=40.0,
        centroid_mm=(0.0, 0.0, 0.0),
        bounding_box_mm=((0.0, 0.0, 0.0), (14.0, 11.0, 9.0)),
        call=call,  # type: ignore[arg-type]
        reason="test",
    )


def test_a_positive_subcarinal_station_is_n2_and_decides_it() -> None:
    staging = stage_case(RIGHT_LUNG, ["7"], [], [], Settings())
    assert (staging.category, staging.deciding_stations, staging.is_lower_bound) == ("N2", ["7"], False)
    assert staging.rules == "tnm8"


def test_a_station_without_a_call_that_could_raise_the_category_makes_it_a_lower_bound() -> None:
    staging = stage_case(RIGHT_LUNG, ["7"], ["1L"], [], Settings())
    assert staging.category == "N2"
    assert staging.is_lower_bound
    assert staging.not_assessed_stations == ["1L"]
    assert any("1L" in warning for warning in staging.warnings)


def test_a_station_without_a_call_that_cannot_raise_the_category_leaves_it_exact() -> None:
    staging = stage_case(RIGHT_LUNG, ["4L"], ["7", "10R"], [], Settings())
    assert (staging.category, staging.is_lower_bound) == ("N3", False)


def test_without_any_call_there_is_no_category() -> None:
    staging = stage_case(RIGHT_LUNG, [], ALL, [], Settings())
    assert staging.category is None
    assert "No station could be assessed" in staging.explanation


@pytest.mark.parametrize("facts", [CaseFacts(), CaseFacts(cancer="lung")])
def test_missing_facts_give_no_category_and_say_which_fact(facts: CaseFacts) -> None:
    staging = stage_case(facts, ["7"], [], [], Settings())
    assert staging.category is None
    assert "not given" in staging.explanation


def test_esophageal_cancer_counts_positive_nodes() -> None:
    nodes = [node(1, "positive"), node(2, "positive"), node(3, "positive"), node(4, "negative")]
    staging = stage_case(ESOPHAGUS, ["7"], [], nodes, Settings())
    assert (staging.category, staging.n_positive_nodes, staging.rules) == ("N2", 3, "ajcc8_esophagus")
    assert not staging.is_lower_bound


def test_esophageal_stations_positive_without_a_node_give_a_lower_bound() -> None:
    staging = stage_case(ESOPHAGUS, ["2R", "4R", "7"], [], [node(1, "positive")], Settings())
    assert (staging.category, staging.is_lower_bound) == ("N2", True)


def test_positive_nodes_in_stations_that_are_not_called_positive_are_named() -> None:
    elsewhere = [node(number, "positive").model_copy(update={"station": "1L"}) for number in (2, 3)]
    outside = node(4, "positive").model_copy(update={"station": None})
    staging = stage_case(ESOPHAGUS, ["7"], [], [node(1, "positive"), *elsewhere, outside], Settings())
    assert (staging.category, staging.n_positive_nodes) == ("N2", 4)
    code = next(each for each in staging.warning_codes if each.code == "positive_nodes_in_other_stations")
    assert code.facts == {"n_nodes": 2, "stations": ["1L"]}
    assert any("2 positive nodes lie outside the positive stations, in 1L" in text for text in staging.warnings)


@pytest.mark.parametrize("named", ["8R", "8L", "8"])
def test_a_node_in_the_positive_part_of_a_station_without_a_side_is_not_elsewhere(named: str) -> None:
    inside = node(1, "positive").model_copy(update={"station": "8"})
    assert stage_case(ESOPHAGUS, [named], [], [inside, node(2, "negative")], Settings()).warnings == []


def test_rules_are_chosen_by_name() -> None:
    assert stage_case(RIGHT_LUNG, ["1R"], [], [], Settings(rules="petct_paper")).category == "N2"
    assert stage_case(RIGHT_LUNG, ["4R", "7"], [], [], Settings(rules="tnm9")).category == "N2b"


def test_unconfirmed_ct_candidates_stage_nobody_but_say_what_they_would_give() -> None:
    staging = stage_case(RIGHT_LUNG, ["7"], [], [node(1, "positive", "ct_blobs")], Settings())
    assert staging.category is None
    assert staging.deciding_stations == []
    assert "unconfirmed" in staging.explanation
    assert "N2" in staging.explanation


def test_the_candidates_property_and_not_their_methods_name_decides() -> None:
    unfit = node(1, "positive").model_copy(update={"fit_for_staging": False})
    assert stage_case(RIGHT_LUNG, ["7"], [], [unfit], Settings()).category is None
    assert stage_case(RIGHT_LUNG, ["7"], [], [node(1, "positive")], Settings()).category == "N2"


def test_a_node_of_an_assessment_from_before_the_property_is_read_as_it_was_meant() -> None:
    for source, fit in (("ct_blobs", False), ("supplied", True), ("pet_threshold", True)):
        saved = node(1, "positive", source).model_dump(exclude={"fit_for_staging"})
        assert NodeFinding.model_validate(saved).fit_for_staging is fit
