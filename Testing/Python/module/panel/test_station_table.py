"""The station table: rows from assessment and review, sorting, filters, the reader's cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

import qt  # noqa: E402
from LNStationSlicer.case.ReviewState import ReviewState  # noqa: E402
from LNStationSlicer.case.StationRows import COLUMNS, StationRow, filtered, sortedRows, stationRows  # noqa: E402
from LNStationSlicer.panel.ColumnChoice import ColumnChoice  # noqa: E402
from LNStationSlicer.panel.StationCells import ABSENT, cellText  # noqa: E402
from LNStationSlicer.panel.StationTable import StationTable  # noqa: E402
from module.mrml_cases import make_assessment  # noqa: E402
from PySide6 import QtCore, QtGui, QtWidgets  # noqa: E402
from slicer_host import driver  # noqa: E402

from LNStationLib import anatomy  # noqa: E402

NAMES = [row.name for row in anatomy.stations()]


def row(name: str, **values: Any) -> StationRow:
    station = anatomy.station(name)
    return StationRow(name, station.title, NAMES.index(name), station.color, **values)


@pytest.fixture
def review() -> Iterator[ReviewState]:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode")
    yield ReviewState(node)
    slicer.mrmlScene.RemoveNode(node)


@pytest.fixture
def widget() -> Iterator[Any]:
    table = qt.QTableWidget()
    table.resize(700, 460)
    yield table
    table.deleteLater()
    assert slicer_host.take_slot_errors() == []


@pytest.fixture
def table(widget: Any) -> StationTable:
    made = StationTable(widget)
    made.setRows([row(name, volumeMl=1.0 + i) for i, name in enumerate(NAMES)])
    widget.show()
    slicer.app.processEvents()
    return made


def test_rows_join_the_models_findings_with_the_readers_review(review: ReviewState) -> None:
    review.setCall("4R", "negative")
    review.setNote("7", "calcified")
    review.markStale(["4L"])
    rows = {one.name: one for one in stationRows(make_assessment(), review, running={"7"})}
    assert list(rows) == NAMES
    assert (rows["4R"].modelCall, rows["4R"].readerCall, rows["4R"].probability) == ("positive", "negative", 0.91)
    assert rows["7"].note == "calcified"
    assert [rows[name].state for name in ("4R", "4L", "7", "2R")] == ["fresh", "stale", "running", "none"]
    # 2R could not be parsed: everything is absent, nothing is zero.
    assert rows["2R"].volumeMl is None
    assert [cellText(rows["2R"], column) for column in ("volume", "nodes", "suv_max", "probability", "model")] == (
        [ABSENT] * 5
    )
    assert cellText(rows["4L"], "nodes") == "0"


def test_what_limits_a_call_is_among_the_details_of_its_station(review: ReviewState) -> None:
    assessment = make_assessment()
    finding = next(one for one in assessment["stations"] if one["station"] == "4R")
    finding |= {"reason": "short axis 12 mm", "call_warnings": ["the PET covers half of it"], "warnings": ["narrow"]}
    rows = {one.name: one for one in stationRows(assessment, review)}
    assert rows["4R"].reason == "Short axis 12 mm. The PET covers half of it. Narrow."
    assert rows["7"].reason == "", "of a scene of an older version"


def test_without_an_assessment_there_is_a_row_for_every_station_and_nothing_in_it(review: ReviewState) -> None:
    rows = stationRows(None, review)
    assert [one.name for one in rows] == NAMES
    assert not any(one.isShown or one.isRelevant for one in rows)


@pytest.mark.parametrize(
    ("column", "descending"), list(product(["suv_max", "probability", "nodes", "volume"], [0, 1]))
)
def test_numbers_sort_as_numbers_and_what_is_missing_comes_last(column: Any, descending: int) -> None:
    field = {"suv_max": "suvMax", "probability": "probability", "nodes": "nNodes", "volume": "volumeMl"}[column]
    values = {"4R": 10.5, "4L": 9.0, "5": None, "6": 100.0, "7": 0.0}
    rows = [row(name, **{field: value}) for name, value in values.items()]
    expected = ["7", "4L", "4R", "6"]
    expected = expected[::-1] if descending else expected
    assert [one.name for one in sortedRows(rows, column, bool(descending))] == [*expected, "5"]


def test_ties_keep_the_anatomical_order_both_ways() -> None:
    rows = [row("7", nNodes=1), row("4R", nNodes=1), row("2R", nNodes=2), row("1R", nNodes=1)]
    assert [one.name for one in sortedRows(rows, "nodes", False)] == ["1R", "4R", "7", "2R"]
    assert [one.name for one in sortedRows(rows, "nodes", True)] == ["2R", "1R", "4R", "7"]


def test_relevant_is_what_is_positive_near_a_threshold_disputed_noted_or_edited() -> None:
    rows = [
        row("2R", modelCall="positive"), row("2L", readerCall="positive"), row("3A", isNearlyPositive=True),
        row("4R", modelCall="positive", readerCall="negative"), row("4L", note="calcified"),
        row("6", state="stale"),
        row("5", nNodes=3, shortAxisMm=4.0, modelCall="negative"), row("7", modelCall="negative"), row("8"),
    ]  # fmt: skip
    assert [one.name for one in filtered(rows, "relevant")] == ["2R", "2L", "3A", "4R", "4L", "6"]
    # While the model is hidden the filter would give its calls away.
    assert filtered(rows, "relevant", modelHidden=True) == rows


def test_a_call_that_rests_on_unconfirmed_candidates_has_a_question_mark_and_no_color(
    table: StationTable, widget: Any
) -> None:
    table.setRows(
        [
            row("4R", volumeMl=1.0, modelCall="positive"),
            row("7", volumeMl=1.0, modelCall="positive", isConfirmed=False),
        ]
    )
    items = [widget.item(index, COLUMNS.index("model")) for index in range(2)]
    assert [item.text() for item in items] == ["pos", "pos?"]
    colors = [item.foreground().color().name() for item in items]
    assert colors[0] != colors[1] == qt.QBrush().color().name()


@pytest.mark.parametrize("ground", ["#ffffff", "#f7f7f7", "#2d2d2d", "#1e1e1e"])
@pytest.mark.parametrize("selected", [None, "4R", "7"])
def test_letters_of_a_call_can_be_read_on_every_theme(
    table: StationTable, widget: Any, ground: str, selected: str | None
) -> None:
    colors = widget.palette
    colors.setColor(qt.QPalette.Base, qt.QColor(ground))
    colors.setColor(qt.QPalette.Highlight, qt.QColor("#308cc6"))
    widget.palette = colors
    calls = {"4R": "positive", "7": "negative"}
    table.setRows([row(name, volumeMl=1.0, modelCall=call) for name, call in calls.items()])
    table.select(selected)
    for index in range(2):
        item = widget.item(index, COLUMNS.index("model"))
        assert contrast(item.foreground().color(), mixed(item.background(), qt.QColor(ground))) >= 4.5


def mixed(brush: Any, ground: Any) -> tuple[float, ...]:
    """What is seen of a brush over a ground, sRGB in [0, 1]."""
    share = brush.color().alphaF() if brush.style() != qt.Qt.NoBrush else 0.0
    parts = zip(brush.color().getRgbF()[:3], ground.getRgbF()[:3], strict=True)
    return tuple(share * over + (1 - share) * under for over, under in parts)


def contrast(letters: Any, ground: tuple[float, ...]) -> float:
    """Of WCAG 2.2: relative luminance plus 0.05, the lighter by the darker."""

    def luminance(color: tuple[float, ...]) -> float:
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color[:3]]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05

    found = sorted((luminance(letters.getRgbF()), luminance(ground)))
    return found[1] / found[0]


def test_not_called_leaves_out_what_cannot_be_called() -> None:
    rows = [row("4R", volumeMl=1.0), row("5", volumeMl=1.0, readerCall="negative"), row("6"), row("7", volumeMl=0.0)]
    assert [one.name for one in filtered(rows, "not_called")] == ["4R"]


def test_a_click_on_a_header_sorts_and_a_second_one_turns_it_round(table: StationTable, widget: Any) -> None:
    header = widget.horizontalHeader()
    index = COLUMNS.index("volume")
    x = header.sectionViewportPosition(index) + header.sectionSize(index) // 2
    driver.click(header.viewport(), (x, header.height // 2))
    assert table.names == NAMES
    driver.click(header.viewport(), (x, header.height // 2))
    assert table.names == NAMES[::-1]
    assert header.sortIndicatorOrder() == qt.Qt.DescendingOrder


def test_a_hidden_models_order_cannot_be_asked_for(table: StationTable) -> None:
    rows = [row(name, volumeMl=1.0, probability=1 - i / 20, modelCall="positive") for i, name in enumerate(NAMES)]
    table.setRows(rows, modelHidden=True)
    table.sortBy("probability")
    assert table.names == NAMES
    table.setRows(rows, modelHidden=False)
    assert table.names == NAMES[::-1]


def test_the_readers_buttons_report_the_call_of_its_own_row_after_sorting(table: StationTable, widget: Any) -> None:
    calls: list[Any] = []
    table.callChanged.connect(lambda *call: calls.append(call))
    table.sortBy("volume", True)
    buttons = table.callButtons("4R")
    assert buttons.widget is widget.cellWidget(table.names.index("4R"), COLUMNS.index("reader"))
    for call in ("positive", "negative"):
        slicer.app.processEvents()
        driver.click(table.callButtons("4R").buttons[call])
        table.setRows([row(name, volumeMl=1.0, readerCall=call if name == "4R" else None) for name in NAMES])
    driver.click(table.callButtons("4R").buttons["negative"])
    assert calls == [("4R", "positive"), ("4R", "negative"), ("4R", None)], "a second click takes it back"


def test_filling_reports_no_call_and_keeps_the_widgets(table: StationTable, widget: Any) -> None:
    calls: list[Any] = []
    table.callChanged.connect(lambda *call: calls.append(call))
    buttons = widget.cellWidget(3, COLUMNS.index("reader"))
    table.setRows([row(name, volumeMl=2.0, readerCall="positive") for name in NAMES])
    assert calls == []
    assert widget.cellWidget(3, COLUMNS.index("reader")) is buttons
    assert table.callButtons(NAMES[3]).buttons["positive"].checked


def test_the_mouse_wheel_over_a_call_scrolls_and_changes_nothing(table: StationTable, widget: Any) -> None:
    calls: list[Any] = []
    table.callChanged.connect(lambda *call: calls.append(call))
    combo = table.callButtons(NAMES[0]).buttons["positive"]
    center = QtCore.QPointF(10, 5)
    event = QtGui.QWheelEvent(
        center, combo.mapToGlobal(center), QtCore.QPoint(0, -120), QtCore.QPoint(0, -120),
        qt.Qt.NoButton, qt.Qt.NoModifier, qt.Qt.NoScrollPhase, False,
    )  # fmt: skip
    QtWidgets.QApplication.sendEvent(combo, event)
    assert (calls, combo.checked) == ([], False)


def test_a_station_that_was_not_parsed_cannot_be_called(table: StationTable, widget: Any) -> None:
    table.setRows([row("4R", volumeMl=1.0), row("5")])
    enabled = [table.callButtons(name).buttons["positive"].enabled for name in ("4R", "5")]
    assert enabled == [True, False]


def test_a_note_is_reported_once_and_a_refill_is_no_note(table: StationTable, widget: Any) -> None:
    notes: list[Any] = []
    table.noteChanged.connect(lambda *note: notes.append(note))
    item = widget.item(table.names.index("7"), COLUMNS.index("note"))
    item.setText("  looks calcified ")
    assert notes == [("7", "looks calcified")]
    table.setRows([replace(row(name, volumeMl=1.0), note="x") for name in NAMES])
    assert len(notes) == 1


def test_the_bar_is_as_long_as_the_probability(table: StationTable, widget: Any) -> None:
    def blue_to_red_pixels(probability: float | None) -> int:
        table.setRows([row("4R", volumeMl=1.0, probability=probability)])
        image = widget.item(0, COLUMNS.index("probability")).icon().pixmap(13, 12).toImage()
        gray = qt.QColor(225, 225, 225)
        return sum(image.pixelColor(x, 6) != gray for x in range(image.width()))

    assert [blue_to_red_pixels(p) for p in (0.0, 0.5, 1.0)] == [0, 6, 13]
    table.setRows([row("4R", volumeMl=1.0, probability=None)])
    assert widget.item(0, COLUMNS.index("probability")).icon().isNull()
    assert widget.item(0, COLUMNS.index("probability")).text() == ABSENT


def test_clicks_and_arrow_keys_select_and_selecting_by_program_reports_nothing(
    table: StationTable, widget: Any
) -> None:
    selected: list[str] = []
    table.stationSelected.connect(selected.append)
    table.select("4R")
    assert (table.selected, selected) == ("4R", [])
    widget.setFocus()
    driver.press(widget, qt.Qt.Key_Down)
    assert selected == [NAMES[NAMES.index("4R") + 1]]
    center = widget.visualItemRect(widget.item(1, 0)).center()
    driver.click(widget.viewport(), (center.x(), center.y()))
    assert selected[1:] == [NAMES[1]]


def test_the_selection_stays_with_its_station_through_sorting_and_filtering(table: StationTable) -> None:
    table.select("4R")
    table.sortBy("volume", True)
    assert table.selected == "4R"
    table.setFilter("not_called")
    assert table.selected == "4R"
    table.setRows([row(name, volumeMl=1.0, readerCall="negative" if name == "4R" else None) for name in NAMES])
    assert "4R" not in table.names
    assert table.selected is None


def test_positive_rows_are_tinted_and_the_selected_one_keeps_the_colors_of_its_calls(
    table: StationTable, widget: Any
) -> None:
    table.setRows(
        [
            row("4R", volumeMl=1.0, modelCall="positive"),
            row("7", volumeMl=1.0, modelCall="positive", readerCall="negative"),
            row("8", volumeMl=1.0, modelCall="positive", isConfirmed=False),
            row("9", volumeMl=1.0, modelCall="negative", readerCall="positive"),
        ]
    )
    model = COLUMNS.index("model")
    plain = qt.QBrush().color().rgba()

    def grounds() -> list[int]:
        return [widget.item(index, model).background().color().rgba() for index in range(4)]

    before, letters = grounds(), widget.item(0, model).foreground().color().name()
    assert [one != plain for one in before] == [True, False, False, True]
    table.select("4R")
    assert grounds()[0] not in (before[0], plain)
    assert widget.item(0, model).foreground().color().name() == letters
    assert not widget.selectedItems(), "Qt would paint its own over the colors"


def test_while_the_model_is_hidden_no_tint_gives_its_calls_away(table: StationTable, widget: Any) -> None:
    table.setRows([row("4R", volumeMl=1.0, modelCall="positive"), row("7", volumeMl=1.0)], modelHidden=True)
    assert widget.item(0, 0).background() == widget.item(1, 0).background()


def test_columns_without_any_value_take_no_room(table: StationTable, widget: Any) -> None:
    def hidden(*columns: Any) -> list[bool]:
        return [widget.isColumnHidden(COLUMNS.index(column)) for column in columns]

    assert hidden("suv_max", "probability") == [True, True]
    table.setRows([row("4R", volumeMl=1.0, suvMax=0.0), row("7", volumeMl=1.0, probability=0.0)])
    assert hidden("suv_max", "probability") == [False, False]


def test_what_a_prediction_set_leaves_open_stands_with_the_probability() -> None:
    sets = {"either": "0.52\N{PLUS-MINUS SIGN}", "positive": "0.52", None: "0.52"}
    assert {one: cellText(row("4R", probability=0.52, predictionSet=one), "probability") for one in sets} == sets


class Kept(dict[str, object]):
    """Settings that a reader's next session finds again."""

    def value(self, key: str, default: object = None) -> object:
        return self.get(key, default)

    def setValue(self, key: str, value: object) -> None:
        self[key] = value


def test_columns_that_the_reader_unticks_go_and_stay_away(widget: Any, table: StationTable) -> None:
    settings = Kept()
    choice = ColumnChoice(widget.horizontalHeader(), settings)
    choice.changed.connect(lambda: table.setUnwanted(choice.hidden))
    titles = [action.text for action in widget.horizontalHeader().actions()]
    assert "Volume, ml" in titles
    assert not any("Station" in title or "call" in title.lower() for title in titles)
    choice.show("volume", False)
    choice.show("note", False)
    assert widget.isColumnHidden(COLUMNS.index("volume"))
    assert widget.isColumnHidden(COLUMNS.index("note"))
    later = qt.QTableWidget()
    next_time = ColumnChoice(later.horizontalHeader(), settings)
    assert next_time.hidden == {"volume", "note"}
    choice.show("volume", True)
    assert not widget.isColumnHidden(COLUMNS.index("volume"))
    with pytest.raises(KeyError):
        choice.show("reader", False)


def test_a_column_without_values_stays_hidden_though_it_is_ticked(widget: Any, table: StationTable) -> None:
    table.setUnwanted(frozenset(("volume",)))
    assert widget.isColumnHidden(COLUMNS.index("suv_max")), "no row has a value"
    table.setRows([row(name, suvMax=2.0) for name in NAMES])
    assert not widget.isColumnHidden(COLUMNS.index("suv_max"))
    assert widget.isColumnHidden(COLUMNS.index("volume"))


def test_settings_of_another_version_name_columns_that_are_not_there(widget: Any) -> None:
    kept = Kept({"LNStation/HiddenColumns": "volume,gone,reader"})
    assert ColumnChoice(widget.horizontalHeader(), kept).hidden == {"volume"}


def test_the_word_that_hides_a_call_is_not_cut_and_a_width_of_the_readers_stays(
    table: StationTable, widget: Any
) -> None:
    model = COLUMNS.index("model")
    widget.setColumnWidth(model, 71)
    table.setRows([row("4R", volumeMl=1.0, modelCall="positive")])
    assert widget.columnWidth(model) == 71
    table.setRows([row("4R", volumeMl=1.0, modelCall="positive")], modelHidden=True)
    words = widget.fontMetrics().horizontalAdvance(widget.item(0, model).text())
    assert words < widget.columnWidth(model) - 8
