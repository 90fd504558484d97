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
from module.panel_hand import MODULE, Hand, panel, use_worker  # noqa: E402
from module.workers import FakeWorker  # noqa: E402
from slicer_host import driver  # noqa: E402


def test_two_cases_have_calls_categories_and_edits_of_their_own(hand: Hand) -> None:
    hand.assessed("first")
    hand.call("4R", "negative")
    hand.wait(lambda: hand.ui.readerCategoryLabel.text == "N0", "the first N category")
    first = hand.logic.case
    hand.ui.newCaseButton.click()
    hand.assessed("second")
    assert hand.ui.caseSelector.count == 2
    assert hand.combo("4R").currentIndex == 0
    hand.erase()
    hand.wait(lambda: hand.logic.review.edits(), "the edit")
    hand.wait(lambda: not hand.logic.review.stale(), "the new assessment")
    hand.idle()
    assert first.review().edits() == []
    hand.ui.caseSelector.currentIndex = 0
    slicer.app.processEvents()
    assert hand.logic.case == first
    assert hand.combo("4R").currentIndex == 2
    assert hand.ui.readerCategoryLabel.text == "N0"
    assert not hand.logic.cases()[1].stationsNode().GetDisplayNode().GetVisibility()


def test_choosing_the_ct_of_a_case_goes_back_to_that_case(hand: Hand) -> None:
    first_ct = hand.assessed("first")
    first = hand.logic.case
    second_ct = hand.choose_ct("second")
    assert hand.logic.case != first
    hand.ui.ctSelector.setCurrentNode(first_ct)
    slicer.app.processEvents()
    assert hand.logic.case == first
    # The second had nothing in it: it is there all the same until its CT is replaced.
    hand.ui.ctSelector.setCurrentNode(second_ct)
    hand.choose_ct("third")
    assert {case.ctNode().GetName() for case in hand.logic.cases()} == {"first", "third"}


def test_removing_a_case_leaves_the_images(hand: Hand) -> None:
    ct = hand.assessed()
    hand.ui.removeCaseButton.click()
    slicer.app.processEvents()
    assert [kind for kind, _text in slicer_host.take_messages()] == ["confirm"]
    assert hand.logic.cases() == []
    assert slicer.mrmlScene.IsNodePresent(ct)
    assert hand.table.names == []
    assert hand.ui.caseSelector.currentText.startswith("new case")


def test_a_saved_scene_brings_the_whole_review_back(hand: Hand, tmp_path: Path) -> None:
    hand.assessed()
    hand.ui.autoReassessCheck.checked = False
    hand.ui.cancerCombo.currentIndex = hand.ui.cancerCombo.findData("lung")
    hand.ui.shortAxisSpin.value = 9.0
    hand.call("4R", "negative")
    hand.logic.setNote("7", "calcified")
    hand.wait(lambda: hand.ui.readerCategoryLabel.text == "N0", "the N category")
    hand.erase()
    hand.wait(lambda: hand.logic.review.stale() == ["4R"], "the stale mark")
    slicer.app.processEvents()
    before = {name: [hand.cell(name, column) for column in ("volume", "state", "note")] for name in hand.table.names}
    edits = hand.logic.review.edits()
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)

    slicer_host.clear_scene()
    assert hand.logic.case is None
    assert hand.table.names == []
    slicer.util.loadScene(path)
    slicer.app.processEvents()

    after = {name: [hand.cell(name, column) for column in ("volume", "state", "note")] for name in hand.table.names}
    assert after == before
    assert after["4R"][1] == "stale"
    assert hand.combo("4R").currentIndex == 2
    assert hand.ui.readerCategoryLabel.text == "N0"
    assert hand.logic.review.edits() == edits
    assert hand.ui.cancerCombo.currentText == "lung"
    assert hand.ui.shortAxisSpin.value == 9.0
    assert not hand.ui.autoReassessCheck.checked
    # And the worker, who forgot the closed case, can go on from there.
    hand.open_section("correctSection")
    driver.click(hand.ui.reassessButton)
    hand.idle()
    assert hand.cell("4R", "state") == "fresh"
    assert hand.worker.methods()[-4:].count("restore_case") == 1


def test_an_edit_just_before_saving_is_saved_as_stale(hand: Hand, tmp_path: Path) -> None:
    hand.assessed()
    hand.ui.autoReassessCheck.checked = False
    hand.erase()
    path = str(tmp_path / "scene.mrb")
    slicer.util.saveScene(path)
    slicer_host.clear_scene()
    slicer.util.loadScene(path)
    slicer.app.processEvents()
    assert hand.logic.review.stale() == ["4R"]


@pytest.mark.parametrize("when", ["assess", "load_case", "reassess"])
def test_closing_the_scene_in_mid_run_leaves_nothing_behind(hand: Hand, when: str) -> None:
    nodes = {name: slicer.mrmlScene.GetNumberOfNodesByClass(name) for name in ("vtkMRMLSegmentationNode",)}
    if when == "reassess":
        hand.assessed()
    else:
        hand.choose_ct()
    hand.worker.behave(**{when: {"seconds": 0.5, "deaf": True}})
    if when == "reassess":
        hand.erase()
    else:
        driver.click(hand.ui.assessButton)
    hand.wait(lambda: when in hand.worker.methods(), f"the worker to be at {when}")
    slicer_host.clear_scene()
    assert hand.logic.queue.active is None
    # The result comes although nobody waits for it; it must not reach the new scene, nor stay on the disk.
    hand.wait(lambda: hand.logic.client.nPending == 0, "the late answer")
    slicer.app.processEvents()
    assert not list(hand.logic.client.folder.iterdir())
    assert hand.logic.cases() == []
    for name, number in nodes.items():
        assert slicer.mrmlScene.GetNumberOfNodesByClass(name) == number
    assert slicer_host.take_messages() == []
    assert not hand.ui.progressBar.isVisible()
    # And the panel works on in the new scene.
    hand.worker.behave()
    hand.assessed("next")
    assert hand.cell("4R", "model") == "pos"


def test_a_case_removed_in_mid_run_gets_no_result(hand: Hand) -> None:
    hand.choose_ct()
    hand.worker.behave(assess={"hang": True})
    driver.click(hand.ui.assessButton)
    hand.wait(lambda: hand.ui.stepLabel.text == "Pretending", "progress")
    hand.logic.removeCase(hand.logic.case)
    hand.idle()
    assert hand.logic.cases() == []
    assert slicer_host.take_messages() == []


def test_a_ct_deleted_under_a_case_is_no_crash(hand: Hand) -> None:
    ct = hand.assessed()
    slicer.mrmlScene.RemoveNode(ct)
    hand.widget.refresh()
    hand.logic.selectStation("4R")
    hand.widget.exit()
    hand.widget.enter()
    assert hand.cell("4R", "model") == "pos"


def test_the_module_reloaded_shows_the_same_review_with_a_worker_of_its_own(hand: Hand) -> None:
    hand.assessed()
    hand.call("4R", "negative")
    hand.idle()
    folder = hand.logic.client.folder
    old = driver.child_processes()
    assert len(old) == 1
    hand.loaded.reload()
    # It has asked for model packages already, of a worker that is not the test's.
    hand.logic.client.stop()
    use_worker(hand.loaded, hand.worker.command)
    slicer.app.processEvents()
    assert not set(old) & set(driver.child_processes())
    assert not folder.exists()
    assert hand.combo("4R").currentIndex == 2
    assert hand.cell("4R", "model") == "pos"
    hand.erase()
    hand.wait(lambda: hand.logic.review.edits(), "the edit")
    hand.wait(lambda: not hand.logic.review.stale(), "the new assessment")
    hand.idle()
    assert len(hand.logic.review.edits()) == 1


def test_leaving_the_module_lets_go_of_editor_shortcuts_and_views_and_coming_back_takes_them_up(hand: Hand) -> None:
    hand.assessed()
    hand.open_section("correctSection")
    interactor = slicer.app.layoutManager().sliceWidget("Red").sliceView().interactor()
    listening = interactor.HasObserver("LeftButtonDoubleClickEvent")
    hand.widget.exit()
    assert hand.ui.segmentEditor.segmentationNode() is None
    assert not hand.widget._picking._observed
    hand.widget.enter()
    assert hand.ui.segmentEditor.segmentationNode() == hand.logic.case.stationsNode()
    assert interactor.HasObserver("LeftButtonDoubleClickEvent") == listening


def test_nothing_is_left_after_the_panel_is_gone(tmp_path: Path) -> None:
    def live(number: int) -> None:
        answers = FakeWorker(tmp_path / f"answers{number}", make_assessment(), *_arrays())
        with slicer_host.load_module(MODULE) as loaded:
            use_worker(loaded, answers.command)
            loaded.show(560, 1200)
            loaded.parent.widgetRepresentation().enter()
            hand = Hand(loaded, answers)
            hand.assessed()
            hand.erase()
            hand.wait(lambda: hand.logic.review.edits(), "the edit")
            hand.idle()
            folder = hand.logic.client.folder
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
    with panel(tmp_path) as hand:
        hand.assessed()
        hand.call("4R", "negative")
        hand.idle()
        path = str(tmp_path / "scene.mrb")
        slicer.util.saveScene(path)
    slicer.util.loadScene(path)
    with slicer_host.load_module(MODULE) as loaded:
        loaded.show(560, 1200)
        assert Hand(loaded, hand.worker).combo("4R").currentIndex == 2
    slicer_host.clear_scene()
    make_volume(name="kept")
    slicer_host.clear_scene()
