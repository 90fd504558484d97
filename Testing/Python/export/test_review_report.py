"""The report with a reader's review: both answers side by side, in every format."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from export.cases import Options, make_result
from pypdf import PdfReader

from LNStationLib.assessment.review import Review, stage_reader_calls
from LNStationLib.case.case import CaseFacts
from LNStationLib.export import write_outputs
from LNStationLib.export.csv_files import edits_csv, n_category_csv, stations_csv
from LNStationLib.export.output_folder import EVIDENCE_FILE_NAME, FILE_NAMES, FORMATS, REVIEW_FILE_NAMES
from LNStationLib.export.report.cells import Table
from LNStationLib.export.report.content import build_content
from LNStationLib.export.report.html import html_report
from LNStationLib.export.report.layout import build_report
from LNStationLib.export.report.review_content import BLIND, NOT_BLIND
from LNStationLib.export.wording import NOTHING, time_text
from LNStationLib.state.assessment import Assessment
from LNStationLib.state.settings import Settings
from LNStationLib.support.errors import OutputError

WHEN = "2026-05-04T09:30:00.123456+00:00"
NOTE = "=calcified <b>& old</b>"


def review(*, blind: bool = True, staged: bool = True) -> Review:
    calls = {"4R": "positive", "4L": "positive", "7": "negative"}
    staging = stage_reader_calls(CaseFacts(cancer="lung", tumor_side="R"), calls, Settings())  # type: ignore[arg-type]
    return Review.model_validate(
        {
            "reader": "Reader 3",
            "blind": blind,
            "calls": {
                name: {"call": call, "note": NOTE if name == "7" else "", "when": WHEN}
                for name, call in calls.items()
            }
            | {"3A": {"call": None, "note": "thymus?", "when": WHEN}},
            "edits": [
                {"who": "Reader 3", "when": WHEN, "station": "4R", "volume_before_ml": 5.25, "volume_after_ml": 4.0},
                {"who": "", "when": WHEN, "station": "5", "volume_before_ml": 2.0, "volume_after_ml": None},
            ],
            "n_category": staging if staged else None,
        }
    )


def edited(assessment: Assessment) -> Assessment:
    rows = [row.model_copy(update={"edited": row.station == "4R"}) for row in assessment.stations]
    return assessment.model_copy(update={"stations": rows})


def rows_of(table: Table) -> dict[str, list[str]]:
    return {row[0].text: [cell.text for cell in row] for row in table.rows}


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_without_a_review_nothing_speaks_of_one() -> None:
    result = make_result()
    assert build_content(result.assessment).review is None
    page = html_report(build_report(result))
    assert "reader" not in page.lower().replace("reader who", "")
    assert "N category by the model" not in page


def test_both_categories_stand_with_their_owners() -> None:
    content = build_content(make_result().assessment, review())
    assert content.category.headline == "N2"
    assert content.review is not None
    assert content.review.category.headline == "N3"
    facts = {fact.label: fact.value for fact in content.review.facts}
    assert facts["Reader"] == "Reader 3"
    assert facts["Reading"] == BLIND
    assert facts["Stations"] == "2 positive, 1 negative, 14 not called"


def test_a_reading_that_was_not_blind_says_so() -> None:
    content = build_content(make_result().assessment, review(blind=False))
    assert content.review is not None
    assert NOT_BLIND in {fact.value for fact in content.review.facts}


def test_a_review_without_category_reads_not_derived() -> None:
    content = build_content(make_result().assessment, review(staged=False))
    assert content.review is not None
    assert content.review.category.headline == "not derived"


def test_calls_stand_beside_each_other_and_differences_are_named() -> None:
    content = build_content(edited(make_result().assessment), review())
    assert content.review is not None
    rows = rows_of(content.review.calls)
    assert rows["4R"][1:3] == ["+ positive", "+ positive"]
    assert rows["7"][1:4] == ["+ positive", "\N{EN DASH} negative", NOTE]
    assert rows["4L"][1:3] == ["? not assessed", "+ positive"]
    assert rows["3A"][1:4] == ["? not assessed", "not called", "thymus?"]
    assert rows["2R"][1:5] == ["\N{EN DASH} negative", "not called", NOTHING, NOTHING]
    assert "5" not in rows
    assert content.review.calls.note == "Reader and model differ on 7."
    assert "4R" in {fact.value for fact in content.review.facts}


def test_the_edit_log_says_who_when_and_how_much() -> None:
    content = build_content(make_result().assessment, review())
    assert content.review is not None
    rows = [[cell.text for cell in row] for row in content.review.edits.rows]
    assert rows[0] == ["2026-05-04 09:30:00 UTC", "Reader 3", "4R", "5.2", "4.0"]
    assert rows[1][1:] == [NOTHING, "5", "2.0", NOTHING]


def test_edits_of_nodes_and_the_signature_are_reported() -> None:
    split = {"action": "split", "nodes": [7], "nodes_after": [7, 21], "station": "4R", "volume_before_ml": 2.0}
    gone = {"action": "dismiss", "nodes": [3], "station": None, "volume_before_ml": 0.4}
    added = {"action": "grow", "nodes_after": [22], "station": "7", "volume_after_ml": 0.5}
    edits = [{"who": "Reader 3", "when": WHEN, **edit} for edit in (split, gone, added)]
    made = Review.model_validate(review().model_dump() | {"edits": edits, "signed": WHEN})
    content = build_content(make_result().assessment, made)
    assert content.review is not None
    said = [row[2].text for row in content.review.edits.rows]
    assert said == ["node 7 split into 7, 21 (4R)", "node 3 dismissed", "node 22 added (7)"]
    facts = {fact.label: fact.value for fact in content.review.facts}
    assert facts["Signed"] == time_text(WHEN)
    rows = list(csv.DictReader(io.StringIO(edits_csv(made).removeprefix("\ufeff"))))
    assert [(row["action"], row["nodes"], row["nodes_after"]) for row in rows] == [
        ("split", "7", "7 21"), ("dismiss", "3", ""), ("grow", "", "22"),
    ]  # fmt: skip
    draft = build_content(make_result().assessment, review()).review
    assert draft is not None
    assert "not signed: a draft" in {fact.value for fact in draft.facts}


@pytest.mark.parametrize(
    ("when", "text"),
    [
        ("2026-05-04T09:30:00+00:00", "2026-05-04 09:30:00 UTC"),
        ("2026-05-04T09:30:00Z", "2026-05-04 09:30:00 UTC"),
        ("2026-05-04T09:30:00.5+02:00", "2026-05-04 07:30:00 UTC"),
        ("2026-05-04T09:30", "2026-05-04 09:30:00"),
    ],
)
def test_times_are_written_in_utc_where_their_zone_is_known(when: str, text: str) -> None:
    assert time_text(when) == text


def test_the_html_escapes_what_a_reader_wrote() -> None:
    page = html_report(build_report(make_result(), review=review()))
    assert "N category by the model" in page
    assert "N category by the reader" in page
    assert "=calcified &lt;b&gt;&amp; old&lt;/b&gt;" in page
    assert "<b>& old" not in page


def test_the_tables_carry_calls_notes_and_times_and_no_formula() -> None:
    assessment = edited(make_result().assessment)
    rows = {row["station"]: row for row in read(stations_csv(assessment, review()))}
    assert rows["7"]["call"] == "positive"
    assert rows["7"]["reader_call"] == "negative"
    assert rows["7"]["reader_note"] == f"'{NOTE}"
    assert rows["7"]["reader_call_time"] == WHEN
    assert (rows["3A"]["reader_call"], rows["3A"]["reader_note"]) == ("", "thymus?")
    assert rows["2R"]["reader_call"] == ""
    assert (rows["4R"]["edited"], rows["7"]["edited"]) == ("yes", "no")
    assert "reader_call" not in stations_csv(assessment).splitlines()[0]
    edits = read(edits_csv(review()))
    assert [row["volume_after_ml"] for row in edits] == ["4.0", ""]
    by_source = {row["source"]: row for row in read(n_category_csv(assessment, review()))}
    assert by_source["model"]["n_category"] == "N2"
    assert (by_source["reader"]["n_category"], by_source["reader"]["blind"]) == ("N3", "yes")
    assert list(read(n_category_csv(assessment, review(staged=False)))) == [by_source["model"]]


def test_every_format_is_written_and_reads_back(tmp_path: Path) -> None:
    result = make_result(Options(pet=True))
    files = write_outputs(result, tmp_path, overwrite=False, review=review())
    assert {path.name for path in files} == {*FILE_NAMES, *REVIEW_FILE_NAMES} == {p.name for p in tmp_path.iterdir()}
    assert files[-1].name == "assessment.json"
    assert Review.model_validate_json((tmp_path / "review.json").read_text(encoding="utf-8")) == review()
    assert Assessment.model_validate_json((tmp_path / "assessment.json").read_text()) == result.assessment
    words = " ".join(" ".join(page.extract_text() for page in PdfReader(tmp_path / "report.pdf").pages).split())
    for expected in ("N category by the reader", "Reader 3", "thymus?", "09:30:00 UTC", "differ on 7"):
        assert expected in words, expected


@pytest.mark.parametrize("formats", [["json"], ["csv", "html"], ["nifti"], ["pdf"]])
def test_only_the_chosen_formats_are_written(tmp_path: Path, formats: list[str]) -> None:
    files = write_outputs(make_result(), tmp_path, overwrite=False, formats=formats)
    expected = {name for one in formats for name in FORMATS[one]} - {*REVIEW_FILE_NAMES, EVIDENCE_FILE_NAME}
    assert {path.name for path in files} == expected == {path.name for path in tmp_path.iterdir()}


def test_a_review_of_an_earlier_result_does_not_stay_beside_a_new_one(tmp_path: Path) -> None:
    write_outputs(make_result(), tmp_path, overwrite=False, formats=["json", "csv"], review=review())
    (tmp_path / "notes.txt").write_text("mine")
    write_outputs(make_result(), tmp_path, overwrite=True, formats=["json"])
    assert {path.name for path in tmp_path.iterdir()} == {"assessment.json", "notes.txt"}


@pytest.mark.parametrize("formats", [[], ["docx"], ["json", "docx"]])
def test_unknown_or_no_formats_are_refused_before_anything_is_made(tmp_path: Path, formats: list[str]) -> None:
    with pytest.raises(OutputError, match="choose among json, csv, html, pdf, text, nifti"):
        write_outputs(make_result(), tmp_path / "out", overwrite=False, formats=formats)
    assert not (tmp_path / "out").exists()


def test_the_readers_category_never_takes_the_place_of_the_models(tmp_path: Path) -> None:
    write_outputs(make_result(), tmp_path, overwrite=False, formats=["json"], review=review())
    assert json.loads((tmp_path / "assessment.json").read_text())["n_category"] == "N2"
