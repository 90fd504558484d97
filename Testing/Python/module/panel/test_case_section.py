"""Section "Case": images, segmentations, facts and settings, as a person chooses them."""

from __future__ import annotations

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from module.mrml_cases import make_volume  # noqa: E402
from module.panel_driver import PanelDriver  # noqa: E402
from module.patients import add_segmentation  # noqa: E402
from slicer_host import driver  # noqa: E402

from LNStationLib.metastasis.registry import METHODS as METASTASIS  # noqa: E402


def test_nothing_can_be_assessed_before_a_ct_is_chosen(panel: PanelDriver) -> None:
    assert not panel.ui.assessButton.enabled
    assert not panel.ui.writeReportButton.enabled
    panel.choose_ct()
    assert panel.ui.assessButton.enabled
    assert panel.logic.case.ctNode() == panel.ui.ctSelector.currentNode()


def test_segmentations_of_the_scene_are_proposed_by_what_they_hold(panel: PanelDriver) -> None:
    ct = panel.add_ct()
    organs = add_segmentation({}, ct, "TotalSegmentator")
    for name in ("aorta", "trachea", "lung_upper_lobe_left"):
        organs.GetSegmentation().AddEmptySegment(name, name)
    tumor = add_segmentation({}, ct, "Tumor")
    tumor.GetSegmentation().AddEmptySegment("tumor", "primary tumor")
    panel.ui.ctSelector.setCurrentNode(ct)
    slicer.app.processEvents()
    assert panel.ui.organsSelector.currentNode() == organs
    assert panel.ui.tumorSelector.currentNode() == tumor
    assert panel.ui.nodesSelector.currentNode() is None
    assert "2 organs" in panel.ui.organsMatchLabel.text or "3 organs" in panel.ui.organsMatchLabel.text


def test_segments_are_sent_as_organs_nodes_and_tumor_by_their_codes_whatever_their_names(panel: PanelDriver) -> None:
    ct = panel.add_ct()
    codes = {"aorta": "15825003^Aorta", "nodes": "59441001^Lymph node", "tumor": "86049000^Neoplasm, Primary"}
    box = np.zeros(slicer.util.arrayFromVolume(ct).shape, dtype=np.uint8)
    box[4:8, 4:8, 4:8] = 1
    for number, code in enumerate(codes.values()):
        node = add_segmentation({}, ct, f"Segmentation {number}")
        node.GetSegmentation().AddEmptySegment("Segment_1", "Segment_1")
        category = "123037004^Anatomical Structure" if number < 2 else "49755003^Morphologically Altered Structure"
        entry = f"Segmentation category and type - DICOM master list~SCT^{category}~SCT^{code}~^^~~^^~^^"
        segment = node.GetSegmentation().GetSegment("Segment_1")
        segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), entry)
        slicer.util.updateSegmentBinaryLabelmapFromArray(box, node, "Segment_1", ct)
    panel.ui.ctSelector.setCurrentNode(ct)
    slicer.app.processEvents()
    panel.assess()
    sent = panel.worker.last_params("load_case")
    assert list(sent["organs"]) == ["aorta"]
    assert sent["organs"]["aorta"]["shape"] == [4, 4, 4]
    assert sent["nodes"] is not None
    assert sent["tumor"] is not None


def test_facts_and_settings_go_to_the_worker_as_chosen(panel: PanelDriver) -> None:
    panel.choose_ct()
    panel.ui.cancerCombo.currentIndex = panel.ui.cancerCombo.findData("lung")
    panel.ui.tumorSideCombo.currentIndex = panel.ui.tumorSideCombo.findData("L")
    rules = panel.field("staging", "rules")
    rules.currentIndex = rules.findData("tnm9")
    panel.ui.advancedGroup.collapsed = False
    panel.field("metastasis", "short_axis_threshold_mm").value = 8.5
    panel.assess()
    facts, settings = panel.worker.last_params("load_case")["facts"], panel.worker.last_params("assess")["settings"]
    assert (facts["cancer"], facts["tumor_side"]) == ("lung", "L")
    assert settings["staging"]["options"]["lung"] == {"rules": "tnm9"}
    options = settings["metastasis"]["options"]
    sharing = [method.name for method in METASTASIS if "short_axis_threshold_mm" in method.options.model_fields]
    assert {name: options[name]["short_axis_threshold_mm"] for name in options} == dict.fromkeys(sharing, 8.5), (
        "an option that methods share is set for all of them"
    )
    assert {"clinical_criteria", "station_network"} <= set(sharing)


def test_every_setting_that_is_sent_is_one_the_library_knows(panel: PanelDriver) -> None:
    from LNStationLib.state.settings import Settings

    panel.assessed()
    assert Settings(**panel.worker.last_params("assess")["settings"])


def test_a_case_that_is_known_is_not_sent_again_until_its_inputs_change(panel: PanelDriver) -> None:
    panel.assessed()
    driver.click(panel.ui.assessButton)
    panel.idle()
    assert panel.worker.methods().count("load_case") == 1
    assert panel.worker.methods().count("assess") == 2
    panel.ui.cancerCombo.currentIndex = panel.ui.cancerCombo.findData("esophagus")
    driver.click(panel.ui.assessButton)
    panel.idle()
    assert panel.worker.methods().count("load_case") == 2


def test_a_pet_of_unknown_unit_is_taken_as_suv_only_where_the_user_says_so(panel: PanelDriver) -> None:
    panel.choose_ct()
    panel.ui.petSelector.setCurrentNode(make_volume(name="PET"))
    slicer.app.processEvents()
    assert panel.ui.petUnitCombo.isVisible()
    panel.assess()
    assert panel.worker.last_params("load_case")["pet_unit"] is None
    panel.ui.petUnitCombo.currentIndex = panel.ui.petUnitCombo.findData("SUVbw")
    driver.click(panel.ui.assessButton)
    panel.idle()
    assert panel.worker.last_params("load_case")["pet_unit"] == "SUVbw"


def test_the_top_of_the_panel_says_images_cancer_and_side(panel: PanelDriver) -> None:
    panel.choose_ct()
    assert panel.ui.patientLabel.text == "CT \N{MIDDLE DOT} cancer not given"
    panel.ui.cancerCombo.currentIndex = panel.ui.cancerCombo.findData("lung")
    slicer.app.processEvents()
    assert panel.ui.patientLabel.text.endswith("lung cancer, side not given")
    panel.ui.tumorSideCombo.currentIndex = panel.ui.tumorSideCombo.findData("L")
    slicer.app.processEvents()
    assert panel.ui.patientLabel.text.endswith("lung cancer, left")
    panel.ui.cancerCombo.currentIndex = panel.ui.cancerCombo.findData("esophagus")
    slicer.app.processEvents()
    assert panel.ui.patientLabel.text.endswith("esophageal cancer")
