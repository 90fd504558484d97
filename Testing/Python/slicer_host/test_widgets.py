"""The stand-ins for CTK's and MRML's widgets work as the real ones do in what panels use of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def selector(slicer: Any) -> Any:
    """A node selector of scalar volumes that may be empty."""
    made = slicer.qMRMLNodeComboBox()
    made.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    made.noneEnabled = True
    made.setMRMLScene(slicer.mrmlScene)
    return made


def test_a_selector_lists_nodes_of_its_types_and_chooses_none_by_itself(selector: Any, slicer: Any, ct: Any) -> None:
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "note")
    assert selector.nodeCount() == 1
    assert selector.currentNode() is None
    selector.setCurrentNode(ct)
    assert (selector.currentNode(), selector.currentNodeID) == (ct, ct.GetID())


def test_a_selector_without_none_takes_what_is_there(slicer: Any, ct: Any) -> None:
    made = slicer.qMRMLNodeComboBox()
    made.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    made.setMRMLScene(slicer.mrmlScene)
    assert made.currentNode() is ct


def test_a_selector_tells_of_its_choice_in_all_its_signals(selector: Any, ct: Any) -> None:
    got: list[Any] = []
    selector.currentNodeChanged.connect(lambda node: got.append(node))
    selector.connect("currentNodeChanged(vtkMRMLNode*)", lambda node: got.append(node))
    selector.connect("currentNodeChanged(bool)", lambda valid: got.append(valid))
    selector.connect("currentNodeIDChanged(QString)", lambda identifier: got.append(identifier))
    selector.setCurrentNode(ct)
    assert got == [ct, ct, True, ct.GetID()]
    selector.setCurrentNode(ct)
    assert len(got) == 4
    with pytest.raises(ValueError, match="currentNodeChanged"):
        selector.connect("currentNodeChanged(QString)", print)


def test_a_selector_forgets_a_removed_node(selector: Any, slicer: Any, ct: Any) -> None:
    selector.setCurrentNode(ct)
    slicer.mrmlScene.RemoveNode(ct)
    assert selector.currentNode() is None
    assert selector.nodeCount() == 0


def test_a_selector_shows_new_names_and_hides_hidden_nodes(selector: Any, slicer: Any, qt: Any, ct: Any) -> None:
    ct.SetName("CT of the chest")
    box = selector.findChild(qt.QComboBox)
    assert [box.itemText(index) for index in range(box.count)] == ["None", "CT of the chest"]
    hidden = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScalarVolumeNode")
    hidden.UnRegister(None)
    hidden.SetHideFromEditors(True)
    slicer.mrmlScene.AddNode(hidden)
    assert selector.nodeCount() == 1


def test_a_selector_can_leave_label_maps_out_and_filter_by_attribute(selector: Any, slicer: Any, ct: Any) -> None:
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    assert selector.nodeCount() == 2
    selector.hideChildNodeTypes = ["vtkMRMLLabelMapVolumeNode"]
    assert selector.nodeCount() == 1
    selector.addAttribute("vtkMRMLScalarVolumeNode", "Modality", "PT")
    assert selector.nodeCount() == 0
    ct.SetAttribute("Modality", "PT")
    assert selector.nodeCount() == 1


def test_a_deleted_selector_observes_nothing(slicer: Any, selector: Any) -> None:
    from slicer_host import driver

    during = driver.observer_count(slicer.mrmlScene)
    selector.delete()
    assert driver.observer_count(slicer.mrmlScene) < during


def test_setters_that_python_cannot_call_are_absent(selector: Any) -> None:
    for name in ("setNodeTypes", "setNoneEnabled"):
        assert not hasattr(selector, name)


def test_a_folded_section_hides_what_it_holds(slicer: Any, qt: Any) -> None:
    import ctk
    from slicer_host import driver

    section = ctk.ctkCollapsibleButton()
    section.text = "Display"
    inside = qt.QLabel("opacity")
    qt.QVBoxLayout(section).addWidget(inside)
    section.show()
    folded: list[bool] = []
    section.connect("contentsCollapsed(bool)", folded.append)
    driver.click(section, (30, 10))
    assert (section.collapsed, inside.visible, section.checked) == (True, False, False)
    section.collapsed = False
    assert inside.visible
    assert folded == [True, False]


def test_what_was_hidden_before_folding_stays_hidden_after_unfolding(slicer: Any, qt: Any) -> None:
    import ctk

    section = ctk.ctkCollapsibleButton()
    layout = qt.QVBoxLayout(section)
    shown, hidden = qt.QLabel("shown"), qt.QLabel("hidden")
    layout.addWidget(shown)
    layout.addWidget(hidden)
    hidden.visible = False
    section.show()
    section.collapsed = True
    section.collapsed = False
    assert (shown.visible, hidden.visible) == (True, False)


def test_a_folding_group_box_shrinks_to_its_title(slicer: Any, qt: Any) -> None:
    import ctk

    box = ctk.ctkCollapsibleGroupBox()
    box.title = "Advanced"
    inside = qt.QLabel("grid")
    qt.QVBoxLayout(box).addWidget(inside)
    box.show()
    opened = box.height
    box.collapsed = True
    slicer.app.processEvents()
    assert (inside.visible, box.height) == (False, box.TITLE_HEIGHT)
    box.collapsed = False
    slicer.app.processEvents()
    assert inside.visible
    assert box.sizeHint.height() >= box.TITLE_HEIGHT + inside.height
    assert opened > box.TITLE_HEIGHT


def test_a_slider_keeps_to_its_range_and_tells_once(slicer: Any) -> None:
    import ctk

    slider = ctk.ctkSliderWidget()
    slider.minimum, slider.maximum, slider.singleStep, slider.decimals = -5, 5, 0.5, 1
    got: list[float] = []
    slider.valueChanged.connect(got.append)
    slider.value = 2.5
    slider.value = 2.5
    slider.value = 99
    assert (slider.value, got) == (5.0, [2.5, 5.0])


def test_a_slider_moves_by_mouse_in_steps(slicer: Any, qt: Any) -> None:
    import ctk

    slider = ctk.ctkSliderWidget()
    slider.maximum, slider.singleStep = 10, 0.5
    slider.findChild(qt.QSlider).value = 4321
    assert slider.value == 4.5


def test_a_range_keeps_its_ends_in_order_and_tells_both(slicer: Any) -> None:
    import ctk

    widget = ctk.ctkRangeWidget()
    widget.minimum, widget.maximum = -1000, 1000
    got: list[tuple[float, float]] = []
    widget.connect("valuesChanged(double,double)", lambda low, high: got.append((low, high)))
    widget.setValues(-160, 240)
    assert (widget.minimumValue, widget.maximumValue) == (-160, 240)
    assert got == [(-160.0, 240.0)]


def test_a_checkable_combo_box_tells_which_are_checked(slicer: Any, qt: Any) -> None:
    import ctk

    box = ctk.ctkCheckableComboBox()
    box.addItems(["CT", "PET"])
    changes: list[int] = []
    box.connect("checkedIndexesChanged()", lambda: changes.append(1))
    box.setCheckState(box.model().index(1, 0), qt.Qt.Checked)
    assert [index.row() for index in box.checkedIndexes()] == [1]
    assert changes == [1]
    assert not box.allChecked()


def test_paths_and_folders_are_told(slicer: Any) -> None:
    import ctk

    got: list[str] = []
    path, folder = ctk.ctkPathLineEdit(), ctk.ctkDirectoryButton()
    path.currentPathChanged.connect(got.append)
    folder.directoryChanged.connect(got.append)
    path.currentPath = "/a/b"
    folder.directory = "/c"
    assert got == ["/a/b", "/c"]


def test_the_segment_selector_lists_segments(slicer: Any, segmentation: Any) -> None:
    selector = slicer.qMRMLSegmentSelectorWidget()
    selector.setMRMLScene(slicer.mrmlScene)
    selector.setCurrentNode(segmentation)
    assert (selector.currentNode(), selector.currentSegmentID()) == (segmentation, "4R")


def test_the_segment_editor_undoes_and_redoes(slicer: Any, ct: Any, segmentation: Any) -> None:
    editor = slicer.qMRMLSegmentEditorWidget()
    editor.setMRMLScene(slicer.mrmlScene)
    with pytest.raises(RuntimeError, match="setMRMLSegmentEditorNode first"):
        editor.setSegmentationNode(segmentation)
    editor.setMRMLSegmentEditorNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
    editor.setSegmentationNode(segmentation)
    editor.setSourceVolumeNode(ct)
    editor.setCurrentSegmentID("4R")
    assert (editor.currentSegmentID(), editor.sourceVolumeNode()) == ("4R", ct)

    def voxels() -> int:
        return int(slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "4R", ct).sum())

    mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "4R", ct)
    mask[0, 0, 0] = 1
    assert voxels() == 4 * 6 * 8
    editor.saveStateForUndo()
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, "4R", ct)
    assert voxels() == 4 * 6 * 8 + 1
    editor.undo()
    assert voxels() == 4 * 6 * 8
    editor.redo()
    assert voxels() == 4 * 6 * 8 + 1


UI = """
<ui version="4.0"><class>P</class><widget class="qMRMLWidget" name="Panel">
<layout class="QVBoxLayout" name="l"><item><widget class="ctkCollapsibleButton" name="section">
<property name="text"><string>Case</string></property>
<property name="collapsed"><bool>true</bool></property><layout class="QFormLayout" name="f"><item row="0" column="1">
<widget class="qMRMLNodeComboBox" name="ct"><property name="nodeTypes"><stringlist notr="true">
<string>vtkMRMLScalarVolumeNode</string></stringlist></property><property name="noneEnabled">
<bool>true</bool></property>
</widget></item><item row="1" column="1"><widget class="ctkSliderWidget" name="opacity"><property name="maximum">
<double>1.0</double></property><property name="singleStep"><double>0.1</double></property></widget></item></layout>
</widget></item><item><widget class="QPushButton" name="go"><property name="text"><string>Go</string></property>
</widget></item></layout></widget><customwidgets><customwidget><class>qMRMLNodeComboBox</class>
<extends>QWidget</extends>
<header>q.h</header></customwidget></customwidgets><resources/><connections><connection><sender>Panel</sender>
<signal>mrmlSceneChanged(vtkMRMLScene*)</signal><receiver>ct</receiver>
<slot>setMRMLScene(vtkMRMLScene*)</slot></connection>
<connection><sender>go</sender><signal>clicked()</signal><receiver>section</receiver><slot>hide()</slot></connection>
</connections></ui>"""


def test_a_designer_file_becomes_a_panel_of_stand_ins(slicer: Any, qt: Any, ct: Any, tmp_path: Path) -> None:
    import ctk

    path = tmp_path / "P.ui"
    path.write_text(UI.strip())
    panel = slicer.util.loadUI(str(path))
    ui = slicer.util.childWidgetVariables(panel)
    assert (type(panel), type(ui.ct)) == (slicer.qMRMLWidget, slicer.qMRMLNodeComboBox)
    assert (type(ui.section), type(ui.go)) == (ctk.ctkCollapsibleButton, qt.QPushButton)
    assert (ui.section.text, ui.section.collapsed, ui.opacity.maximum, ui.opacity.singleStep) == (
        "Case",
        True,
        1.0,
        0.1,
    )
    assert ui.ct.nodeTypes == ("vtkMRMLScalarVolumeNode",)
    assert ui.ct.mrmlScene() is None
    panel.setMRMLScene(slicer.mrmlScene)
    assert ui.ct.nodeCount() == 1
    panel.show()
    assert ui.section.visible
    ui.go.click()
    assert not ui.section.visible


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('class="ctkSliderWidget"', 'class="qMRMLUnheardOfWidget"', "no stand-in for qMRMLUnheardOfWidget"),
        ("<sender>Panel</sender>", "<sender>Nobody</sender>", "Nobody"),
        ("mrmlSceneChanged(vtkMRMLScene*)", "mrmlSceneChanged(bool)", "mrmlSceneChanged"),
        ("setMRMLScene(vtkMRMLScene*)", "setScene(vtkMRMLScene*)", "setScene"),
    ],
)
def test_a_designer_file_with_a_mistake_is_refused(
    slicer: Any, old: str, new: str, complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / "P.ui"
    path.write_text(UI.strip().replace(old, new))
    with pytest.raises((LookupError, ValueError), match=complaint):
        slicer.util.loadUI(str(path))
