"""A reader's review: checked on reading, staged by the rules of the case, never mixed with the model's calls."""

from __future__ import annotations

from typing import Any

import pytest
from export.cases import make_result
from pydantic import ValidationError

from LNStationLib import anatomy
from LNStationLib.assessment.review import Review, evidence_sides, stage_reader_calls
from LNStationLib.case.case import CaseFacts
from LNStationLib.state.assessment import Call
from LNStationLib.state.settings import Settings
from LNStationLib.support.errors import InputError

WHEN = "2026-05-04T09:30:00+00:00"
RIGHT_LUNG = CaseFacts(cancer="lung", tumor_side="R")
NAMES = [row.name for row in anatomy.stations()]


def review(**changes: Any) -> dict[str, Any]:
    return {"reader": "Reader 3", "blind": False} | changes


def calls(*positive: str) -> dict[str, Call]:
    return {name: "positive" if name in positive else "negative" for name in NAMES}


def test_a_whole_review_reads_back_from_its_json() -> None:
    given = Review.model_validate(
        review(
            calls={
                "4R": {"call": "positive", "note": "hilum effaced", "when": WHEN},
                "7": {"call": None, "when": WHEN},
            },
            edits=[
                {"who": "Reader 3", "when": WHEN, "station": "6", "volume_before_ml": None, "volume_after_ml": 2.5},
                {"who": "Reader 3", "when": WHEN, "station": "4R", "volume_before_ml": 3.0, "volume_after_ml": None},
            ],
            n_category=stage_reader_calls(RIGHT_LUNG, calls("4R"), Settings()),
        )
    )
    assert Review.model_validate_json(given.model_dump_json()) == given
    assert given.schema_version == "1.2"


def test_a_review_of_1_0_which_had_no_edits_of_organs_is_read() -> None:
    saved = review(schema_version="1.0", calls={"4R": {"call": "positive", "when": WHEN}})
    read = Review.model_validate(saved)
    assert read.calls["4R"].call == "positive"
    assert read.edits == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema_version": "2.0"}, "1.1"),
        ({"reader": None}, "reader"),
        ({"blind": "perhaps"}, "blind"),
        ({"opinion": "good"}, "opinion"),
        ({"calls": {"4Q": {"call": "positive", "when": WHEN}}}, "no station '4Q'"),
        ({"calls": {"4R": {"call": "maybe", "when": WHEN}}}, "positive"),
        ({"calls": {"4R": {"call": "positive", "when": "yesterday"}}}, "not an ISO 8601 time"),
        ({"calls": {"4R": {"call": "positive"}}}, "when"),
        ({"calls": {"4R": {"call": "positive", "when": WHEN, "note": "x" * 5000}}}, "4000"),
        ({"edits": [{"who": "a", "when": WHEN, "station": "X"}]}, "no station 'X'"),
        (
            {"edits": [{"who": "a", "when": WHEN, "station": "7", "volume_after_ml": -1}]},
            "greater than or equal to 0",
        ),
    ],
)
def test_what_is_no_review_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Review.model_validate(review(**changes))


@pytest.mark.parametrize(
    ("positive", "category"),
    [
        ([], "N0"),
        (["10R"], "N1"),
        (["4R"], "N2"),
        (["7"], "N2"),
        (["4L"], "N3"),
        (["1R"], "N3"),
        (["10R", "7"], "N2"),
    ],
)
def test_calls_of_every_station_give_the_category_of_the_rules(positive: list[str], category: str) -> None:
    staging = stage_reader_calls(RIGHT_LUNG, calls(*positive), Settings())
    assert (staging.category, staging.is_lower_bound) == (category, False)
    assert staging.n_positive_nodes is None
    assert staging.not_assessed_stations == []


def test_stations_without_a_call_are_not_assessed_and_make_a_lower_bound() -> None:
    staging = stage_reader_calls(RIGHT_LUNG, {"10R": "positive", "4R": "negative"}, Settings())
    assert (staging.category, staging.is_lower_bound) == ("N1", True)
    assert set(staging.not_assessed_stations) == set(NAMES) - {"10R", "4R"}


def test_without_any_call_there_is_no_category() -> None:
    staging = stage_reader_calls(RIGHT_LUNG, {}, Settings())
    assert staging.category is None
    assert staging.explanation == "The reader has not called any station."


def test_without_cancer_or_side_there_is_no_category_but_a_reason() -> None:
    assert "cancer was not given" in stage_reader_calls(CaseFacts(), calls("4R"), Settings()).explanation
    lung = CaseFacts(cancer="lung")
    assert "side of the lung tumor" in stage_reader_calls(lung, calls("4R"), Settings()).explanation


def test_the_side_of_a_station_without_one_is_that_of_the_models_evidence() -> None:
    known = stage_reader_calls(RIGHT_LUNG, calls("8"), Settings(), {"8": ["L"]})
    assert (known.category, known.positive_stations) == ("N3", ["8L"])
    unknown = stage_reader_calls(RIGHT_LUNG, calls("8"), Settings())
    assert unknown.category == "N2"
    assert unknown.is_lower_bound


def test_sides_of_evidence_come_from_positive_stations_of_the_assessment() -> None:
    assert evidence_sides(make_result().assessment) == {"7": ["R"]}
    assert evidence_sides(None) == {}


def test_mirrored_calls_on_the_mirrored_tumor_give_the_same_category() -> None:
    left = CaseFacts(cancer="lung", tumor_side="L")
    for right, mirrored in (("4R", "4L"), ("10R", "10L"), ("2L", "2R"), ("11L", "11R")):
        one = stage_reader_calls(RIGHT_LUNG, calls(right), Settings())
        other = stage_reader_calls(left, calls(mirrored), Settings())
        assert one.category == other.category, right


def test_esophageal_cancer_is_staged_by_a_lower_bound_because_a_reader_counts_no_nodes() -> None:
    facts = CaseFacts(cancer="esophagus")
    staging = stage_reader_calls(facts, calls("4R", "7", "8"), Settings())
    assert (staging.category, staging.is_lower_bound, staging.n_positive_nodes) == ("N2", True, None)
    assert stage_reader_calls(facts, calls(), Settings()).category == "N0"


def test_the_rules_are_those_of_the_settings() -> None:
    assert stage_reader_calls(RIGHT_LUNG, calls("4R"), Settings(rules="tnm9")).category == "N2a"


def test_an_unknown_station_is_refused() -> None:
    with pytest.raises(InputError, match="no station '4Q'"):
        stage_reader_calls(RIGHT_LUNG, {"4Q": "positive"}, Settings())
