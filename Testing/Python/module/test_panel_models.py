"""Learned models in the panel: choosing a package, its card, what the worker is told, what its answer shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

import qt  # noqa: E402
import vtk  # noqa: E402
from module.mrml_cases import lps_matrix, station_array  # noqa: E402
from module.panel_hand import Hand, panel  # noqa: E402
from slicer_host import driver  # noqa: E402


def card(folder: Path, name: str = "tiny", **changes: Any) -> dict[str, Any]:
    """A card as the worker gives it; the file is there."""
    path = folder / f"{name}.zip"
    path.write_bytes(b"package")
    points = [
        {"name": "balanced", "threshold": 0.4, "description": "Youden", "sensitivity": 0.8, "specificity": None},
        {"name": "sensitive", "threshold": 0.1, "description": "", "sensitivity": 0.9, "specificity": 0.5},
    ]
    rows = [
        {"title": "Trained on", "lines": ["synthetic patients only", "phantoms: 20 patients, 100 stations"]},
        {"title": "Metrics", "lines": ["on phantoms (10 patients):", "  AUC 0.80 (0.70 to 0.90)"]},
        {"title": "Intended use", "lines": ["Research <b>only</b>"]},
    ]
    return {
        "id": name, "version": "1", "title": f"Model {name}", "summary": "", "path": str(path), "source": "user",
        "task": "station_classification", "task_title": "Metastasis of stations", "trained_on": "synthetic",
        "operating_points": points, "rows": rows, "sha256": "ab" * 32, "n_bytes": 7,
    } | changes  # fmt: skip


@pytest.fixture
def hand(tmp_path: Path) -> Iterator[Hand]:
    with panel(tmp_path) as made:
        made.worker.offer(card(tmp_path), card(tmp_path, "other", trained_on="clinical"))
        yield made
        made.logic.models.setFolders([])


def looked(hand: Hand) -> Hand:
    """A CT is chosen, and the panel has the packages."""
    hand.choose_ct()
    hand.wait(lambda: hand.logic.models.isAnswered, "the packages")
    return hand


def entries(hand: Hand) -> list[str]:
    combo = hand.ui.methodCombo
    return [combo.itemText(index) for index in range(combo.count)]


def choose(hand: Hand, title: str) -> None:
    hand.ui.methodCombo.currentIndex = next(i for i, text in enumerate(entries(hand)) if title in text)
    slicer.app.processEvents()


def sent(hand: Hand, method: str = "assess") -> dict[str, Any]:
    return [row["params"] for row in hand.worker.requests() if row["method"] == method][-1]


def points(array: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Where the voxels above 0 lie."""
    index = np.argwhere(array > 0)[:, ::-1]
    return (np.c_[index, np.ones(len(index))] @ matrix.T)[:, :3]


def test_packages_are_listed_by_title_once_there_is_a_case_and_criteria_are_the_default(hand: Hand) -> None:
    assert entries(hand) == ["Clinical criteria (size and uptake)"]
    assert hand.worker.requests() == []
    looked(hand)
    assert entries(hand)[1:] == ["Model tiny 1 (synthetic training)", "Model other 1"]
    assert hand.ui.methodCombo.currentIndex == 0
    assert not hand.ui.modelCardGroup.visible
    hand.assess()
    assert sent(hand)["settings"]["metastasis"] == "clinical_criteria"
    assert hand.logic.case.attentionNode() is None
    assert hand.worker.methods().count("models") == 1


def test_the_card_says_what_a_reader_must_know_and_takes_nothing_as_markup(hand: Hand) -> None:
    choose(looked(hand), "tiny")
    assert hand.ui.modelCardGroup.visible
    text = hand.ui.modelCardLabel.text
    for words in (
        "<b>Model tiny</b>",
        "<b>Trained on</b>&nbsp;</td><td>synthetic patients only<br>phantoms: 20 patients, 100 stations",
        "on phantoms (10 patients):<br>  AUC 0.80 (0.70 to 0.90)",
        "Research &lt;b&gt;only&lt;/b&gt;",
        "<b>Package</b>&nbsp;</td><td>tiny 1",
    ):
        assert words in text, words
    assert "means nothing for a person" in hand.ui.modelNoteLabel.text
    choose(hand, "other")
    assert "<b>Model other</b>" in hand.ui.modelCardLabel.text
    assert not hand.ui.modelNoteLabel.visible


def test_what_is_chosen_goes_to_the_worker(hand: Hand) -> None:
    choose(looked(hand), "tiny")
    hand.ui.advancedGroup.collapsed = False
    hand.wait(lambda: hand.ui.deviceCombo.findData("cuda:0") >= 0, "the devices")
    hand.ui.deviceCombo.currentIndex = hand.ui.deviceCombo.findData("cuda:0")
    hand.ui.operatingPointCombo.currentIndex = hand.ui.operatingPointCombo.findData("sensitive")
    driver.click(hand.ui.flipCheck)
    hand.assess()
    settings = sent(hand)["settings"]
    assert settings["metastasis"] == "sa_moe"
    assert settings["model"] == hand.logic.models.cards[0]["path"]
    assert (settings["operating_point"], settings["flip_averaging"], settings["device"]) == (
        "sensitive",
        True,
        "cuda:0",
    )
    from LNStationLib.state.settings import Settings

    assert Settings(**settings)
    choose(hand, "other")
    assert hand.logic.caseParameters().operatingPoint == "", "a point of another package means nothing"
    assert hand.ui.operatingPointCombo.currentIndex == 0


def test_the_result_shows_probabilities_attention_where_it_lies_and_the_model(hand: Hand) -> None:
    choose(looked(hand), "tiny")
    hand.assess()
    hand.click_row("4R")
    node = hand.logic.case.attentionNode()
    shown = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    assert shown.GetForegroundVolumeID() == node.GetID()
    values, stations = slicer.util.arrayFromVolume(node), station_array()
    assert values.size < stations.size
    to_ras = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(to_ras)
    drawn = points(values, slicer.util.arrayFromVTKMatrix(to_ras))
    np.testing.assert_allclose(drawn, points(stations, np.diag([-1, -1, 1, 1]) @ lps_matrix()), atol=1e-3)
    assert hand.cell("4R", "probability") == "91%"
    assert "62% of the attention in nodes, of these most in node 7." in hand.ui.reasonLabel.text
    assert hand.ui.modelCategoryLabel.text == "N2, decided by 4R · by tiny 1 at balanced, synthetic training"
    assert "trained on synthetic patients" in hand.ui.syntheticBanner.text


def test_a_blind_first_read_hides_model_and_attention(hand: Hand) -> None:
    choose(looked(hand), "tiny")
    driver.click(hand.ui.blindCheck)
    hand.assess()
    hand.click_row("4R")
    assert "attention" not in hand.ui.reasonLabel.text
    shown = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    assert shown.GetForegroundVolumeID() is None
    assert hand.cell("4R", "probability") != "91%"


def test_a_correction_replaces_the_attention_map(hand: Hand) -> None:
    choose(looked(hand), "tiny")
    hand.assess()
    node = hand.logic.case.attentionNode()
    assert slicer.util.arrayFromVolume(node).max() == 1.0
    hand.erase()
    hand.wait(lambda: "reassess" in hand.worker.methods(), "the correction")
    hand.idle()
    assert hand.logic.case.attentionNode() == node
    assert slicer.util.arrayFromVolume(node).max() == 0.5


def test_criteria_after_a_network_take_the_attention_away(hand: Hand) -> None:
    choose(looked(hand), "tiny")
    hand.assess()
    choose(hand, "Clinical criteria")
    driver.click(hand.ui.assessButton)
    hand.idle()
    assert hand.logic.case.attentionNode() is None
    assert "by tiny" not in hand.ui.modelCategoryLabel.text


def test_a_package_that_cannot_be_used_is_seen_but_not_chosen(hand: Hand, tmp_path: Path) -> None:
    sentence = "cut.zip is damaged: download it again."
    hand.worker.offer(card(tmp_path), problems=[{"path": str(tmp_path / "cut.zip"), "message": sentence}])
    looked(hand)
    combo = hand.ui.methodCombo
    index = entries(hand).index("cut.zip (cannot be used)")
    assert not combo.model().index(index, 0).flags() & qt.Qt.ItemIsEnabled
    assert combo.itemData(index, qt.Qt.ToolTipRole) == sentence
    assert sentence in hand.ui.modelNoteLabel.text


def test_missing_packages_are_said_beside_the_picker_with_the_button_that_installs_them(
    hand: Hand, tmp_path: Path
) -> None:
    hand.worker.offer(card(tmp_path), missing=["torch", "monai"])
    looked(hand)
    assert not hand.ui.modelNoteLabel.visible, "criteria need none"
    choose(hand, "tiny")
    assert "torch, monai" in hand.ui.modelNoteLabel.text
    driver.click(hand.ui.assessButton)
    assert "torch, monai" in hand.ui.statusLabel.text
    assert "assess" not in hand.worker.methods()
    installable = type("State", (), {"ready": True, "installable": True, "sentence": "", "detail": ""})()
    hand.logic.dependencies.state = lambda: installable
    hand.logic.dependencies.consentText = lambda withNetworks: f"networks: {withNetworks}"
    hand.widget.refresh()
    slicer_host.take_messages()
    slicer_host.confirm_with(False)
    try:
        driver.click(hand.ui.installModelsButton)
    finally:
        slicer_host.confirm_with(True)
        slicer.app.userSettings().remove("LNStation/WithNetworks")
    assert ("confirm", "networks: True") in slicer_host.take_messages()


def test_a_folder_of_packages_is_added_and_remembered(
    hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, empty = tmp_path / "mine", tmp_path / "empty"
    folder.mkdir(), empty.mkdir()
    mine = card(folder, "mine", source="folder")
    hand.worker.offer(mine, mine)
    looked(hand)
    assert len(entries(hand)) == 1
    add, _again, forget = hand.ui.modelMenuButton.menu().actions()
    for chosen in (folder, empty):
        monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_, chosen=chosen: str(chosen))
        before = hand.worker.methods().count("models")
        add.trigger()
        hand.wait(lambda before=before: hand.worker.methods().count("models") > before, "the question")
        hand.wait(lambda: not hand.logic.models.isAsking, "the answer")
    assert entries(hand)[1:] == ["Model mine 1 (synthetic training)"]
    assert f"no model package in {empty}" in hand.ui.statusLabel.text
    hand.loaded.reload()
    from module.panel_hand import use_worker

    use_worker(hand.loaded, hand.worker.command)
    assert hand.logic.models.folders == [folder, empty]
    hand.logic.models.setFolders([])
    assert forget.text


def test_a_saved_scene_keeps_the_choice_and_a_package_that_is_gone_is_said_in_one_sentence(
    hand: Hand, tmp_path: Path
) -> None:
    choose(looked(hand), "tiny")
    hand.ui.operatingPointCombo.currentIndex = 1
    hand.assess()
    scene = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(scene))
    slicer_host.clear_scene()
    slicer.util.loadScene(str(scene))
    slicer.app.processEvents()
    assert hand.ui.methodCombo.currentText == "Model tiny 1 (synthetic training)"
    assert hand.logic.caseParameters().operatingPoint == "sensitive"
    hand.erase()
    hand.wait(lambda: "reassess" in hand.worker.methods(), "the correction")
    hand.idle()
    restored = sent(hand, "restore_case")["settings"]
    assert (restored["model"], restored["operating_point"]) == (str(tmp_path / "tiny.zip"), "sensitive")
    hand.worker.offer()
    hand.ui.modelMenuButton.menu().actions()[1].trigger()
    hand.wait(lambda: not hand.logic.models.cards, "the answer")
    assert hand.ui.methodCombo.currentText == "Model tiny 1 (not found)"
    assert hand.ui.modelNoteLabel.text.count(".") == 1
    before = hand.worker.methods().count("assess")
    driver.click(hand.ui.assessButton)
    slicer.app.processEvents()
    assert "Model tiny 1 is not here any more" in hand.ui.statusLabel.text
    assert hand.worker.methods().count("assess") == before


def test_a_package_that_lies_elsewhere_on_this_computer_is_found_by_its_id(hand: Hand, tmp_path: Path) -> None:
    choose(looked(hand), "tiny")
    hand.assess()
    (tmp_path / "tiny.zip").unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    hand.worker.offer(card(elsewhere))
    hand.logic.models.ask()
    hand.wait(lambda: hand.logic.caseParameters().modelPath == str(elsewhere / "tiny.zip"), "the package")
    hand.logic.client.kill()
    hand.erase()
    hand.wait(lambda: "restore_case" in hand.worker.methods(), "the restoring")
    hand.idle()
    assert sent(hand, "restore_case")["settings"]["model"] == str(elsewhere / "tiny.zip")
