"""What is in the scene shows in the rendered views, and comes back from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer_host


def red(pixels: np.ndarray) -> np.ndarray:
    """Where a picture is clearly red."""
    values = pixels.astype(int)
    return (values[..., 0] > 80) & (values[..., 1] < 60) & (values[..., 2] < 60)


def test_a_segmentation_shows_in_every_slice_view_where_it_lies(slicer: Any, ct: Any, segmentation: Any) -> None:
    from slicer_host import screenshots

    slicer.util.setSliceViewerLayers(background=ct, fit=True)
    for name in ("Red", "Green", "Yellow"):
        shown = red(screenshots.slice_view(name, (300, 300)))
        assert 100 < shown.sum() < 0.5 * shown.size, name
        rows, columns = np.nonzero(shown)
        assert abs(rows.mean() - 150) < 20, name
        assert abs(columns.mean() - 150) < 20, name
    segmentation.GetDisplayNode().SetVisibility(False)
    assert not red(screenshots.slice_view("Red", (300, 300))).any()


def test_the_patients_right_is_on_the_left_of_the_axial_view(slicer: Any, ct: Any, segmentation: Any) -> None:
    from slicer_host import screenshots

    mask = np.zeros((24, 30, 40), np.uint8)
    mask[10:14, 12:18, 2:8] = 1
    matrix = np.diag([-2.0, -2.0, 3.0, 1.0])
    ct.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, "4R", ct)
    slicer.util.setSliceViewerLayers(background=ct, fit=True)
    # Columns count towards the patient's left here (i to -R), so low columns are the patient's right.
    columns = np.nonzero(red(screenshots.slice_view("Red", (300, 300))))[1]
    assert columns.size > 50
    assert columns.max() < 150


def test_window_and_level_show(slicer: Any, ct: Any) -> None:
    from slicer_host import screenshots

    slicer.util.arrayFromVolume(ct)[:] = 40
    slicer.util.arrayFromVolumeModified(ct)
    ct.GetDisplayNode().AutoWindowLevelOff()
    ct.GetDisplayNode().SetWindowLevel(400, 40)
    slicer.util.setSliceViewerLayers(background=ct, fit=True)
    middle = screenshots.slice_view("Red", (200, 200))[90:110, 90:110]
    assert abs(middle.astype(int) - 127).max() <= 2


def test_a_segmentation_shows_in_three_dimensions(slicer: Any, segmentation: Any) -> None:
    from slicer_host import screenshots

    assert not red(screenshots.three_d_view()).any()
    segmentation.CreateClosedSurfaceRepresentation()
    slicer.util.resetThreeDViews()
    assert red(screenshots.three_d_view()).sum() > 500


def test_slices_move_with_their_offset(slicer: Any, ct: Any, segmentation: Any) -> None:
    from slicer_host import screenshots

    slicer.util.setSliceViewerLayers(background=ct, fit=True)
    logic = slicer.app.layoutManager().sliceWidget("Red").sliceLogic()
    assert red(screenshots.slice_view("Red")).any()
    logic.SetSliceOffset(3.0)
    assert not red(screenshots.slice_view("Red")).any()


def test_pictures_of_views_and_window_are_written(slicer: Any, ct: Any, segmentation: Any, tmp_path: Path) -> None:
    import matplotlib.image
    from slicer_host import screenshots

    slicer.util.setSliceViewerLayers(background=ct, fit=True)
    picture = matplotlib.image.imread(str(screenshots.four_up(tmp_path / "views.png", (640, 480))))
    assert picture.shape[:2] == (480, 640)
    assert red((picture[..., :3] * 255)[30:230, 10:310]).sum() > 50
    assert matplotlib.image.imread(str(screenshots.save_view("3D", tmp_path / "3d.png", (200, 100)))).shape[0] == 100


def test_layers_and_linked_views_are_slicers_own(slicer: Any, ct: Any) -> None:
    slicer.util.setSliceViewerLayers(background=ct, foreground=ct, foregroundOpacity=0.4)
    manager = slicer.app.layoutManager()
    assert manager.sliceViewNames() == ("Red", "Green", "Yellow")
    for name in manager.sliceViewNames():
        composite = manager.sliceWidget(name).mrmlSliceCompositeNode()
        assert (composite.GetBackgroundVolumeID(), composite.GetForegroundOpacity()) == (ct.GetID(), 0.4)
    assert manager.threeDWidget(0).mrmlViewNode().IsA("vtkMRMLViewNode")


@pytest.mark.parametrize("ending", [".mrb", ".mrml"])
def test_a_scene_comes_back_with_its_segmentation(
    slicer: Any, ct: Any, segmentation: Any, ending: str, tmp_path: Path
) -> None:
    slicer.util.arrayFromVolume(ct)[3, 4, 5] = 123
    if ending == ".mrml":
        assert slicer.util.saveNode(ct, str(tmp_path / "CT.nrrd"))
        assert slicer.util.saveNode(segmentation, str(tmp_path / "Stations.seg.nrrd"))
    assert slicer.util.saveScene(str(tmp_path / f"review{ending}"))
    slicer_host.clear_scene()
    assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode") == []
    slicer.util.loadScene(str(tmp_path / f"review{ending}"))
    back = slicer.util.getNode("CT")
    assert slicer.util.arrayFromVolume(back)[3, 4, 5] == 123
    assert back.GetSpacing() == (2, 2, 3)
    stations = slicer.util.getNode("Stations")
    assert slicer.util.arrayFromSegmentBinaryLabelmap(stations, "4R", back).sum() == 4 * 6 * 8
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    assert hierarchy.GetItemByDataNode(stations)


def test_volumes_segmentations_and_texts_load_from_files(
    slicer: Any, ct: Any, segmentation: Any, tmp_path: Path
) -> None:
    for node, name in ((ct, "CT.nii.gz"), (segmentation, "Stations.seg.nrrd")):
        assert slicer.util.saveNode(node, str(tmp_path / name))
    (tmp_path / "note.txt").write_text("4R")
    slicer_host.clear_scene()
    volume = slicer.util.loadVolume(str(tmp_path / "CT.nii.gz"))
    assert slicer.util.arrayFromVolume(volume).shape == (24, 30, 40)
    stations = slicer.util.loadSegmentation(str(tmp_path / "Stations.seg.nrrd"))
    assert list(stations.GetSegmentation().GetSegmentIDs()) == ["4R"]
    assert slicer.util.loadText(str(tmp_path / "note.txt")).GetText() == "4R"
    with pytest.raises(RuntimeError, match="Failed to load"):
        slicer.util.loadVolume(str(tmp_path / "absent.nii.gz"))


def test_nodes_get_a_place_in_the_subject_hierarchy(slicer: Any, ct: Any) -> None:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(ct)
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "LNStation")
    hierarchy.SetItemParent(item, folder)
    assert hierarchy.GetItemParent(item) == folder
    slicer.mrmlScene.RemoveNode(ct)
    assert hierarchy.GetItemDataNode(item) is None


def test_an_edited_segment_names_itself_in_the_event(slicer: Any, ct: Any, segmentation: Any) -> None:
    import vtk
    from slicer.util import VTKObservationMixin

    got: list[str | None] = []

    class Editing(VTKObservationMixin):
        @vtk.calldata_type(vtk.VTK_STRING)
        def onModified(self, caller: Any, event: str, segment: str | None = None) -> None:
            got.append(segment)

    editing = Editing()
    event = slicer.vtkSegmentation.SourceRepresentationModified
    editing.addObserver(segmentation.GetSegmentation(), event, editing.onModified)
    # As the segment editor's effects write. (updateSegmentBinaryLabelmapFromArray names no segment in this event.)
    labelmap = slicer.vtkOrientedImageData()
    segmentation.GetBinaryLabelmapRepresentation("4R", labelmap)
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    logic.SetBinaryLabelmapToSegment(labelmap, segmentation, "4R", logic.MODE_REPLACE)
    assert got == ["4R"]
    editing.removeObservers()
    logic.SetBinaryLabelmapToSegment(labelmap, segmentation, "4R", logic.MODE_REPLACE)
    assert got == ["4R"]


@pytest.mark.parametrize(
    "name", ["volumes", "segmentations", "subjecthierarchy", "terminologies", "colors", "tables", "markups", "texts"]
)
def test_module_logics_belong_to_the_scene(slicer: Any, name: str) -> None:
    assert getattr(slicer.modules, name).logic().GetMRMLScene() is slicer.mrmlScene
