"""An earlier study of the patient: registered, shown beside, its sizes in the table with the change."""

from __future__ import annotations

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from LNStationSlicer.views.PriorViews import LAYOUT_ID, NOW, THEN  # noqa: E402
from module.mrml_cases import make_assessment  # noqa: E402
from module.panel_driver import PanelDriver  # noqa: E402
from slicer_host import driver  # noqa: E402


@pytest.fixture
def two(panel: PanelDriver) -> PanelDriver:
    """An earlier case whose largest node in 4R had 8 mm, and the one under review, where it has 12."""
    panel.assessed("CT of last year")
    earlier = make_assessment()
    for row in earlier["stations"]:
        row["largest_short_axis_mm"] = {"4R": 8.0, "7": 7.0}.get(row["station"])
    panel.logic.case.setAssessment(earlier)
    panel.logic.selectCase(None)
    panel.assessed("CT of today")
    panel.open_section("displaySection")
    return panel


def compare(panel: PanelDriver) -> None:
    combo = panel.ui.priorCombo
    combo.currentIndex = 1
    panel.wait(lambda: panel.logic.case.prior() is not None, "the registration")
    panel.idle()


def background(name: str) -> str:
    return slicer.app.layoutManager().sliceWidget(name).mrmlSliceCompositeNode().GetBackgroundVolumeID()


def test_sizes_then_stand_in_the_table_with_the_change(two: PanelDriver) -> None:
    panel = two
    column = panel.ui.stationTable
    assert column.isColumnHidden(4)
    compare(panel)
    assert not column.isColumnHidden(4)
    assert panel.cell("4R", "prior") == "8 +4"
    assert panel.cell("7", "prior") == "7", "no node was measured today: no change is made up"
    assert panel.cell("4L", "prior") == "\N{EN DASH}"
    panel.ui.priorCombo.currentIndex = 0
    slicer.app.processEvents()
    assert column.isColumnHidden(4)


def test_both_studies_stand_side_by_side_registered(two: PanelDriver) -> None:
    panel = two
    before = slicer.app.layoutManager().layout
    assert not panel.ui.priorLayoutButton.enabled
    compare(panel)
    case, prior = panel.logic.case, panel.logic.case.prior()
    assert slicer.app.layoutManager().layout == LAYOUT_ID
    assert background(NOW) == case.ctNode().GetID()
    laid = slicer.mrmlScene.GetNodeByID(background(THEN))
    assert laid.GetImageData() is prior.ctNode().GetImageData(), "no voxel is copied"
    assert prior.ctNode().GetTransformNodeID() is None, "the reader's CT stays where it is"
    toWorld = laid.GetParentTransformNode().GetMatrixTransformToParent()
    moved = np.array(toWorld.MultiplyPoint((0.0, 0.0, 0.0, 1.0)))[:3]
    assert moved == pytest.approx([-5.0, 3.0, 2.0]), "RAS"
    node = case.stationsNode().GetDisplayNode()
    then = slicer.app.layoutManager().sliceWidget(THEN).mrmlSliceNode()
    assert then.GetID() not in node.GetViewNodeIDs(), "stations of today are not drawn over the earlier CT"
    driver.click(panel.ui.priorLayoutButton)
    assert slicer.app.layoutManager().layout == before
    assert laid.GetScene() is None
    assert not node.GetViewNodeIDs()


def test_an_earlier_study_that_does_not_fit_is_refused_and_nothing_is_kept(two: PanelDriver) -> None:
    panel = two
    panel.worker.behave(register_prior={"error": [1, "the earlier CT does not fit this one: choose another."]})
    panel.ui.priorCombo.currentIndex = 1
    panel.wait(lambda: "does not fit" in panel.ui.statusLabel.text, "the refusal")
    panel.idle()
    assert panel.logic.case.prior() is None
    assert panel.ui.priorCombo.currentIndex == 0
    slicer_host.take_messages()
