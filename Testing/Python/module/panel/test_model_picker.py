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
from module.panel_driver import PanelDriver, opened_panel  # noqa: E402
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
def panel(tmp_path: Path) -> Iterator[PanelDriver]:
    with opened_panel(tmp_path) as made:
        made.worker.offer(card(tmp_path), card(tmp_path, "other", trained_on="clinical"))
        yield made
        made.logic.models.setFolders([])


def looked(panel: PanelDriver) -> PanelDriver:
    """A CT is chosen, and the panel has the packages."""
    panel.choose_ct()
    panel.wait(lambda: panel.logic.models.isAnswered, "the packages")
    return panel


def entries(panel: PanelDriver) -> list[str]:
    combo = panel.picker.combo
    return [combo.itemText(index) for index in range(combo.count)]


def choose(panel: PanelDriver, title: str) -> None:
    panel.picker.combo.currentIndex = next(i for i, text in enumerate(entries(panel)) if title in text)
    slicer.app.processEvents()


def sent(panel: PanelDriver, method: str = "assess") -> dict[str, Any]:
    return [row["params"] for row in panel.worker.requests() if row["method"] == method][-1]


def network_option(panel: PanelDriver, name: str) -> Any:
    return panel.logic.caseSettings().value("metastasis", "station_network", name)


def restored_options(panel: PanelDriver) -> dict[str, Any]:
    return sent(panel, "restore_case")["settings"]["metastasis"]["options"]["station_network"]


def points(array: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Where the voxels above 0 lie."""
    index = np.argwhere(array > 0)[:, ::-1]
    return (np.c_[index, np.ones(len(index))] @ matrix.T)[:, :3]


def test_packages_are_listed_by_title_once_there_is_a_case_and_criteria_are_the_default(panel: PanelDriver) -> None:
    assert entries(panel) == ["Clinical criteria (size, SUVmax)"]
    assert panel.worker.requests() == []
    looked(panel)
    assert entries(panel)[1:] == ["Model tiny 1 (synthetic training)", "Model other 1"]
    assert panel.picker.combo.currentIndex == 0
    assert not panel.picker.cardGroup.visible
    panel.assess()
    assert sent(panel)["settings"].get("metastasis", {}).get("method") is None
    assert panel.logic.case.mapNode() is None
    assert panel.worker.methods().count("models") == 1


def test_the_card_says_what_a_reader_must_know_and_takes_nothing_as_markup(panel: PanelDriver) -> None:
    choose(looked(panel), "tiny")
    assert panel.picker.cardGroup.visible
    text = panel.picker.cardLabel.text
    for words in (
        "<b>Model tiny</b>",
        "<b>Trained on</b>&nbsp;</td><td>synthetic patients only<br>phantoms: 20 patients, 100 stations",
        "on phantoms (10 patients):<br>  AUC 0.80 (0.70 to 0.90)",
        "Research &lt;b&gt;only&lt;/b&gt;",
        "<b>Package</b>&nbsp;</td><td>tiny 1",
    ):
        assert words in text, words
    assert "does not apply to real patients" in panel.picker.noteLabel.text
    choose(panel, "other")
    assert "<b>Model other</b>" in panel.picker.cardLabel.text
    assert not panel.picker.noteLabel.visible


def test_a_hash_in_a_card_does_not_widen_the_panel(panel: PanelDriver, tmp_path: Path) -> None:
    rows = [{"title": "Networks", "lines": [f"classifier, SHA-256 {'0123456789abcdef' * 4}", "a <b>"]}]
    panel.worker.offer(card(tmp_path, rows=rows))
    choose(looked(panel), "tiny")
    text = panel.picker.cardLabel.text
    half = "0123456789abcdef" * 2
    assert f"classifier, SHA-256 {half}<br>{half}<br>a &lt;b&gt;" in text


def test_what_is_chosen_goes_to_the_worker(panel: PanelDriver) -> None:
    choose(looked(panel), "tiny")
    panel.ui.advancedGroup.collapsed = panel.ui.expertGroup.collapsed = False
    panel.wait(lambda: panel.ui.deviceCombo.findData("cuda:0") >= 0, "the devices")
    panel.ui.deviceCombo.currentIndex = panel.ui.deviceCombo.findData("cuda:0")
    panel.field("metastasis", "operating_point").currentIndex = panel.field("metastasis", "operating_point").findData(
        "sensitive"
    )
    driver.click(panel.field("metastasis", "flip_averaging"))
    panel.assess()
    settings = sent(panel)["settings"]
    assert settings["metastasis"]["method"] == "station_network"
    assert settings["metastasis"]["options"]["station_network"] == {
        "model": panel.logic.models.cards[0]["path"], "operating_point": "sensitive", "flip_averaging": True,
        "device": "cuda:0",
    }  # fmt: skip
    from LNStationLib.state.settings import Settings

    assert Settings(**settings)
    choose(panel, "other")
    assert network_option(panel, "operating_point") is None, "a point of another package means nothing"
    assert panel.field("metastasis", "operating_point").currentIndex == 0


def test_the_result_shows_probabilities_attention_where_it_lies_and_the_model(panel: PanelDriver) -> None:
    choose(looked(panel), "tiny")
    panel.assess()
    panel.click_row("4R")
    node = panel.logic.case.mapNode()
    shown = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    assert shown.GetForegroundVolumeID() == node.GetID()
    values, stations = slicer.util.arrayFromVolume(node), station_array()
    assert values.size < stations.size
    to_ras = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(to_ras)
    drawn = points(values, slicer.util.arrayFromVTKMatrix(to_ras))
    np.testing.assert_allclose(drawn, points(stations, np.diag([-1, -1, 1, 1]) @ lps_matrix()), atol=1e-3)
    assert panel.cell("4R", "probability") == "0.91"
    assert "62% of the attention in nodes, of these most in node 7." in panel.ui.reasonLabel.text
    assert panel.ui.modelDecidedLabel.text == "decided by 4R · by tiny 1 at balanced, synthetic training"
    assert "trained on synthetic patients" in panel.ui.syntheticBanner.text


def test_a_blind_first_read_hides_model_and_attention(panel: PanelDriver) -> None:
    choose(looked(panel), "tiny")
    driver.click(panel.ui.blindCheck)
    panel.assess()
    panel.click_row("4R")
    assert "attention" not in panel.ui.reasonLabel.text
    shown = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    assert shown.GetForegroundVolumeID() is None
    assert panel.cell("4R", "probability") != "0.91"


def test_a_correction_replaces_the_attention_map(panel: PanelDriver) -> None:
    choose(looked(panel), "tiny")
    panel.assess()
    node = panel.logic.case.mapNode()
    assert slicer.util.arrayFromVolume(node).max() == 1.0
    panel.erase()
    panel.wait(lambda: "reassess" in panel.worker.methods(), "the correction")
    panel.idle()
    assert panel.logic.case.mapNode() == node
    assert slicer.util.arrayFromVolume(node).max() == 0.5


def test_criteria_after_a_network_take_the_attention_away(panel: PanelDriver) -> None:
    choose(looked(panel), "tiny")
    panel.assess()
    choose(panel, "Clinical criteria")
    driver.click(panel.ui.assessButton)
    panel.idle()
    assert panel.logic.case.mapNode() is None
    assert "by tiny" not in panel.ui.modelDecidedLabel.text


def test_a_package_that_cannot_be_used_is_seen_but_not_chosen(panel: PanelDriver, tmp_path: Path) -> None:
    sentence = "cut.zip is damaged: download it again."
    panel.worker.offer(card(tmp_path), problems=[{"path": str(tmp_path / "cut.zip"), "message": sentence}])
    looked(panel)
    combo = panel.picker.combo
    index = entries(panel).index("cut.zip (cannot be used)")
    assert not combo.model().index(index, 0).flags() & qt.Qt.ItemIsEnabled
    assert combo.itemData(index, qt.Qt.ToolTipRole) == sentence
    # What concerns all packages stands beside the first picker only.
    notes = [one.widgets.noteLabel.text for one in panel.widget.assessing.models.pickers.values()]
    assert [sentence in note for note in notes] == [True] + [False] * (len(notes) - 1)


def test_missing_packages_are_said_beside_the_picker_with_the_button_that_installs_them(
    panel: PanelDriver, tmp_path: Path
) -> None:
    panel.worker.offer(card(tmp_path), missing=["torch", "monai"])
    looked(panel)
    assert not panel.picker.noteLabel.visible, "criteria need none"
    choose(panel, "tiny")
    assert "torch, monai" in panel.picker.noteLabel.text
    driver.click(panel.ui.assessButton)
    assert "torch, monai" in panel.ui.statusLabel.text
    assert "assess" not in panel.worker.methods()
    installable = type("State", (), {"ready": True, "installable": True, "sentence": "", "detail": ""})()
    panel.logic.dependencies.state = lambda: installable
    panel.logic.dependencies.consentText = lambda withNetworks: f"networks: {withNetworks}"
    panel.widget.refresh()
    slicer_host.take_messages()
    slicer_host.confirm_with(False)
    try:
        driver.click(panel.picker.installButton)
    finally:
        slicer_host.confirm_with(True)
        slicer.app.userSettings().remove("LNStation/WithNetworks")
    assert ("confirm", "networks: True") in slicer_host.take_messages()


def test_a_folder_of_packages_is_added_and_remembered(
    panel: PanelDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, empty = tmp_path / "mine", tmp_path / "empty"
    folder.mkdir(), empty.mkdir()
    mine = card(folder, "mine", source="folder")
    panel.worker.offer(mine, mine)
    looked(panel)
    assert len(entries(panel)) == 1
    add, _again, forget = panel.picker.menuButton.menu().actions()
    for chosen in (folder, empty):
        monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_, chosen=chosen: str(chosen))
        before = panel.worker.methods().count("models")
        add.trigger()
        panel.wait(lambda before=before: panel.worker.methods().count("models") > before, "the question")
        panel.wait(lambda: not panel.logic.models.isAsking, "the answer")
    assert entries(panel)[1:] == ["Model mine 1 (synthetic training)"]
    assert f"no model package in {empty}" in panel.ui.statusLabel.text
    panel.loaded.reload()
    from module.panel_driver import use_worker

    use_worker(panel.loaded, panel.worker.command)
    assert panel.logic.models.folders == [folder, empty]
    panel.logic.models.setFolders([])
    assert forget.text


def test_a_saved_scene_keeps_the_choice_and_a_package_that_is_gone_is_said_in_one_sentence(
    panel: PanelDriver, tmp_path: Path
) -> None:
    choose(looked(panel), "tiny")
    panel.field("metastasis", "operating_point").currentIndex = 1
    panel.assess()
    scene = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(scene))
    slicer_host.clear_scene()
    slicer.util.loadScene(str(scene))
    slicer.app.processEvents()
    assert panel.picker.combo.currentText == "Model tiny 1 (synthetic training)"
    assert network_option(panel, "operating_point") == "sensitive"
    panel.erase()
    panel.wait(lambda: "reassess" in panel.worker.methods(), "the correction")
    panel.idle()
    restored = restored_options(panel)
    assert (restored["model"], restored["operating_point"]) == (str(tmp_path / "tiny.zip"), "sensitive")
    panel.worker.offer()
    panel.picker.menuButton.menu().actions()[1].trigger()
    panel.wait(lambda: not panel.logic.models.cards, "the answer")
    assert panel.picker.combo.currentText == "Model tiny 1 (not found)"
    assert panel.picker.noteLabel.text.count(".") == 1
    before = panel.worker.methods().count("assess")
    driver.click(panel.ui.assessButton)
    slicer.app.processEvents()
    assert "Model tiny 1 is no longer here" in panel.ui.statusLabel.text
    assert panel.worker.methods().count("assess") == before


def test_a_package_that_lies_elsewhere_on_this_computer_is_found_by_its_id(
    panel: PanelDriver, tmp_path: Path
) -> None:
    choose(looked(panel), "tiny")
    panel.assess()
    (tmp_path / "tiny.zip").unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    panel.worker.offer(card(elsewhere))
    panel.logic.models.ask()
    panel.wait(lambda: network_option(panel, "model") == str(elsewhere / "tiny.zip"), "the package")
    panel.logic.client.kill()
    panel.erase()
    panel.wait(lambda: "restore_case" in panel.worker.methods(), "the restoring")
    panel.idle()
    assert restored_options(panel)["model"] == str(elsewhere / "tiny.zip")
