"""The panel: its life from set-up to clean-up. What each section does is in the section's own file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import qt
import slicer
import vtk
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.SceneTexts import takeNews
from LNStationSlicer.Logic import Logic
from LNStationSlicer.panel.AssessSection import AssessSection
from LNStationSlicer.panel.CaseSection import CaseSection
from LNStationSlicer.panel.CorrectSection import CorrectSection
from LNStationSlicer.panel.DisplaySection import DisplaySection
from LNStationSlicer.panel.NodesSection import NodesSection
from LNStationSlicer.panel.PatientSection import PatientSection
from LNStationSlicer.panel.ReportSection import ReportSection
from LNStationSlicer.panel.Section import Section
from LNStationSlicer.panel.StationsSection import StationsSection
from LNStationSlicer.panel.WheelGuard import guardFields
from LNStationSlicer.panel.WorklistSection import WorklistSection
from LNStationSlicer.support.Translation import _
from LNStationSlicer.support.Turns import Delay, soon
from LNStationSlicer.views.ViewPicking import Point, ViewPicking
from LNStationSlicer.worker.Jobs import AssessJob, Job
from LNStationSlicer.worker.SampleOpening import SampleOpening
from LNStationSlicer.worker.WorkerErrors import WorkerError

_ICONS = {
    "assessButton": "Assess",
    "cancelButton": "Cancel",
    "previousButton": "PreviousStation",
    "nextButton": "NextStation",
    "blindCheck": "BlindRead",
}
_SYNTHETIC_STYLE = "background: #7a4b00; color: white; padding: 4px; border-radius: 3px;"


class Widget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """What Slicer shows in its module panel.

    Attributes:
        ui: The widgets of ``Resources/UI/LNStation.ui`` by name.
        logic: What the buttons do.
        sections: In the order of the work.
    """

    logicClass = Logic

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self._entered = False

    def setup(self) -> None:
        """Make the panel; once, when the module is first opened."""
        super().setup()
        panel = slicer.util.loadUI(self.resourcePath("UI/LNStation.ui"))
        self.layout.addWidget(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.ui = slicer.util.childWidgetVariables(panel)
        self._wheelGuard = guardFields(panel)
        self.logic = self.logicClass()
        self.sections: list[Section] = self._makeSections()
        self._refreshTimer = Delay(0, self._refreshAll)
        self._toRefresh: list[Callable[[], object]] = []
        self._layout = 0
        self._layoutTimer = Delay(0, self._afterLayout)
        self._picking = ViewPicking(self._onPicked)
        self.sample = SampleOpening(self.logic.client, self._onSampleOpened, self.showMessage, self._onSampleProgress)
        self._connect()
        self._begin()

    def _makeSections(self) -> list[Section]:
        kinds = (
            PatientSection, WorklistSection, CaseSection, AssessSection, StationsSection, NodesSection,
            DisplaySection, CorrectSection, ReportSection,
        )  # fmt: skip
        sections: list[Section] = [kind(self.ui, self.logic) for kind in kinds]
        self.stations = next(section for section in sections if isinstance(section, StationsSection))
        self.assessing = next(section for section in sections if isinstance(section, AssessSection))
        for section in sections:
            section.message.connect(self.showMessage)
        return sections

    def _connect(self) -> None:
        self.ui.syntheticBanner.styleSheet = _SYNTHETIC_STYLE
        for name, icon in _ICONS.items():
            getattr(self.ui, name).icon = qt.QIcon(self.resourcePath(f"Icons/{icon}.png"))
        self.logic.caseChanged.connect(self._onCaseChanged)
        self.logic.updated.connect(self._refreshLater)
        self.logic.queue.changed.connect(self._refreshLater)
        self.logic.failed.connect(self._onFailed)
        self.logic.queue.ended.connect(self._onEnded)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self._onSceneReady)
        self.addObserver(scene, scene.EndImportEvent, self._onSceneReady)
        self.addObserver(scene, scene.StartSaveEvent, self._onSceneStartSave)
        self._observeLayout()

    def _observeLayout(self) -> None:
        """Another layout may have views that were not there before."""
        manager = slicer.app.layoutManager()
        node = manager.layoutLogic().GetLayoutNode() if manager is not None else None
        if node is not None:
            self._layout = node.GetViewArrangement()
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._onLayout)

    # Life

    def enter(self) -> None:
        """The module came to the front."""
        self._entered = True
        self._begin()
        for section in self.sections:
            section.setShortcutsEnabled(True)
        self._picking.start()

    def exit(self) -> None:
        """Another module came to the front; a running assessment goes on."""
        self._entered = False
        self._picking.stop()
        for section in self.sections:
            section.setShortcutsEnabled(False)
        self._disconnectParameters()

    def cleanup(self) -> None:
        """Slicer ends, or the module is reloaded: leave no process, observer or file behind."""
        self._refreshTimer.stop()
        self._layoutTimer.stop()
        self._toRefresh = []
        self._picking.stop()
        self.removeObservers()
        self.sample.stop()
        for section in self.sections:
            # Selectors that lose their scene still report it: their slots are gone.
            section.isRefreshing = True
            section.cleanup()
        self.logic.updated.disconnect(self._refreshLater)
        self.logic.queue.changed.disconnect(self._refreshLater)
        self.logic.queue.ended.disconnect(self._onEnded)
        self.logic.caseChanged.disconnect(self._onCaseChanged)
        self.logic.cleanup()

    def _onSceneStartClose(self, caller: Any, event: str) -> None:
        self._disconnectParameters()
        self.sample.stop()
        self.logic.forgetScene()

    def _onSceneReady(self, caller: Any, event: str) -> None:
        if slicer.mrmlScene.IsClosing() or slicer.mrmlScene.IsImporting():
            return
        self._begin()

    def _onLayout(self, caller: Any, event: str) -> None:
        """The views themselves follow the layout's node in a moment."""
        if caller.GetViewArrangement() != self._layout:
            self._layout = caller.GetViewArrangement()
            self._layoutTimer.start()

    def _afterLayout(self) -> None:
        if self._entered:
            self._picking.start()
        for layout in (self.logic.petViews, self.logic.priorViews):
            if layout.isAbandoned:
                layout.hide()
        self.logic.showOverlays()
        self._refreshLater()

    def _onSceneStartSave(self, caller: Any, event: str) -> None:
        self.logic.flushEdits()

    def _begin(self) -> None:
        """Take up the scene as it is."""
        self.logic.adoptScene()
        self._connectParameters()
        self.refresh()

    def _onCaseChanged(self) -> None:
        self._connectParameters()
        self._foldInputs()
        self._refreshLater()

    def _onEnded(self, job: Job, error: WorkerError | None) -> None:
        if error is None and isinstance(job, AssessJob) and job.case == self.logic.case:
            self._foldInputs()
            self.stations.takeFocus()

    def _foldInputs(self) -> None:
        """What was chosen before the assessment makes room for what is read; without one it is what is needed."""
        case = self.logic.case
        isAssessed = case is not None and case.isAssessed
        for section in (self.ui.caseSection, self.ui.assessSection):
            section.collapsed = isAssessed

    def _connectParameters(self) -> None:
        for section in self.sections:
            section.connectParameters()

    def _disconnectParameters(self) -> None:
        for section in self.sections:
            section.disconnectParameters()

    def openSample(self, key: str) -> None:
        """Make a sample patient and put it under review; where packages are missing, offer to install them first."""
        self.assessing.whenReady(partial(self._makeSample, key))

    def _makeSample(self, key: str) -> None:
        self.showMessage(_("Making the sample patient; this takes about half a minute."))
        self.sample.open(key)

    def _onSampleProgress(self, step: str) -> None:
        self.showMessage(_("Loading the sample patient: {step}").format(step=step))

    def _onSampleOpened(self, case: CaseScene) -> None:
        self.showMessage("")
        self.logic.selectCase(case)

    # Showing

    def refresh(self) -> None:
        """Show what is, in every section."""
        _refreshSections(self.sections)
        self._refreshBanner()
        self._tellDamage()

    def _refreshLater(self) -> None:
        """Once for any number of changes, and never from within a slot of a widget that it may delete."""
        self._refreshTimer.start()

    def _refreshAll(self) -> None:
        """As ``refresh``, in a few rounds of the event loop: a table that appears takes as long as all the rest."""
        table = self.sections.index(self.stations)
        parts = (self.sections[:table], [self.stations], self.sections[table + 1 :])
        self._toRefresh = [*(partial(_refreshSections, part) for part in parts), self._refreshBanner]
        self._refreshNext()

    def _refreshNext(self) -> None:
        if not self._toRefresh:
            return
        self._toRefresh.pop(0)()
        if self._toRefresh:
            soon(self._refreshNext, isFirst=True)
        else:
            self._tellDamage()

    def _refreshBanner(self) -> None:
        text = syntheticText(self.logic)
        self.ui.syntheticBanner.text = text
        self.ui.syntheticBanner.visible = bool(text)

    def _tellDamage(self) -> None:
        """Say, once, what of the scene could not be read."""
        text = "\n".join(takeNews(slicer.mrmlScene))
        if not text:
            return
        self.showMessage(text)
        if not self.logic.worklist.isUnattended:
            slicer.util.warningDisplay(text, windowTitle=_("LNStation"))

    def showMessage(self, text: str) -> None:
        """Put a text into the status line at the panel's foot; empty takes it away."""
        self.ui.statusLabel.text = text
        self.ui.statusLabel.visible = bool(text)

    def _onFailed(self, job: Job, error: WorkerError) -> None:
        self.showMessage(error.message)
        if self.logic.worklist.isUnattended:
            # A window would wait for an answer all night; the worklist says what failed.
            return
        # Not None: PythonQt would write that word under "Show Details".
        details = {"detailedText": error.details} if error.details else {}
        slicer.util.errorDisplay(error.message, windowTitle=_("LNStation"), **details)

    def _onPicked(self, point: Point) -> bool:
        return self.logic.selectAt(point)


def _refreshSections(sections: Sequence[Section]) -> None:
    for section in sections:
        section.refresh()


def syntheticText(logic: Logic) -> str:
    """What the banner must say about made-up patients and models trained on them; empty where nothing."""
    assessment = logic.case.assessment() if logic.case else None
    lines = []
    if assessment and assessment["case"]["synthetic"]:
        lines.append(_("Synthetic patient: generated by a program, not a real person."))
    if assessment and any(step["trained_on"] == "synthetic" for step in assessment["provenance"]):
        lines.append(_("A model was trained on synthetic patients: its output does not apply to real patients."))
    return "\n".join(lines)
