"""The blind first read: nothing the model says is seen before every shown station is called."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

import qt  # noqa: E402
from LNStationSlicer.case.StationRows import COLUMNS  # noqa: E402
from module.mrml_cases import make_assessment  # noqa: E402
from module.panel_driver import PanelDriver, opened_panel  # noqa: E402
from slicer_host import driver, screenshots  # noqa: E402

SHOWN = ("4R", "4L", "7")
SECRETS = ("positive", "0.91", "12.0", "N2", "reason of the model", "warning about nodes")


def step(name: str, warnings: list[str]) -> dict[str, Any]:
    return {
        "step": name, "implementation": name, "version": "1", "seconds": 0.1, "settings": {}, "model_package": None,
        "model_version": None, "model_sha256": None, "trained_on": None, "references": [], "warnings": warnings,
    }  # fmt: skip


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[PanelDriver]:
    assessment = make_assessment()
    for finding in assessment["stations"]:
        finding["reason"] = "reason of the model"
    assessment["warnings"] = ["warning about the CT", "warning about nodes"]
    assessment["provenance"] = [step("input", ["warning about the CT"]), step("nodes", ["warning about nodes"])]
    with opened_panel(tmp_path, assessment=assessment) as made:
        made.choose_ct()
        driver.click(made.ui.blindCheck)
        made.worker.behave(assess={"attention": True})
        made.assess()
        yield made


def everything_said(panel: PanelDriver) -> str:
    """All text and tool tips of the panel, without the reader's own combo boxes."""
    table, texts = panel.ui.stationTable, []
    for row in range(table.rowCount):
        for column in range(table.columnCount):
            texts += [table.item(row, column).text(), table.item(row, column).toolTip()]
    labels = panel.loaded.window.findChildren(qt.QLabel)
    return "\n".join([*texts, *(label.text for label in labels), *(label.toolTip for label in labels)])


def test_no_text_of_the_panel_gives_the_model_away(panel: PanelDriver) -> None:
    for name in SHOWN:
        panel.click_row(name)
        said = everything_said(panel)
        assert not [secret for secret in SECRETS if secret in said]
    assert panel.cell("4R", "model") == "hidden"
    assert panel.cell("4R", "probability") == "hidden"


def test_number_size_and_uptake_of_nodes_are_hidden_for_they_are_the_answer(panel: PanelDriver) -> None:
    for column in ("nodes", "short_axis", "suv_max", "probability"):
        assert {panel.cell(name, column) for name in SHOWN} == {"hidden"}
        assert panel.ui.stationTable.isColumnHidden(COLUMNS.index(column))
    assert panel.cell("4R", "volume") == "4.9", "of the outline that is drawn"


def test_nodes_are_not_drawn_and_cannot_be_switched_on(panel: PanelDriver) -> None:
    panel.open_section("displaySection")
    assert not panel.ui.showNodesCheck.checked
    assert not panel.ui.showNodesCheck.enabled
    panel.ui.show3DCheck.checked = True
    assert not panel.logic.case.nodesNode().GetDisplayNode().GetVisibility()


def test_the_table_of_the_scene_tells_no_more_than_the_panel(panel: PanelDriver) -> None:
    columns = ("Nodes", "Largest short axis, mm", "SUVmax", "Probability", "Call")

    def told() -> set[str]:
        table = panel.logic.case.tableNode().GetTable()
        cells = [table.GetColumnByName(name) for name in columns]
        return {column.GetValue(row) for column in cells for row in range(column.GetNumberOfValues())}

    assert told() == {"hidden"}
    for name in SHOWN:
        panel.call(name, "negative")
    assert {"12.0", "0.91", "positive"} <= told()


def test_only_warnings_about_input_organs_and_outlines_are_shown(panel: PanelDriver) -> None:
    assert "warning about the CT" in panel.ui.warningsLabel.text
    assert panel.ui.warningsGroup.title == "Warnings (1)"
    for name in SHOWN:
        panel.call(name, "negative")
    assert "warning about nodes" in panel.ui.warningsLabel.text


def test_the_readers_category_takes_no_side_from_the_model_before_the_read_is_done(panel: PanelDriver) -> None:
    panel.call("4R", "positive")
    panel.wait(lambda: "stage" in panel.worker.methods(), "the reader's N category")
    panel.idle()
    for name in SHOWN:
        panel.call(name, "negative")
    panel.wait(lambda: panel.worker.methods().count("stage") == 2, "the reader's next N category")
    panel.idle()
    asked = [request["params"]["blind"] for request in panel.worker.requests() if request["method"] == "stage"]
    assert asked == [True, False]


def test_the_views_look_alike_whatever_the_model_says(panel: PanelDriver, tmp_path: Path) -> None:
    # Center by a call that uses no nodes, then compare with the views of a model that says the opposite.
    panel.logic.selectStation("4R")
    seen = screenshots.slice_view("Red", (200, 200)).astype(int)
    assessment = deepcopy(panel.logic.case.assessment())
    for finding in (*assessment["stations"], *assessment["nodes"]):
        finding["call"] = {"positive": "negative", "negative": "positive", None: "positive"}[finding["call"]]
        finding["probability"] = 0.5
    panel.logic.case.setAssessment(assessment)
    panel.logic.showOverlays()
    panel.logic.selectStation("4R")
    assert np.array_equal(screenshots.slice_view("Red", (200, 200)).astype(int), seen)


def test_the_attention_map_cannot_be_switched_on(panel: PanelDriver) -> None:
    panel.open_section("displaySection")
    assert panel.logic.case.mapNode() is not None
    assert not panel.ui.mapRadio.enabled
    assert not panel.ui.colorByCombo.enabled


def test_neither_filter_nor_report_is_a_way_round(panel: PanelDriver) -> None:
    panel.open_section("reportSection")
    assert not panel.ui.filterCombo.enabled
    assert not panel.ui.writeReportButton.enabled
    assert "blind" in panel.ui.writeReportButton.toolTip


def test_next_goes_through_what_is_not_called_yet(panel: PanelDriver) -> None:
    panel.call("4R", "negative")
    seen = []
    for _ in range(3):
        driver.click(panel.ui.nextButton)
        seen.append(panel.logic.selectedStation)
    assert seen == ["4L", "7", "4L"]


def test_the_last_call_shows_the_model_and_taking_it_back_hides_nothing(panel: PanelDriver) -> None:
    for left, name in zip((2, 1), SHOWN[:2], strict=True):
        panel.call(name, "negative")
        assert f"({left} left)" in panel.ui.modelDecidedLabel.text
        assert panel.cell("4R", "model") == "hidden"
    panel.call("7", "positive")
    assert panel.cell("4R", "model") == "pos"
    assert (panel.ui.modelCategoryLabel.text, panel.ui.modelDecidedLabel.text) == ("N2", "decided by 4R")
    assert not panel.ui.blindCheck.enabled
    panel.call("7", None)
    assert panel.cell("4R", "model") == "pos"
    review = panel.logic.review.asDict()
    assert {name: entry["call"] for name, entry in review["first_read"].items()} == {
        "4R": "negative", "4L": "negative", "7": "positive",
    }  # fmt: skip


def test_ending_it_by_force_shows_the_model_and_is_on_record(panel: PanelDriver) -> None:
    panel.call("4R", "negative")
    driver.click(panel.ui.blindCheck)
    slicer.app.processEvents()
    assert panel.cell("4R", "model") == "pos"
    assert panel.cell("4R", "short_axis") == "12.0"
    assert not panel.ui.stationTable.isColumnHidden(COLUMNS.index("short_axis"))
    assert panel.logic.case.nodesNode().GetDisplayNode().GetVisibility()
    review = panel.logic.review.asDict()
    assert review["blind"] is True
    assert review["revealed"]
    assert list(review["first_read"]) == ["4R"]


def test_the_blind_read_goes_on_after_saving_and_loading(panel: PanelDriver, tmp_path: Path) -> None:
    panel.call("4R", "negative")
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer_host.clear_scene()
    slicer.util.loadScene(path)
    slicer.app.processEvents()
    assert panel.ui.blindCheck.checked
    assert panel.cell("4R", "model") == "hidden"
    assert "(2 left)" in panel.ui.modelDecidedLabel.text
