"""Cases in the panel from birth to end: several of them, saving, loading, closing, reloading, and what is left."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from module.mrml_cases import make_assessment, make_volume  # noqa: E402
from module.panel_driver import MODULE, PanelDriver, opened_panel, use_worker  # noqa: E402
from module.workers import FakeWorker  # noqa: E402
from slicer_host import driver  # noqa: E402


def test_two_cases_have_calls_categories_and_edits_of_their_own(panel: PanelDriver) -> None:
    panel.assessed("first")
    panel.call("4R", "negative")
    panel.wait(lambda: panel.ui.readerCategoryLabel.text == "N0", "the first N category")
    first = panel.logic.case
    panel.ui.newCaseButton.click()
    panel.assessed("second")
    assert panel.ui.caseSelector.count == 2
    assert panel.called("4R") is None
    panel.erase()
    panel.wait(lambda: panel.logic.review.edits(), "the edit")
    panel.wait(lambda: not panel.logic.review.stale(), "the new assessment")
    panel.idle()
    assert first.review().edits() == []
    panel.ui.caseSelector.currentIndex = 0
    slicer.app.processEvents()
    assert panel.logic.case == first
    assert panel.called("4R") == "negative"
    assert panel.ui.readerCategoryLabel.text == "N0"
    assert not panel.logic.cases()[1].stationsNode().GetDisplayNode().GetVisibility()


def test_choosing_the_ct_of_a_case_goes_back_to_that_case(panel: PanelDriver) -> None:
    first_ct = panel.assessed("first")
    first = panel.logic.case
    second_ct = panel.choose_ct("second")
    assert panel.logic.case != first
    panel.ui.ctSelector.setCurrentNode(first_ct)
    slicer.app.processEvents()
    assert panel.logic.case == first
    # The second had nothing in it: it is there all the same until its CT is replaced.
    panel.ui.ctSelector.setCurrentNode(second_ct)
    panel.choose_ct("third")
    assert {case.ctNode().GetName() for case in panel.logic.cases()} == {"first", "third"}


def test_removing_a_case_leaves_the_images(panel: PanelDriver) -> None:
    ct = panel.assessed()
    panel.ui.removeCaseButton.click()
    slicer.app.processEvents()
    assert [kind for kind, _text in slicer_host.take_messages()] == ["confirm"]
    assert panel.logic.cases() == []
    assert slicer.mrmlScene.IsNodePresent(ct)
    assert panel.table.names == []
    assert panel.ui.caseSelector.currentText.startswith("new case")


def test_a_saved_scene_brings_the_whole_review_back(panel: PanelDriver, tmp_path: Path) -> None:
    panel.assessed()
    panel.ui.autoReassessCheck.checked = False
    panel.ui.cancerCombo.currentIndex = panel.ui.cancerCombo.findData("lung")
    panel.field("metastasis", "short_axis_threshold_mm").value = 9.0
    panel.call("4R", "negative")
    panel.logic.reader.note("7", "calcified")
    panel.wait(lambda: panel.ui.readerCategoryLabel.text == "N0", "the N category")
    panel.erase()
    panel.wait(lambda: panel.logic.review.stale() == ["4R"], "the stale mark")
    slicer.app.processEvents()
    before = {
        name: [panel.cell(name, column) for column in ("volume", "state", "note")] for name in panel.table.names
    }
    edits = panel.logic.review.edits()
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)

    slicer_host.clear_scene()
    assert panel.logic.case is None
    assert panel.table.names == []
    slicer.util.loadScene(path)
    slicer.app.processEvents()

    after = {name: [panel.cell(name, column) for column in ("volume", "state", "note")] for name in panel.table.names}
    assert after == before
    assert after["4R"][1] == "\N{PENCIL}"
    assert panel.called("4R") == "negative"
    assert panel.ui.readerCategoryLabel.text == "N0"
    assert panel.logic.review.edits() == edits
    assert panel.ui.cancerCombo.currentText == "lung"
    assert panel.field("metastasis", "short_axis_threshold_mm").value == 9.0
    assert not panel.ui.autoReassessCheck.checked
    # And the worker, who forgot the closed case, can go on from there.
    panel.open_section("correctSection")
    driver.click(panel.ui.reassessButton)
    panel.idle()
    assert panel.state("4R") == "fresh"
    assert panel.worker.methods()[-4:].count("restore_case") == 1


def test_an_edit_just_before_saving_is_saved_as_stale(panel: PanelDriver, tmp_path: Path) -> None:
    panel.assessed()
    panel.ui.autoReassessCheck.checked = False
    panel.erase()
    path = str(tmp_path / "scene.mrb")
    slicer.util.saveScene(path)
    slicer_host.clear_scene()
    slicer.util.loadScene(path)
    panel.wait(lambda: panel.logic.review.stale() == ["4R"], "the first look")


@pytest.mark.parametrize("when", ["assess", "load_case", "reassess"])
def test_closing_the_scene_in_mid_run_leaves_nothing_behind(panel: PanelDriver, when: str) -> None:
    nodes = {name: slicer.mrmlScene.GetNumberOfNodesByClass(name) for name in ("vtkMRMLSegmentationNode",)}
    if when == "reassess":
        panel.assessed()
    else:
        panel.choose_ct()
    panel.worker.behave(**{when: {"seconds": 0.5, "deaf": True}})
    if when == "reassess":
        panel.erase()
    else:
        driver.click(panel.ui.assessButton)
    panel.wait(lambda: when in panel.worker.methods(), f"the worker to be at {when}")
    slicer_host.clear_scene()
    assert panel.logic.queue.active is None
    # The result comes although nobody waits for it; it must not reach the new scene, nor stay on the disk.
    panel.wait(lambda: panel.logic.client.nPending == 0, "the late answer")
    slicer.app.processEvents()
    assert not list(panel.logic.client.folder.iterdir())
    assert panel.logic.cases() == []
    for name, number in nodes.items():
        assert slicer.mrmlScene.GetNumberOfNodesByClass(name) == number
    assert slicer_host.take_messages() == []
    assert not panel.ui.progressBar.isVisible()
    # And the panel works on in the new scene.
    panel.worker.behave()
    panel.assessed("next")
    assert panel.cell("4R", "model") == "pos"


def test_a_case_removed_in_mid_run_gets_no_result(panel: PanelDriver) -> None:
    panel.choose_ct()
    panel.worker.behave(assess={"hang": True})
    driver.click(panel.ui.assessButton)
    panel.wait(lambda: panel.ui.stepLabel.text == "Pretending", "progress")
    panel.logic.removeCase(panel.logic.case)
    panel.idle()
    assert panel.logic.cases() == []
    assert slicer_host.take_messages() == []


def test_a_ct_deleted_under_a_case_is_no_crash(panel: PanelDriver) -> None:
    ct = panel.assessed()
    slicer.mrmlScene.RemoveNode(ct)
    panel.widget.refresh()
    panel.logic.selectStation("4R")
    panel.widget.exit()
    panel.widget.enter()
    assert panel.cell("4R", "model") == "pos"


def test_the_module_reloaded_shows_the_same_review_with_a_worker_of_its_own(panel: PanelDriver) -> None:
    panel.assessed()
    panel.call("4R", "negative")
    panel.idle()
    folder = panel.logic.client.folder
    old = driver.child_processes()
    assert len(old) == 1
    panel.loaded.reload()
    # It has asked for model packages already, of a worker that is not the test's.
    panel.logic.client.stop()
    use_worker(panel.loaded, panel.worker.command)
    slicer.app.processEvents()
    assert not set(old) & set(driver.child_processes())
    assert not folder.exists()
    assert panel.called("4R") == "negative"
    assert panel.cell("4R", "model") == "pos"
    panel.erase()
    panel.wait(lambda: panel.logic.review.edits(), "the edit")
    panel.wait(lambda: not panel.logic.review.stale(), "the new assessment")
    panel.idle()
    assert len(panel.logic.review.edits()) == 1


def test_leaving_the_module_lets_go_of_editor_shortcuts_and_views_and_coming_back_takes_them_up(
    panel: PanelDriver,
) -> None:
    panel.assessed()
    panel.open_section("correctSection")
    interactor = slicer.app.layoutManager().sliceWidget("Red").sliceView().interactor()
    listening = interactor.HasObserver("LeftButtonDoubleClickEvent")
    panel.widget.exit()
    assert panel.ui.segmentEditor.segmentationNode() is None
    assert not panel.widget._picking._observed
    panel.widget.enter()
    assert panel.ui.segmentEditor.segmentationNode() == panel.logic.case.stationsNode()
    assert interactor.HasObserver("LeftButtonDoubleClickEvent") == listening


def test_nothing_is_left_after_the_panel_is_gone(tmp_path: Path) -> None:
    def live(number: int) -> None:
        answers = FakeWorker(tmp_path / f"answers{number}", make_assessment(), *_arrays())
        with slicer_host.load_module(MODULE) as loaded:
            use_worker(loaded, answers.command)
            loaded.show(560, 1200)
            loaded.parent.widgetRepresentation().enter()
            panel = PanelDriver(loaded, answers)
            panel.assessed()
            panel.erase()
            panel.wait(lambda: panel.logic.review.edits(), "the edit")
            panel.idle()
            folder = panel.logic.client.folder
        assert not folder.exists()
        assert driver.child_processes() == []
        slicer_host.clear_scene()
        gc.collect()

    slicer_host.clear_scene()
    live(0)
    observers = [driver.observer_count(watched) for watched in watchable()]
    live(1)
    live(2)
    assert [driver.observer_count(watched) for watched in watchable()] == observers
    assert slicer_host.take_slot_errors() == []


def watchable() -> list:
    """What the module observes and what outlives it: the scene, and the interactors of the views."""
    manager = slicer.app.layoutManager()
    views = [manager.sliceWidget(name).sliceView() for name in manager.sliceViewNames()]
    return [slicer.mrmlScene, *(view.interactor() for view in (*views, manager.threeDWidget(0).threeDView()))]


def _arrays():
    from module.mrml_cases import node_array, station_array

    return station_array(), node_array()


def test_opening_the_module_on_a_loaded_scene_takes_up_its_case(tmp_path: Path) -> None:
    with opened_panel(tmp_path) as panel:
        panel.assessed()
        panel.call("4R", "negative")
        panel.idle()
        path = str(tmp_path / "scene.mrb")
        slicer.util.saveScene(path)
    slicer.util.loadScene(path)
    with slicer_host.load_module(MODULE) as loaded:
        loaded.show(560, 1200)
        assert PanelDriver(loaded, panel.worker).called("4R") == "negative"
    slicer_host.clear_scene()
    make_volume(name="kept")
    slicer_host.clear_scene()
