"""The report as plain text: sections of a structured report, and whose calls it says."""

from __future__ import annotations

from export.cases import make_result

from LNStationLib.assessment.review import ReaderCall, Review
from LNStationLib.export.report.plain_text import report_text
from LNStationLib.state.assessment import Assessment, Call

HEADINGS = ["INDICATION", "TECHNIQUE", "FINDINGS", "N CATEGORY", "LIMITATIONS"]


def assessment() -> Assessment:
    return make_result().assessment


def review(**calls: Call) -> Review:
    said = {name: ReaderCall(call=call, when="2026-01-01T00:00:00+00:00") for name, call in calls.items()}
    return Review(reader="Reader A", blind=False, calls=said)


def section(text: str, title: str) -> list[str]:
    part = text.split(f"{title}\n", 1)[1]
    return part.split("\n\n", 1)[0].splitlines()


def test_it_has_the_sections_of_a_structured_report_in_their_order() -> None:
    text = report_text(assessment())
    assert [line for line in text.splitlines() if line.isupper()] == HEADINGS
    assert text.endswith("\n")


def test_positive_stations_come_with_their_measures_and_the_rest_by_name() -> None:
    found = assessment()
    lines = section(report_text(found), "FINDINGS")
    positive = [row for row in found.stations if row.call == "positive"]
    assert positive
    for row in positive:
        (line,) = [line for line in lines if line.startswith(f"{row.station} (")]
        assert row.title in line
        assert f"{row.largest_short_axis_mm:.0f} mm" in line
    negative = [row.station for row in found.stations if row.call == "negative"]
    assert f"Not suspicious: {', '.join(negative)}." in lines


def test_the_readers_calls_go_before_the_models() -> None:
    found = assessment()
    own = next(row.station for row in found.stations if row.call == "negative")
    text = report_text(found, review(**{own: "positive"}))
    lines = section(text, "FINDINGS")
    assert any(line.startswith(f"{own} (") for line in lines)
    assert not any("Not suspicious" in line for line in lines), "the reader called nothing negative"
    assert "Draft: the review is not signed." in section(text, "LIMITATIONS")


def test_without_a_reader_it_says_that_nobody_reviewed_the_calls() -> None:
    assert "Calls of the software; no reader has reviewed them." in section(report_text(assessment()), "LIMITATIONS")


def test_calls_on_unconfirmed_candidates_are_not_findings() -> None:
    found = assessment()
    doubtful = found.model_copy(
        update={"stations": [row.model_copy(update={"fit_for_staging": False}) for row in found.stations]}
    )
    (line,) = section(report_text(doubtful), "FINDINGS")
    assert line.startswith("Not assessed: ")


def test_research_use_and_made_up_patients_are_stated() -> None:
    found = assessment()
    limits = section(report_text(found), "LIMITATIONS")
    assert found.research_use in limits
    synthetic = found.model_copy(update={"case": found.case.model_copy(update={"synthetic": True})})
    assert "Synthetic case: made by a computer, not a patient." in section(report_text(synthetic), "LIMITATIONS")
