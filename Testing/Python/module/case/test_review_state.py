"""The reader's review: calls and notes, the blind first read, what goes into the report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from LNStationSlicer.case.ReviewState import ReviewState  # noqa: E402
from LNStationSlicer.exchange.ReviewTypes import Review  # noqa: E402
from module.mrml_cases import make_assessment  # noqa: E402


@pytest.fixture
def review() -> Iterator[ReviewState]:
    slicer_host.clear_scene()
    times = iter(f"2024-05-01T10:{minute:02d}:00+00:00" for minute in range(60))
    yield ReviewState(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "Review"), lambda: next(times))
    slicer_host.clear_scene()


def test_a_new_review_says_nothing(review: ReviewState) -> None:
    assert (review.reader, review.blind, review.calls(), review.edits(), review.stale()) == ("", False, {}, [], [])
    assert review.nCategory() is None


def test_calls_and_notes_are_kept_with_their_time(review: ReviewState) -> None:
    review.setCall("7", "negative")
    review.setNote("4R", "calcified")
    review.setCall("4R", "positive")
    assert review.calls() == {"4R": "positive", "7": "negative"}
    assert list(review.calls()) == ["4R", "7"]
    assert review.asReview()["calls"]["4R"] == {
        "call": "positive", "note": "calcified", "when": "2024-05-01T10:02:00+00:00",
    }  # fmt: skip
    review.setCall("4R", None)
    assert review.call("4R") is None
    assert review.note("4R") == "calcified"
    review.setNote("4R", "")
    assert list(review.asReview()["calls"]) == ["7"]


def test_a_call_set_again_keeps_its_time_and_fires_no_event(review: ReviewState) -> None:
    review.setCall("7", "negative")
    events: list[Any] = []
    review.node.AddObserver("ModifiedEvent", lambda caller, event: events.append(event))
    review.setCall("7", "negative")
    review.setNote("7", "")
    review.reader = ""
    assert events == []
    review.setCall("7", "positive")
    assert len(events) == 1


def test_unknown_calls_and_stations_are_refused(review: ReviewState) -> None:
    with pytest.raises(ValueError, match="'maybe'"):
        review.setCall("7", "maybe")  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="no station '4X'"):
        review.setCall("4X", "positive")
    with pytest.raises(KeyError, match="no station '4X'"):
        review.markStale(["4X"])


def test_a_changed_call_takes_the_n_category_back_but_a_note_does_not(review: ReviewState) -> None:
    staging: Any = {**make_assessment()["staging"], "network": None, "network_refusal": None, "warning_codes": []}
    staging["explanation_code"] = None
    review.setCall("7", "positive")
    review.setNCategory(staging)
    review.setNote("7", "bulky")
    assert review.nCategory() == staging
    review.setCall("7", "negative")
    assert review.nCategory() is None


def test_two_handles_of_one_node_see_each_other(review: ReviewState) -> None:
    other = ReviewState(review.node)
    assert other.calls() == {}
    review.setCall("7", "positive")
    assert other.call("7") == "positive"
    other.setCall("4R", "negative")
    assert review.calls() == {"4R": "negative", "7": "positive"}


# Blind first read


def test_the_model_is_hidden_until_every_shown_station_is_called(review: ReviewState) -> None:
    shown = ["4R", "7"]
    assert not review.modelHidden(shown)
    review.blind = True
    assert review.modelHidden(shown)
    review.setCall("4R", "positive")
    assert review.uncalled(shown) == ["7"]
    assert review.modelHidden(shown)
    review.setNote("7", "a note is no call")
    assert review.modelHidden(shown)
    review.setCall("7", "negative")
    assert not review.modelHidden(shown)


def test_nothing_is_revealed_while_nothing_is_shown(review: ReviewState) -> None:
    review.blind = True
    assert review.modelHidden([])


def test_once_revealed_nothing_is_hidden_again_and_the_first_read_is_kept(review: ReviewState) -> None:
    review.blind = True
    review.setCall("7", "negative")
    assert not review.modelHidden(["7"])
    review.setCall("7", "positive")
    review.setCall("7", None)
    assert not review.modelHidden(["7", "4R"])
    assert review.asDict()["first_read"]["7"]["call"] == "negative"
    assert review.asDict()["revealed"] == "2024-05-01T10:01:00+00:00"


def test_the_blind_read_can_be_ended_early(review: ReviewState) -> None:
    review.blind = True
    review.reveal()
    assert not review.modelHidden(["7"])
    assert review.asDict()["first_read"] == {}


# Stale marks and the report


def test_stale_marks_come_in_table_order_and_go_one_by_one(review: ReviewState) -> None:
    review.markStale(["7", "4R", "2L"])
    assert review.stale() == ["2L", "4R", "7"]
    review.markFresh(["4R"])
    assert review.stale() == ["2L", "7"]
    review.markFresh()
    assert not review.isStale("7")


def test_another_readers_edit_is_an_entry_of_its_own(review: ReviewState) -> None:
    review.reader = "A"
    review.logEdit("7", 1.0, 2.0)
    review.logEdit("7", 2.0, 3.0)
    review.reader = "B"
    review.logEdit("7", 3.0, 1.5)
    volumes = [(edit["who"], edit["volume_before_ml"], edit["volume_after_ml"]) for edit in review.edits()]
    assert volumes == [("A", 1.0, 3.0), ("B", 3.0, 1.5)]
    assert review.editedStations() == ["7"]


def test_the_report_gets_exactly_the_fields_of_a_review(review: ReviewState) -> None:
    review.blind = True
    review.setCall("7", "positive")
    review.logEdit("7", 1.0, 2.0)
    review.markStale(["7"])
    review.reveal()
    assert set(review.asReview()) == set(Review.__annotations__)


def test_the_worker_takes_the_review(review: ReviewState) -> None:
    model = pytest.importorskip("LNStationLib.assessment.review")
    review.reader = "A"
    review.setCall("7", "positive")
    review.logEdit("7", 1.0, 2.0)
    assert model.Review.model_validate(review.asReview()).reader == "A"
