"""What the report says of a reader's review: calls beside the model's, N category, edits."""

from __future__ import annotations

from dataclasses import dataclass

from LNStationLib.assessment.review import ContourEdit, ReaderCall, Review
from LNStationLib.export.columns import EDITS, READER_CALLS, STATIONS, columns
from LNStationLib.export.report.category import Category, Fact, category_content
from LNStationLib.export.report.cells import Cell, Heading, Table, call_cell, heading, station_cell
from LNStationLib.export.report.tables import judgement, probability_cell
from LNStationLib.export.wording import NOTHING, clean, time_text
from LNStationLib.nodes.edits import Action
from LNStationLib.state.assessment import Assessment, StationFinding
from LNStationLib.support.language import marked, say, say_count

BLIND = marked("blind: every station was called before the model's output was shown")
NOT_BLIND = marked("with the model's output in view")
(_STATION,) = columns(STATIONS, "station")
_WHEN, _WHO, _BEFORE, _AFTER = columns(EDITS, "time", "reader", "volume_before_ml", "volume_after_ml")
_EDIT_COLUMNS = ((_WHEN, 22), (_WHO, 22), (_BEFORE, 17), (_AFTER, 17))
"""With their shares of the width, in percent; between reader and volumes stands what was edited."""


@dataclass(frozen=True)
class ReviewContent:
    """A review as text.

    Attributes:
        category: The reader's N category.
        facts: Reader, how it was read, how many stations were called, what was edited.
        calls: Model's and reader's call of every station that either called, with notes.
        edits: The edit log, oldest first.
    """

    category: Category
    facts: tuple[Fact, ...]
    calls: Table
    edits: Table


def review_content(assessment: Assessment, review: Review) -> ReviewContent:
    """Describe a review as text, beside the assessment that it reviews."""
    edited = [row.station for row in assessment.stations if row.edited]
    counts = [one.call for one in review.calls.values()]
    called = say(
        "{positive} positive, {negative} negative, {open} not called",
        positive=counts.count("positive"),
        negative=counts.count("negative"),
        open=len(assessment.stations) - counts.count("positive") - counts.count("negative"),
    )
    return ReviewContent(
        category=_category(review),
        facts=(
            Fact(say("Reader"), clean(review.reader) or say("not given")),
            Fact(say("Signed"), time_text(review.signed) if review.signed else say("not signed: a draft")),
            Fact(say("Reading"), say(BLIND if review.blind else NOT_BLIND)),
            Fact(say("Stations"), called),
            Fact(say("Outlines changed"), ", ".join(edited) or say("none")),
        ),
        calls=_calls(assessment, review),
        edits=_edits(review),
    )


def _category(review: Review) -> Category:
    if review.n_category is None:
        explanation = say("The review carries no N category.")
        return Category(say("not derived"), "not_derived", say("no rules applied"), explanation, ())
    return category_content(review.n_category)


def _calls(assessment: Assessment, review: Review) -> Table:
    judged = judgement(assessment)
    headings = [heading(_STATION, 9), Heading(say("Model's call"), 13)]
    headings += [] if judged is None else [Heading(say("Model's probability"), 13)]
    headings += [heading(column, share) for column, share in zip(READER_CALLS, (13, 45, 20), strict=True)]
    rows = []
    differing = []
    for row in sorted(assessment.stations, key=lambda row: row.label_value):
        said = review.calls.get(row.station)
        if row.call is None and said is None:
            continue
        call = call_cell(row.call, row.fit_for_staging)
        model = [call] if judged is None else [call, probability_cell(row, judged)]
        rows.append((station_cell(row.station), *model, *_said(said)))
        if _differ(row, said):
            differing.append(row.station)
    note = say("Reader and model differ on {stations}.", stations=", ".join(differing)) if differing else ""
    return Table(tuple(headings), tuple(rows), say("Neither the model nor the reader called a station."), note)


def _differ(row: StationFinding, said: ReaderCall | None) -> bool:
    return said is not None and said.call is not None and row.call is not None and said.call != row.call


def _said(said: ReaderCall | None) -> tuple[Cell, Cell, Cell]:
    if said is None:
        return Cell(say("not called"), "unknown"), Cell(NOTHING), Cell(NOTHING)
    call = Cell(say("not called"), "unknown") if said.call is None else call_cell(said.call)
    return call, Cell(clean(said.note) or NOTHING), Cell(time_text(said.when))


def _edits(review: Review) -> Table:
    when, who, before, after = (heading(column, share) for column, share in _EDIT_COLUMNS)
    rows = tuple(
        (
            Cell(time_text(edit.when)),
            Cell(clean(edit.who) or NOTHING),
            _outline_cell(edit),
            Cell(_BEFORE.text(edit)),
            Cell(_AFTER.text(edit)),
        )
        for edit in review.edits
    )
    headings = (when, who, Heading(say("Station, organ or node"), 22), before, after)
    return Table(headings, rows, say("No outline was changed."), _count_of_edits(len(rows)))


def _count_of_edits(count: int) -> str:
    if not count:
        return ""
    return say_count(
        "{count} edit. {nothing} means that there was no outline.",
        "{count} edits. {nothing} means that there was no outline.",
        count,
        nothing=NOTHING,
    )


_DONE: dict[Action, str] = {
    "draw": marked("{nodes} drawn{place}"),
    "grow": marked("{nodes} added{place}"),
    "dismiss": marked("{nodes} dismissed{place}"),
    "restore": marked("{nodes} restored{place}"),
    "split": marked("{nodes} split into {after}{place}"),
    "merge": marked("{nodes} merged into {after}{place}"),
}


def _node_text(edit: ContourEdit, action: Action) -> str:
    """Which nodes, what was done with them, and where."""
    numbers = edit.nodes or edit.nodes_after
    return say(
        _DONE[action],
        nodes=say_count("node {numbers}", "nodes {numbers}", len(numbers), numbers=", ".join(map(str, numbers))),
        after=", ".join(map(str, edit.nodes_after)),
        place=f" ({edit.station})" if edit.station else "",
    )


def _outline_cell(edit: ContourEdit) -> Cell:
    if edit.action is not None:
        return Cell(_node_text(edit, edit.action), "name")
    return Cell(clean(edit.organ_title or ""), "name") if edit.station is None else station_cell(edit.station)
