"""The stand-in of ``slicer.parameterNodeWrapper`` keeps typed values in the scene and binds them to widgets."""

import enum
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
import slicer_host


class Model(enum.Enum):
    RULES = "rules"
    NETWORK = "network"


@pytest.fixture
def wrapper(slicer: Any) -> Callable[[], Any]:
    """Makes a wrapper around the scene's node of the module ``Test``."""
    from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper
    from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

    class Parameters:
        ct: slicer.vtkMRMLScalarVolumeNode
        maybe: slicer.vtkMRMLSegmentationNode | None
        threshold: Annotated[float, WithinRange(0, 20)] = 2.5
        size: Annotated[int, WithinRange(0, 99), Default(10)]
        blind: bool = False
        model: Model = Model.NETWORK
        device: Annotated[str, Choice(["cpu", "cuda"])] = "cuda"
        reader: str = "nobody"
        stations: list[str]
        volumes: list[slicer.vtkMRMLScalarVolumeNode]
        cutoff: float | None = None

    cls = parameterNodeWrapper(Parameters)
    logic = ScriptedLoadableModuleLogic()
    logic.moduleName = "Test"
    return lambda: cls(logic.getParameterNode())


def test_fields_have_their_defaults(wrapper: Any) -> None:
    parameters = wrapper()
    assert (parameters.ct, parameters.maybe, parameters.cutoff) == (None, None, None)
    assert (parameters.threshold, parameters.size, parameters.blind) == (2.5, 10, False)
    assert (parameters.model, parameters.device, parameters.reader) == (Model.NETWORK, "cuda", "nobody")
    assert parameters.stations == []
    assert parameters.default("size").value == 10


def test_zero_is_kept_apart_from_none(wrapper: Any) -> None:
    parameters = wrapper()
    parameters.cutoff = 0.0
    assert wrapper().cutoff == 0.0
    parameters.cutoff = None
    assert wrapper().cutoff is None


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("threshold", 21.0, ValueError),
        ("device", "tpu", ValueError),
        ("reader", 3, TypeError),
        ("reader", None, TypeError),
        ("blind", 1, TypeError),
        ("size", 2.5, TypeError),
        ("model", "network", TypeError),
    ],
)
def test_wrong_values_are_refused_and_change_nothing(wrapper: Any, field: str, value: Any, error: type) -> None:
    parameters = wrapper()
    before = getattr(parameters, field)
    with pytest.raises(error):
        setattr(parameters, field, value)
    assert getattr(parameters, field) == before


def test_a_node_of_another_class_is_refused(wrapper: Any, slicer: Any) -> None:
    with pytest.raises(TypeError):
        wrapper().ct = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode")


def test_changed_lists_reach_the_node(wrapper: Any) -> None:
    parameters = wrapper()
    parameters.stations.append("4R")
    parameters.stations += ["7", "10L"]
    del parameters.stations[0]
    assert list(wrapper().stations) == ["7", "10L"]
    parameters.stations = []
    assert list(wrapper().stations) == []


@pytest.mark.parametrize("ending", [".mrb", ".mrml"])
def test_values_come_back_with_the_scene(wrapper: Any, slicer: Any, ct: Any, ending: str, tmp_path: Path) -> None:
    parameters = wrapper()
    parameters.ct, parameters.threshold, parameters.model = ct, 4.25, Model.RULES
    parameters.stations, parameters.reader, parameters.volumes = ["4R", "7"], "Ä & <b>", [ct]
    path = tmp_path / f"review{ending}"
    if ending == ".mrml":
        assert slicer.util.saveNode(ct, str(tmp_path / "CT.nrrd"))
    assert slicer.util.saveScene(str(path))
    slicer_host.clear_scene()
    assert (wrapper().ct, wrapper().threshold) == (None, 2.5)
    slicer.util.loadScene(str(path))
    back = wrapper()
    assert back.ct.GetName() == "CT"
    assert slicer.util.arrayFromVolume(back.ct).shape == (24, 30, 40)
    assert (back.threshold, back.model, back.reader) == (4.25, Model.RULES, "Ä & <b>")
    assert list(back.stations) == ["4R", "7"]
    assert [node.GetName() for node in back.volumes] == ["CT"]


def test_a_wrapper_that_outlives_a_load_sees_nodes_after_modified_only(
    wrapper: Any, slicer: Any, tmp_path: Path
) -> None:
    """As in Slicer: the node is told of its change before the nodes that it refers to are there."""
    import numpy as np

    parameters = wrapper()
    parameters.ct = slicer.util.addVolumeFromArray(np.zeros((2, 3, 4), np.int16), name="Later")
    slicer.util.saveScene(str(tmp_path / "review.mrb"))
    slicer_host.clear_scene()
    slicer.util.loadScene(str(tmp_path / "review.mrb"))
    assert parameters.ct is None
    parameters.Modified()
    assert parameters.ct.GetName() == "Later"


def test_widgets_and_values_follow_each_other(wrapper: Any, slicer: Any, ct: Any, qt: Any) -> None:
    import ctk

    parameters = wrapper()
    widgets = {
        "threshold": ctk.ctkSliderWidget(),
        "size": qt.QSpinBox(),
        "blind": qt.QCheckBox(),
        "model": qt.QComboBox(),
        "device": qt.QComboBox(),
        "reader": qt.QLineEdit(),
        "ct": slicer.qMRMLNodeComboBox(),
    }
    widgets["ct"].noneEnabled = True
    widgets["ct"].setMRMLScene(slicer.mrmlScene)
    panel = qt.QWidget()
    layout = qt.QVBoxLayout(panel)
    for name, widget in widgets.items():
        widget.setProperty("SlicerParameterName", name)
        layout.addWidget(widget)
    tag = parameters.connectGui(panel)
    assert (widgets["threshold"].maximum, widgets["size"].maximum) == (20, 99)
    assert (widgets["model"].currentText, widgets["device"].currentText) == ("NETWORK", "cuda")
    widgets["threshold"].value = 3
    widgets["blind"].checked = True
    widgets["model"].currentIndex = 0
    widgets["device"].currentIndex = 0
    widgets["reader"].text = "somebody"
    widgets["ct"].setCurrentNode(ct)
    assert (parameters.threshold, parameters.blind, parameters.model) == (3.0, True, Model.RULES)
    assert (parameters.device, parameters.reader, parameters.ct) == ("cpu", "somebody", ct)
    parameters.size, parameters.reader, parameters.ct = 42, "other", None
    assert (widgets["size"].value, widgets["reader"].text, widgets["ct"].currentNode()) == (42, "other", None)
    parameters.disconnectGui(tag)
    widgets["size"].value = 1
    parameters.reader = "last"
    assert (parameters.size, widgets["reader"].text) == (42, "other")


def test_no_observer_is_left_on_the_node(wrapper: Any, qt: Any) -> None:
    node = wrapper().parameterNode
    assert not node.HasObserver("ModifiedEvent")
    parameters = wrapper()
    tag = parameters.connectParametersToGui({"blind": qt.QCheckBox()})
    assert node.HasObserver("ModifiedEvent")
    parameters.disconnectGui(tag)
    del parameters
    assert not node.HasObserver("ModifiedEvent")


def test_only_exact_widget_types_connect(wrapper: Any, qt: Any) -> None:
    class Better(qt.QCheckBox):
        pass

    with pytest.raises(RuntimeError, match="Unable to create GUI connector"):
        wrapper().connectParametersToGui({"blind": Better()})
    with pytest.raises(RuntimeError, match="Unable to create GUI connector"):
        wrapper().connectParametersToGui({"threshold": qt.QLineEdit()})


def test_sliders_need_bounds_and_combo_boxes_need_choices(slicer: Any, qt: Any) -> None:
    import ctk
    from slicer_host.parameter_gui import connector_for

    with pytest.raises(RuntimeError, match="unbounded"):
        connector_for(ctk.ctkSliderWidget(), float)
    with pytest.raises(RuntimeError, match="Choice"):
        connector_for(qt.QComboBox(), str)


def test_reserved_names_are_refused(slicer: Any) -> None:
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    class Parameters:
        pass

    Parameters.__annotations__ = {"connectGui": str}
    with pytest.raises(ValueError, match="reserved name"):
        parameterNodeWrapper(Parameters)
