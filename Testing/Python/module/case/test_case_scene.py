"""Cases in the scene: one folder each, found again after renaming, saving and loading, removed without a trace."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

import vtk  # noqa: E402
from LNStationSlicer.case.CaseScene import CaseScene  # noqa: E402
from LNStationSlicer.exchange.Findings import nodeIdOf  # noqa: E402
from LNStationSlicer.exchange.VolumeExchange import FLIP, gridMatrix  # noqa: E402
from LNStationSlicer.support.Steps import AGAIN  # noqa: E402
from LNStationSlicer.views.OverlayOptions import OverlayOptions  # noqa: E402
from LNStationSlicer.views.Overlays import Overlays  # noqa: E402
from LNStationSlicer.views.Surfaces import missingSurfaces  # noqa: E402
from module.mrml_cases import (  # noqa: E402
    GRIDS,
    SHAPE,
    Editor,
    geometry_of,
    hierarchy,
    lps_matrix,
    make_assessment,
    make_case,
    make_volume,
    names_in_folder,
    node_array,
    set_map,
    station_array,
)

from LNStationLib import anatomy  # noqa: E402

ACROSS = (slice(13, 15), slice(10, 12), slice(17, 23))


@pytest.fixture(autouse=True)
def _empty_scene() -> Iterator[None]:
    slicer_host.clear_scene()
    yield
    slicer_host.clear_scene()


def scene_ids() -> set[str]:
    scene = slicer.mrmlScene
    return {scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())}


def test_everything_the_case_makes_lies_in_one_folder_and_the_ct_does_not() -> None:
    case = make_case()
    attention = np.linspace(0, 1, np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    set_map(case, attention, geometry_of(lps_matrix()))
    assert names_in_folder(case) == {"review", "assessment", "table", "stations", "nodes", "caseOrgans", "attention"}
    assert hierarchy().GetItemParent(hierarchy().GetItemByDataNode(case.ctNode())) != case.folderItem()


def test_a_case_of_a_dicom_ct_is_placed_in_the_study_of_the_ct() -> None:
    ct = make_volume()
    scene_item = hierarchy().GetSceneItemID()
    patient = hierarchy().CreateSubjectItem(scene_item, "Patient")
    study = hierarchy().CreateStudyItem(patient, "Study")
    hierarchy().SetItemParent(hierarchy().GetItemByDataNode(ct) or hierarchy().CreateItem(study, ct), study)
    case = CaseScene.create(slicer.mrmlScene, ct)
    assert hierarchy().GetItemParent(case.folderItem()) == study


def test_there_is_a_segment_for_every_station_with_its_color_and_code() -> None:
    segmentation = make_case().stationsNode().GetSegmentation()
    assert list(segmentation.GetSegmentIDs()) == [row.name for row in anatomy.stations()]
    segment = segmentation.GetSegment("4R")
    entry = vtk.reference("")
    assert segment.GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), entry)
    assert "SCT^127932007^" in str(entry)
    assert "SCT^24028007^Right" in str(entry)
    assert segment.GetColor() == pytest.approx([channel / 255 for channel in anatomy.station("4R").color])
    assert segmentation.GetNumberOfLayers() == 1


def test_an_attention_map_lies_where_it_belongs_though_only_its_box_is_kept() -> None:
    case = make_case(GRIDS["oblique"])
    array = np.zeros(SHAPE, dtype=np.float32)
    array[14, 12, 25] = 0.7
    set_map(case, array, geometry_of(GRIDS["oblique"]))
    node = case.mapNode()
    kept = slicer.util.arrayFromVolume(node)
    assert kept.shape == (3, 3, 3)
    assert kept[1, 1, 1] == np.float32(0.7)
    center = gridMatrix(node) @ [1, 1, 1, 1]
    assert np.allclose(FLIP @ center, GRIDS["oblique"] @ [25, 12, 14, 1], atol=1e-6)
    set_map(case, np.zeros(SHAPE, dtype=np.float32), geometry_of(GRIDS["oblique"]))
    assert slicer.util.arrayFromVolume(case.mapNode()).max() == 0
    set_map(case, None)
    assert case.mapNode() is None


def test_segmentations_are_edited_on_the_grid_of_the_ct() -> None:
    case = make_case(GRIDS["oblique"])
    node = case.stationsNode()
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    assert node.GetNodeReference(role) is case.ctNode()
    parameter = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
    image = slicer.vtkOrientedImageData()
    slicer.vtkSegmentationConverter.DeserializeImageGeometry(
        node.GetSegmentation().GetConversionParameter(parameter), image, False
    )
    assert image.GetDimensions() == SHAPE[::-1]


def test_nodes_have_a_segment_each_under_their_id() -> None:
    case = make_case()
    segmentation = case.nodesNode().GetSegmentation()
    assert list(segmentation.GetSegmentIDs()) == ["node_1", "node_7", "node_300"]
    assert "4R" in segmentation.GetSegment("node_7").GetName()
    array = slicer.util.arrayFromSegmentBinaryLabelmap(case.nodesNode(), "node_300", case.ctNode())
    assert (array.astype(bool) == (node_array() == 300)).all()
    assert [nodeIdOf(name) for name in ("node_300", "tumor", "node_x")] == [300, 0, 0]


def test_stations_drawn_twice_are_the_second_ones() -> None:
    case = make_case()
    node = case.stationsNode()
    moved = np.roll(station_array(), 3, axis=0)
    case.setStations(moved, geometry_of(lps_matrix()))
    assert case.stationsNode() is node
    array = slicer.util.arrayFromSegmentBinaryLabelmap(node, "7", case.ctNode())
    assert (array.astype(bool) == (moved == anatomy.station("7").label_value)).all()


def test_surfaces_of_replaced_stations_are_forgotten_and_made_anew() -> None:
    case = make_case()
    case.stationsNode().CreateClosedSurfaceRepresentation()
    case.setStations(np.roll(station_array(), 3, axis=0), geometry_of(lps_matrix()))
    assert not case.stationsNode().GetSegmentation().GetSegment("7").GetRepresentation("Closed surface")
    for piece in missingSurfaces(case.stationsNode()):
        while piece() is AGAIN:
            pass
    surface = vtk.vtkPolyData()
    case.stationsNode().GetClosedSurfaceRepresentation("7", surface)
    bounds = surface.GetBounds()
    assert (bounds[4] + bounds[5]) / 2 == pytest.approx(-40 + 3 * (6.5 + 3), abs=1.5)


def test_no_stations_at_all_are_shown_as_empty_segments() -> None:
    case = make_case()
    case.setStations(np.zeros(SHAPE, dtype=np.uint8), geometry_of(lps_matrix()))
    case.setNodes(np.zeros(SHAPE, dtype=np.uint16), geometry_of(lps_matrix()))
    assert case.stationsNode().GetSegmentation().GetNumberOfSegments() == 17
    assert case.nodesNode().GetSegmentation().GetNumberOfSegments() == 0
    Editor(case.stationsNode(), case.ctNode()).paint("4R", ACROSS)
    assert slicer.util.arrayFromSegmentBinaryLabelmap(case.stationsNode(), "4R", case.ctNode()).sum() == 24


def test_the_table_leaves_cells_empty_that_were_not_assessed() -> None:
    case = make_case()
    case.review().setCall("4L", "positive")
    case.review().markStale(["7"])
    case.updateTable()
    table = case.tableNode().GetTable()
    rows = {
        table.GetValue(i, 0).ToString(): {
            table.GetColumnName(j): table.GetValue(i, j).ToString() for j in range(table.GetNumberOfColumns())
        }
        for i in range(table.GetNumberOfRows())
    }
    assert len(rows) == 17
    assert rows["4L"]["Nodes"] == "0"
    assert rows["4L"]["Reader's call"] == "positive"
    assert rows["1R"]["Nodes"] == rows["1R"]["Probability"] == rows["1R"]["Call"] == ""
    assert (rows["7"]["State"], rows["4R"]["State"]) == ("stale", "fresh")


def test_two_cases_in_one_scene_keep_their_nodes_apart() -> None:
    first, second = make_case(name="First"), make_case(GRIDS["oblique"], name="Second")
    assert CaseScene.allIn(slicer.mrmlScene) == [first, second]
    assert first.key != second.key
    for case in (first, second):
        for node in (case.stationsNode(), case.reviewNode(), case.ctNode(), case.node, case.tableNode()):
            assert CaseScene.ofNode(node) == case
    first.review().setCall("4R", "negative")
    assert second.review().calls() == {}
    assert second.name == "Second"
    assert CaseScene.ofNode(make_volume(name="other")) is None


def test_two_cases_of_one_ct_do_not_share_anything_else() -> None:
    first = make_case()
    second = CaseScene.create(slicer.mrmlScene, first.ctNode())
    assert second.stationsNode() is None
    assert CaseScene.ofNode(first.ctNode()) == first


def test_a_case_survives_renaming_and_moving_of_its_nodes() -> None:
    case = make_case()
    case.stationsNode().SetName("whatever")
    case.name = "Mine"
    folder = case.folderItem()
    inner = hierarchy().CreateFolderItem(folder, "inner")
    hierarchy().SetItemParent(hierarchy().GetItemByDataNode(case.reviewNode()), inner)
    assert case.folderItem() == folder
    hierarchy().SetItemParent(hierarchy().GetItemByDataNode(case.reviewNode()), hierarchy().GetSceneItemID())
    assert case.folderItem() == folder
    assert case.name == "Mine"
    assert CaseScene.allIn(slicer.mrmlScene)[0].stationsNode().GetName() == "whatever"


def test_removing_a_case_leaves_the_scene_as_it_was_with_ct_pet_and_sources() -> None:
    ct, pet = make_volume(), make_volume(name="PET")
    organs = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "organs")
    colors = pet.GetDisplayNode().GetColorNodeID()
    before = scene_ids()
    case = CaseScene.create(slicer.mrmlScene, ct, pet)
    case.setSources("organs", [organs])
    case.setAssessment(make_assessment())
    case.setStations(station_array(), geometry_of(lps_matrix()))
    case.setNodes(node_array(), geometry_of(lps_matrix()))
    set_map(case, np.ones(SHAPE, dtype=np.float32), geometry_of(lps_matrix()))
    Overlays(case).apply(OverlayOptions(foreground="map"))
    Overlays(case).apply(OverlayOptions(foreground="pet", show3D=True))
    assert pet.GetDisplayNode().GetColorNodeID() != colors
    folder = case.folderItem()
    mine = hierarchy().CreateFolderItem(folder, "my own")
    Overlays(case).hide()
    case.remove()
    assert scene_ids() == before
    assert not case.isAlive()
    assert hierarchy().GetItemName(folder) == ""
    assert hierarchy().GetItemParent(mine) == hierarchy().GetSceneItemID()
    assert pet.GetDisplayNode().GetColorNodeID() == colors


def test_a_new_assessment_leaves_the_readers_calls_alone() -> None:
    case = make_case()
    case.review().setCall("7", "positive")
    case.review().setNote("7", "abutting the esophagus")
    case.setAssessment(make_assessment())
    assert case.review().call("7") == "positive"
    assert case.review().note("7") == "abutting the esophagus"


def test_sources_are_refused_under_an_unknown_role() -> None:
    with pytest.raises(ValueError, match="nodesSource"):
        make_case().setSources("lungs", [])
