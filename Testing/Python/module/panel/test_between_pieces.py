"""A result goes into the scene by pieces; what can happen in the turns of the event loop between them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from module.mrml_cases import Editor  # noqa: E402
from module.panel_driver import PanelDriver  # noqa: E402
from slicer_host import driver  # noqa: E402


def before(panel: PanelDriver, method: str, act: Callable[[], object]) -> None:
    """Do something once, in the turn in which a result comes to a method of the case under review."""
    case = panel.logic.case
    plain = getattr(case, method)

    def acted(*arguments: object, **named: object) -> object:
        setattr(case, method, plain)
        act()
        return plain(*arguments, **named)

    setattr(case, method, acted)


def erase_of_each(panel: PanelDriver) -> None:
    """A stroke in a station, in an organ and in a node."""
    panel.erase()
    panel.erase_organ()
    node = panel.logic.case.nodesNode()
    Editor(node, panel.logic.case.ctNode()).erase("node_1", (slice(0, 24), slice(0, 40), slice(0, 48)))


def assess_while(panel: PanelDriver, method: str, act: Callable[[], object]) -> None:
    """Assess, and do something meanwhile."""
    before(panel, method, act)
    driver.click(panel.ui.assessButton)
    panel.wait(lambda: panel.logic.case.assessment() is not None, "the assessment")
    panel.idle()


@pytest.mark.parametrize("seen", [False, True], ids=["unseen", "seen"])
def test_strokes_made_while_the_rest_of_a_result_waits_are_edits_of_what_it_brought(
    panel: PanelDriver, seen: bool
) -> None:
    def draw() -> None:
        erase_of_each(panel)
        if seen:  # the delay after a stroke passes before the last piece comes
            panel.logic.flushEdits()

    panel.choose_ct()
    panel.ui.autoReassessCheck.checked = False
    for number in (1, 2):  # in a first assessment, and where there are contours already
        assess_while(panel, "removeMap", draw)
        review = panel.logic.review
        assert (review.stale(), review.organs.stale(), review.nodes.stale()) == (["4R"], ["aorta"], ["node_1"])
        edits = [edit for edit in review.edits() if edit["action"] is None]  # not those of nodes
        assert len(edits) == 2 * number
        assert {edit["station"] or edit["organ"] for edit in edits[-2:]} == {"4R", "aorta"}
        assert all(edit["volume_before_ml"] > edit["volume_after_ml"] for edit in edits)
        assert panel.state("4R") == "stale"


def test_a_stroke_made_while_the_rest_of_a_result_waits_is_assessed_by_itself(panel: PanelDriver) -> None:
    panel.choose_ct()
    assess_while(panel, "removeMap", panel.erase)
    panel.wait(lambda: not panel.logic.review.stale(), "the new assessment")
    assert list(panel.worker.last_params("reassess")["stations"]) == ["4R"]


def test_a_stroke_in_an_organ_stays_while_other_organs_wait_to_be_shown(panel: PanelDriver) -> None:
    panel.assessed()
    panel.erase_organ()
    lower = (slice(10, 12), slice(0, 40), slice(0, 48))
    before(panel, "replaceStations", lambda: panel.erase_organ("trachea", lower))
    panel.wait(lambda: {"aorta", "trachea"} == {edit["organ"] for edit in panel.logic.review.edits()}, "both edits")
    panel.wait(lambda: panel.worker.methods().count("reassess") == 2, "the second assessment")
    panel.idle()
    assert list(panel.worker.last_params("reassess")["organs"]) == ["trachea"]
    assert panel.logic.review.organs.stale() == []


@pytest.mark.parametrize("method", ["setNodes", "setOrgans"])
def test_a_scene_that_closes_between_two_pieces_stays_empty(panel: PanelDriver, method: str) -> None:
    panel.choose_ct()
    case = panel.logic.case
    plain = getattr(case, method)

    def last(*arguments: object) -> None:
        plain(*arguments)
        slicer_host.clear_scene()

    setattr(case, method, last)
    driver.click(panel.ui.assessButton)
    panel.wait(lambda: panel.logic.case is None, "the end of the scene")
    slicer.app.processEvents()
    assert panel.logic.queue.active is None
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    panel.wait(lambda: not list(panel.logic.client.folder.iterdir()), "the files to go")
    assert slicer_host.take_messages() == []
    panel.assessed("next")
    assert panel.cell("4R", "model") == "pos"


def test_an_assessment_asked_for_between_two_pieces_replaces_what_was_drawn_before_it(panel: PanelDriver) -> None:
    def draw_and_ask() -> None:
        panel.erase()
        panel.logic.assess()

    panel.choose_ct()
    panel.ui.autoReassessCheck.checked = False
    assess_while(panel, "removeMap", draw_and_ask)
    assert panel.worker.methods().count("assess") == 2
    assert [edit["station"] for edit in panel.logic.review.edits()] == ["4R"]
    assert panel.logic.review.stale() == []
    assert panel.state("4R") == "fresh"


def test_organs_are_not_looked_at_in_the_turn_that_shows_them(
    panel: PanelDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    masks = sys.modules["LNStationSlicer.exchange.SegmentMasks"]
    plain = masks.segmentMasks

    def recorded(segmentation: object, ids: Iterable[str]) -> object:
        asked.extend(ids := list(ids))
        return plain(segmentation, ids)

    monkeypatch.setattr(masks, "segmentMasks", recorded)
    panel.assessed()
    panel.assess()
    panel.logic.selectCase(panel.logic.case)
    assert "4R" in asked
    assert not {"aorta", "aortic_arch", "trachea"} & set(asked)
