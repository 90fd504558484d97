"""The views of the layout, rendered off screen by Slicer's own displayable managers, and ``layoutManager()``."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import slicer
import vtk
from trame_slicer.core import SlicerApp
from trame_slicer.views import (
    DirectViewFactory,
    NoScheduleRendering,
    SliceView,
    ThreeDView,
    ViewLayoutDefinition,
    ViewProps,
    ViewType,
)

SLICE_VIEWS = {"Red": ("Axial", "#F34A33"), "Green": ("Coronal", "#6EB04B"), "Yellow": ("Sagittal", "#EDD54C")}
"""Orientation and color of the slice views, by name, as in Slicer's layouts."""
THREE_D_VIEW = "1"
SLICER_BLUE = ("#C1C3E8", "#7478BE")
"""Background of Slicer's 3D views, bottom and top."""
DEFAULT_SIZE = (400, 400)


class _Factory(DirectViewFactory):
    """Views that are rendered only when a picture is asked for: a test changes the scene a hundred times."""

    def _create_slice_view(self, app_logic: Any, scene: Any, view: Any) -> Any:
        made = SliceView(scene, app_logic, view.singleton_tag, scheduled_render_strategy=NoScheduleRendering())
        return self._update_view_properties(made, view)

    def _create_threed_view(self, app_logic: Any, scene: Any, view: Any) -> Any:
        made = ThreeDView(scene, app_logic, view.singleton_tag, scheduled_render_strategy=NoScheduleRendering())
        return self._update_view_properties(made, view)


class ViewHandle:
    """A slice view or 3D view: what ``sliceView()`` and ``threeDView()`` return."""

    def __init__(self, view: Any) -> None:
        self.view = view
        self.renders = 0
        self.pauses = 0
        self.resize(*DEFAULT_SIZE)

    def resize(self, width: int, height: int) -> None:
        """Set the size in pixels."""
        self.view.render_window().SetSize(width, height)
        if isinstance(self.view, SliceView):
            # VTK tells of a new size only once a window is shown.
            self.view._logic.ResizeSliceNode(width, height)

    def forceRender(self) -> None:
        self.view.render()
        self.renders += 1

    def pauseRender(self) -> int:
        """What the view asks for waits; ``forceRender`` does not, as in Slicer."""
        self.pauses += 1
        return self.pauses

    def resumeRender(self) -> int:
        if not self.pauses:
            raise RuntimeError("the view is not paused: Slicer warns of it")
        self.pauses -= 1
        return self.pauses

    def isRenderPaused(self) -> bool:
        return self.pauses > 0

    def scheduleRender(self) -> None:
        """Views are rendered when a picture is asked for."""

    def renderWindow(self) -> Any:
        return self.view.render_window()

    def interactor(self) -> Any:
        return self.view.interactor()

    def interactorStyle(self) -> Any:
        return self.view.interactor_style()

    def renderer(self) -> Any:
        return self.view.first_renderer()

    def mrmlViewNode(self) -> Any:
        return self.view.get_view_node()

    mrmlSliceNode = mrmlViewNode

    def resetFocalPoint(self) -> None:
        self.view.reset_focal_point()

    def resetCamera(self, *_: Any) -> None:
        self.view.reset_camera()

    def lookFromAxis(self, axis: int) -> None:
        self.view.get_camera_node().RotateTo(axis)

    def cameraNode(self) -> Any:
        return self.view.get_camera_node()

    def displayableManagerByClassName(self, name: str) -> Any:
        return self.view.get_displayable_manager_by_class(name)


class _Controller:
    """The bar above a view."""

    def __init__(self, handle: ViewHandle) -> None:
        self._handle = handle
        self.visible = True

    def setVisible(self, visible: bool) -> None:
        self.visible = visible

    def fitSliceToBackground(self) -> None:
        self._handle.view.fit_view_to_content()

    def setSliceOffsetValue(self, offset: float) -> None:
        self._handle.view.set_slice_value(offset)

    def resetFocalPoint(self) -> None:
        self._handle.resetFocalPoint()

    def rotateToViewAxis(self, axis: int) -> None:
        self._handle.lookFromAxis(axis)


class SliceWidget:
    """``layoutManager().sliceWidget("Red")``."""

    def __init__(self, handle: ViewHandle) -> None:
        self._handle, self._controller = handle, _Controller(handle)

    def sliceView(self) -> ViewHandle:
        return self._handle

    def sliceLogic(self) -> Any:
        return self._handle.view._logic

    def sliceController(self) -> _Controller:
        return self._controller

    def mrmlSliceNode(self) -> Any:
        return self.sliceLogic().GetSliceNode()

    def mrmlSliceCompositeNode(self) -> Any:
        return self.sliceLogic().GetSliceCompositeNode()

    def fitSliceToBackground(self) -> None:
        self._handle.view.fit_view_to_content()


class ThreeDWidget:
    """``layoutManager().threeDWidget(0)``."""

    def __init__(self, handle: ViewHandle) -> None:
        self._handle, self._controller = handle, _Controller(handle)

    def threeDView(self) -> ViewHandle:
        return self._handle

    def threeDController(self) -> _Controller:
        return self._controller

    def mrmlViewNode(self) -> Any:
        return self._handle.mrmlViewNode()

    def viewLogic(self) -> Any:
        return self._handle.view._logic


def _draw_image_first(view: SliceView) -> None:
    """Draw the image before what lies over it, as Slicer does.

    trame-slicer adds the image last, behind what is there already: the fill of a segment would then be blended with
    black instead of with the image.
    """
    renderer, image = view.first_renderer(), view._render_manager.image_actor
    view._render_manager._AddSliceActorToRendererIfNeeded()
    others = [prop for prop in renderer.GetViewProps() if prop is not image]
    for prop in others:
        renderer.RemoveViewProp(prop)
    for prop in others:
        renderer.AddViewProp(prop)


class LayoutManager:
    """``slicer.app.layoutManager()``: three slice views and one 3D view, whatever the layout is called."""

    tableViewCount = 0
    plotViewCount = 0
    threeDViewCount = 1

    def __init__(self, app: SlicerApp) -> None:
        self._app = app
        app.view_manager.register_factory(_Factory(do_render_offscreen=True))
        # trame-slicer observes an event that VTK 9.6 warns about; ViewHandle.resize does what it was for.
        vtk.vtkObject.GlobalWarningDisplayOff()
        self._slices = {name: SliceWidget(self._make(name)) for name in SLICE_VIEWS}
        vtk.vtkObject.GlobalWarningDisplayOn()
        self._three_d = ThreeDWidget(self._make(THREE_D_VIEW))
        app.view_manager.set_current_view_ids([*SLICE_VIEWS, THREE_D_VIEW])
        self._layout_logic = slicer.vtkMRMLLayoutLogic()
        self._layout_logic.SetMRMLScene(app.scene)
        self._layout_node = self._layout_logic.GetLayoutNode()
        self._layout_node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._map_views)
        self.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)

    def _make(self, name: str, orientation: str = "Axial") -> ViewHandle:
        if name == THREE_D_VIEW:
            properties = ViewProps(label="1", background_color=SLICER_BLUE, box_visible=False)
            definition = ViewLayoutDefinition(name, ViewType.THREE_D_VIEW, properties)
        else:
            orientation, color = SLICE_VIEWS.get(name, (orientation, "#888888"))
            properties = ViewProps(label=name[0], orientation=orientation, color=color)
            definition = ViewLayoutDefinition(name, ViewType.SLICE_VIEW, properties)
        view = self._app.view_manager.create_view(definition)
        # Slicer's default; and depth peeling, its default too, drops half-transparent surfaces from such a picture.
        view.render_window().SetMultiSamples(0)
        if name == THREE_D_VIEW:
            view.first_renderer().GradientBackgroundOn()
        else:
            _draw_image_first(view)
        return ViewHandle(view)

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._slices)

    def sliceWidget(self, name: str) -> SliceWidget | None:
        return self._slices.get(name)

    def threeDWidget(self, which: Any) -> ThreeDWidget:
        return self._three_d

    def mrmlSliceLogics(self) -> Any:
        return self._app.app_logic.GetSliceLogics()

    def mrmlScene(self) -> Any:
        return self._app.scene

    @property
    def layout(self) -> int:
        return int(self._layout_node.GetViewArrangement())

    @layout.setter
    def layout(self, number: int) -> None:
        self.setLayout(number)

    def setLayout(self, number: int) -> None:
        # Before the layout logic looks for the nodes of the views, and makes those that it does not find.
        for name, (orientation, label) in _described(self._layout_node, number).items():
            if name not in self._slices:
                self._slices[name] = SliceWidget(self._make(name, orientation))
                self._app.view_manager.set_current_view_ids([*self._slices, THREE_D_VIEW])
            self._slices[name].mrmlSliceNode().SetLayoutLabel(label)
        self._layout_node.SetViewArrangement(number)

    def _map_views(self, caller: Any = None, event: str = "") -> None:
        """Tell the view nodes which of them the layout shows, as Slicer's view factories do."""
        nodes = self._layout_logic.GetViewNodes()
        shown = {nodes.GetItemAsObject(index).GetID() for index in range(nodes.GetNumberOfItems())}
        for node in [self._three_d.mrmlViewNode(), *(widget.mrmlSliceNode() for widget in self._slices.values())]:
            node.SetMappedInLayout(node.GetID() in shown)

    def forgetAddedViews(self) -> None:
        """Take the slice views away that the layout does not show and Slicer does not begin with.

        Each follows every change of the scene, seen or not: six of them make emptying it five times slower.
        """
        kept = {*SLICE_VIEWS, *_described(self._layout_node, self.layout)}
        for name in [name for name in self._slices if name not in kept]:
            self._forget(name, self._slices.pop(name).sliceLogic())
        self._app.view_manager.set_current_view_ids([*self._slices, THREE_D_VIEW])

    def _forget(self, name: str, logic: Any) -> None:
        nodes = (logic.GetSliceNode(), logic.GetSliceCompositeNode(), logic.GetSliceDisplayNode())
        view = self._app.view_manager.get_view(name)
        self._app.app_logic.GetSliceLogics().RemoveItem(logic)
        view._displayable_manager_group.SetMRMLDisplayableNode(None)
        # Its nodes would else stay observed by all other views.
        logic.DeleteSliceModel()
        logic.SetMRMLScene(None)
        view.finalize()
        self._app.view_manager.remove_view(name)
        for node in nodes:
            self._app.scene.RemoveNode(node)
        # It observes what it holds, by its own methods: nothing else would free it, and it hears of every change.
        vars(view).clear()

    def layoutLogic(self) -> Any:
        return self._layout_logic

    def resetThreeDViews(self) -> None:
        handle = self._three_d.threeDView()
        handle.resetFocalPoint()
        handle.resetCamera()

    def resetSliceViews(self) -> None:
        for widget in self._slices.values():
            widget.fitSliceToBackground()

    def activeThreeDRenderer(self) -> Any:
        return self._three_d.threeDView().renderer()


def _described(layout_node: Any, number: int) -> dict[str, tuple[str, str]]:
    """Slice views that a layout of an extension asks for, by name, with their orientation and label."""
    if number < 1000:
        return {}
    root = ElementTree.fromstring(layout_node.GetLayoutDescription(number))
    found = [view for view in root.iter("view") if view.get("class") == "vtkMRMLSliceNode"]
    named = {view.get("singletontag", ""): {one.get("name"): one.text for one in view} for view in found}
    return {name: (one.get("orientation") or "Axial", one.get("viewlabel") or name) for name, one in named.items()}


def picture(handle: ViewHandle, size: tuple[int, int] | None = None) -> Any:
    """Render a view; its pixels as a uint8 array of shape ``(height, width, 3)``, the upper row first."""
    from vtk.util.numpy_support import vtk_to_numpy

    if size is not None:
        handle.resize(*size)
    handle.forceRender()
    reader = vtk.vtkWindowToImageFilter()
    reader.SetInput(handle.renderWindow())
    reader.ReadFrontBufferOff()
    reader.Update()
    image = reader.GetOutput()
    width, height, _ = image.GetDimensions()
    values = vtk_to_numpy(image.GetPointData().GetScalars())
    return values.reshape(height, width, -1)[::-1, :, :3].copy()
