"""Segments of other tools matched to organs: by code, by name, with their side; doubts are said, not guessed."""

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

from LNStationSlicer.case.CaseSources import candidateSegmentations  # noqa: E402
from LNStationSlicer.exchange import OrganMatching  # noqa: E402
from LNStationSlicer.exchange.OrganMatching import matchSegmentations  # noqa: E402
from module.mrml_cases import SHAPE, make_case, make_volume  # noqa: E402

from LNStationLib import anatomy  # noqa: E402
from LNStationLib.worker.volume_files import read_volume  # noqa: E402

LEFT, RIGHT = "SCT^7771000^Left", "SCT^24028007^Right"


@pytest.fixture(autouse=True)
def _empty_scene() -> Iterator[None]:
    slicer_host.clear_scene()
    yield
    slicer_host.clear_scene()


def entry(kind: str, modifier: str = "^^", category: str = "SCT^123037004^Anatomical Structure") -> str:
    """A terminology entry as Slicer writes it."""
    anatomic = "Anatomic codes - DICOM master list~^^~^^"
    return f"Segmentation category and type - 3D Slicer General Anatomy list~{category}~{kind}~{modifier}~{anatomic}"


def make_segmentation(segments: dict[str, str], name: str = "organs") -> Any:
    """Segments by name, each with a terminology entry or none; block n lies in slice n."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    for segment_name, code in segments.items():
        segment_id = node.GetSegmentation().AddEmptySegment("", segment_name)
        tag = slicer.vtkSegment.GetTerminologyEntryTagName()
        segment = node.GetSegmentation().GetSegment(segment_id)
        segment.RemoveTag(tag)
        if code:
            segment.SetTag(tag, code)
    return node


def matched(name: str, code: str = "") -> Any:
    return matchSegmentations([make_segmentation({name: code})])


def names(matches: Any) -> list[str]:
    return list(matches.organs)


@pytest.mark.parametrize(
    ("name", "code", "organ"),
    [
        ("Segment_1", entry("SCT^15825003^Aorta"), "aorta"),
        ("Segment_1", entry("SCT^39607008^Lung", LEFT), "lung_left"),
        ("Segment_1", entry("SCT^39607008^Lung", RIGHT), "lung_right"),
        ("Segment_1", entry("SCT^51299004^Clavicle", RIGHT), "clavicle_right"),
        ("aorta", "", "aorta"),
        ("Lung upper lobe (L)", "", "lung_upper_lobe_left"),
        ("brachiocephalic_vein_right", "", "brachiocephalic_vein_right"),
        ("vertebrae_T5", "", "spine"),
        ("Oesophagus", entry("SCT^85756007^Tissue", category="SCT^85756007^Tissue"), "esophagus"),
        ("left lung", entry("SCT^39607008^Lung"), "lung_left"),
        ("lung_upper_lobe_left", entry("SCT^39607008^Lung", LEFT), "lung_upper_lobe_left"),
    ],
)
def test_an_organ_is_known_by_code_or_name_with_its_side(name: str, code: str, organ: str) -> None:
    matches = matched(name, code)
    assert names(matches) == [organ]
    assert matches.ambiguous == ()


@pytest.mark.parametrize("row", anatomy.organs(), ids=lambda row: row.name)
def test_every_organ_of_the_table_is_known_by_its_code_alone(row: anatomy.OrganEntry) -> None:
    side = anatomy.side_code(row.side) if row.side else None
    modifier = f"{side.scheme}^{side.value}^{side.meaning}" if side else "^^"
    assert names(matched("x", entry(f"{row.code.scheme}^{row.code.value}^", modifier))) == [row.name]


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("Segment_1", entry("SCT^39607008^Lung"), "left or right"),
        ("right lung", entry("SCT^39607008^Lung", LEFT), "left lung, its name says right lung"),
        ("trachea", entry("SCT^15825003^Aorta"), "correct one of them"),
        ("lungs", "", "both left and right"),
        ("clavicle", "", "left or right"),
        ("middle lobe", entry("SCT^44567001^Trachea"), "correct one of them"),
    ],
)
def test_what_contradicts_itself_or_lacks_its_side_is_left_to_the_user(name: str, code: str, words: str) -> None:
    matches = matched(name, code)
    assert names(matches) == []
    (unclear,) = matches.ambiguous
    assert words in unclear.reason
    assert len(unclear.candidates) == 2
    assert name in matches.summary()


def test_nodes_and_tumors_are_no_organs() -> None:
    code = entry("SCT^86049000^Neoplasm, Primary", category="SCT^49755003^Morphologically Altered Structure")
    node = make_segmentation(
        {"a": entry("SCT^59441001^Lymph node"), "LN 4R": "", "GTVp": "", "b": code, "lymph nodes": ""}
    )
    matches = matchSegmentations([node])
    assert [ref.name for ref in matches.nodes] == ["a", "LN 4R", "lymph nodes"]
    assert [ref.name for ref in matches.tumor] == ["GTVp", "b"]
    assert names(matches) == []


def test_a_metastasis_is_not_taken_for_the_primary_tumor() -> None:
    code = entry("SCT^14799000^Neoplasm, Secondary", category="SCT^49755003^Morphologically Altered Structure")
    assert [ref.name for ref in matched("m1", code).unmatched] == ["m1"]


def test_known_but_unneeded_and_unknown_structures_are_told_apart() -> None:
    matches = matchSegmentations([make_segmentation({"spleen": "", "thing": "", "aorta": ""})])
    assert [ref.name for ref in matches.unused] == ["spleen"]
    assert [ref.name for ref in matches.unmatched] == ["thing"]
    assert matches.summary() == "1 organs; 1 not recognized (thing)"


def test_pieces_of_one_organ_from_several_segmentations_are_united(tmp_path: Path) -> None:
    ct = make_volume()
    first, second = make_segmentation({"vertebrae_T5": ""}), make_segmentation({"vertebrae_T6": "", "aorta": ""}, "b")
    for node, position, k in ((first, 0, 3), (second, 0, 6), (second, 1, 9)):
        array = np.zeros(SHAPE, dtype=np.uint8)
        array[k, 5:9, 5:9] = 1
        segment_id = node.GetSegmentation().GetNthSegmentID(position)
        slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, segment_id, ct)
    matches = matchSegmentations([first, second])
    assert len(matches.organs["spine"]) == 2
    references = OrganMatching.exportOrgans(matches, ct, tmp_path)
    assert set(references) == {"spine", "aorta"}
    spine, _geometry = read_volume(tmp_path, references["spine"])
    assert spine.shape == (4, 4, 4)
    assert spine.sum() == 32


def test_organs_outside_the_ct_are_left_out(tmp_path: Path) -> None:
    matches = matchSegmentations([make_segmentation({"aorta": ""})])
    assert set(matches.organs) == {"aorta"}
    assert OrganMatching.exportOrgans(matches, make_volume(), tmp_path) == {}


def test_what_a_case_made_is_no_candidate() -> None:
    make_case()
    mine = make_segmentation({"aorta": ""})
    assert candidateSegmentations(slicer.mrmlScene) == [mine]
