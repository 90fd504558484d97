"""Joins scene, worker and review: what the panel's buttons do. Opens no window."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from LNStationLib import anatomy
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.CaseSettings import CaseSettings
from LNStationSlicer.case.ContourWatch import ContourEdit
from LNStationSlicer.case.OrganEditing import OrganEditing
from LNStationSlicer.case.Parameters import CaseParameters, ModuleParameters
from LNStationSlicer.case.ReviewState import ReviewState
from LNStationSlicer.case.StationEditing import StationEditing
from LNStationSlicer.case.StationRows import StationRow, stationRows
from LNStationSlicer.install.Dependencies import Dependencies
from LNStationSlicer.Nodes import Nodes
from LNStationSlicer.Outputs import Outputs
from LNStationSlicer.Reader import Reader
from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.support.Turns import Delay
from LNStationSlicer.views import Navigation
from LNStationSlicer.views.CaseDrawing import CaseDrawing
from LNStationSlicer.views.LayoutTakeUp import takeUpLayout
from LNStationSlicer.views.OverlayOptions import OverlayOptions
from LNStationSlicer.views.Overlays import Overlays
from LNStationSlicer.views.PetViews import PetViews
from LNStationSlicer.views.PriorViews import PriorViews
from LNStationSlicer.worker.JobQueue import JobQueue
from LNStationSlicer.worker.Jobs import AssessJob, Edits, Job, ReassessJob, StageJob
from LNStationSlicer.worker.MethodCatalog import MethodCatalog
from LNStationSlicer.worker.ModelCatalog import ModelCatalog
from LNStationSlicer.worker.PriorJob import PriorJob
from LNStationSlicer.worker.WorkerClient import WorkerClient
from LNStationSlicer.worker.WorkerErrors import WorkerError
from LNStationSlicer.Worklist import Worklist

STAGE_DELAY_MS = 250


class Logic(ScriptedLoadableModuleLogic):
    """The module without its panel.

    Attributes:
        caseChanged: Emitted when another case, or none, is under review.
        updated: Emitted when what is known about the current case changed.
        stationSelected: Emitted with the name of the station that is looked at, or None.
        organSelected: Emitted with the name of the organ that is looked at.
        failed: Emitted with the job and the error when one fails; not when the user cancelled.
        methods: The steps with their methods and options.
        models: The model packages that the worker knows.
        reader: What the reader says of the case under review.
        nodes: What the reader does with its nodes.
        outputs: What leaves Slicer.
        worklist: Which cases there are to read.
    """

    def __init__(self, client: WorkerClient | None = None) -> None:
        super().__init__()
        self.caseChanged = Signal()
        self.updated = Signal()
        self.stationSelected = Signal()
        self.organSelected = Signal()
        self.failed = Signal()
        self.dependencies = Dependencies(slicer.app.userSettings())
        self.client = client or WorkerClient(lambda folder: self.dependencies.workerCommand("--folder", str(folder)))
        self.methods = MethodCatalog(self.client)
        self.models = ModelCatalog(self.client, slicer.app.userSettings())
        self.queue = JobQueue(self.client)
        self.queue.ended.connect(self._onJobEnded)
        self.reader = Reader(self)
        self.nodes = Nodes(self)
        self.outputs = Outputs(self)
        self.worklist = Worklist(self)
        self.selectedStation: str | None = None
        self.editing: StationEditing | None = None
        self.organEditing: OrganEditing | None = None
        self.drawing: CaseDrawing | None = None
        self.petViews = PetViews()
        self.priorViews = PriorViews()
        self._case: CaseScene | None = None
        self._parameters: ModuleParameters | None = None
        self._stageTimer = Delay(STAGE_DELAY_MS, self._stageNow)

    def getParameterNode(self) -> ModuleParameters:
        """The scene's parameters, typed."""
        node = super().getParameterNode()
        if self._parameters is None or self._parameters.parameterNode is not node:
            self._parameters = ModuleParameters(node)
        return self._parameters

    def cleanup(self) -> None:
        """End the worker, remove its folder, take all observers away."""
        self._stageTimer.stop()
        self.worklist.stop()
        self.queue.abandon()
        self._leaveCase()
        self._case = None
        self.client.stop()

    # The scene

    def forgetScene(self) -> None:
        """The scene is about to close: cancel what runs, let go of everything in it."""
        self.worklist.stop()
        self.queue.abandon()
        for case in self.cases():
            self.queue.release(case.key)
        self._leaveCase()
        self._case = None

    def adoptScene(self) -> None:
        """Put the case under review that the scene's parameters name (a scene was loaded), else the first."""
        # While a scene loads, parameters arrive before the nodes that they refer to.
        self.getParameterNode().parameterNode.Modified()
        if self.case is None:
            node = self.getParameterNode().currentCase
            found = CaseScene.ofNode(node) if node is not None else None
            case = found or next(iter(self.cases()), None)
            if case is not None:
                self.selectCase(case)
        takeUpLayout(self.case, self.petViews, self.priorViews)

    # Cases

    @property
    def case(self) -> CaseScene | None:
        """The case under review; None where there is none, or it was removed."""
        if self._case is not None and not self._case.isAlive():
            self._leaveCase()
            self._case = None
        return self._case

    @staticmethod
    def cases() -> list[CaseScene]:
        """All cases of the scene."""
        return CaseScene.allIn(slicer.mrmlScene)

    def requireCase(self) -> CaseScene:
        """The case under review, for what can only be asked for while there is one.

        Raises:
            RuntimeError: There is none.
        """
        case = self.case
        if case is None:
            raise RuntimeError("There is no case under review.")
        return case

    def caseParameters(self) -> CaseParameters | None:
        """Facts and settings of the current case."""
        return CaseParameters(self.case.node) if self.case else None

    def caseSettings(self) -> CaseSettings | None:
        """Methods and options of the current case."""
        return CaseSettings(self.case.node) if self.case else None

    def selectCase(self, case: CaseScene | None) -> None:
        """Put a case under review: its images in the views, its overlays over them, its edits observed."""
        self._leaveCase()
        self._case = case
        self.getParameterNode().currentCase = case.node if case else None
        if case is not None:
            self.drawing = CaseDrawing(case)
            self.drawing.begin()
            self.editing = StationEditing(case, self._onEdited, onLooked=self.updated.emit)
            self.organEditing = OrganEditing(case, self._onEdited, onLooked=self.updated.emit)
            # Before there is anything to edit: what is edited while the first assessment is taken in counts.
            self.editing.start()
            self.organEditing.start()
            self.nodes.begin(case)
            self.showOverlays()
        self.caseChanged.emit()
        self.updated.emit()

    def caseFor(self, ctNode: slicer.vtkMRMLScalarVolumeNode) -> CaseScene:
        """The case of a CT, made where there is none yet. A case without review that it replaces is removed."""
        found = CaseScene.ofNode(ctNode)
        if found is not None:
            return found
        empty = self.case if self.case is not None and self._isUntouched(self.case) else None
        case = CaseScene.create(slicer.mrmlScene, ctNode)
        case.review().reader = self.getParameterNode().reader
        if empty is not None:
            self.removeCase(empty)
        return case

    def removeCase(self, case: CaseScene) -> None:
        """Remove a case's review from the scene; images and segmentations that it came from stay."""
        self.queue.abandon(case)
        self.queue.release(case.key)
        wasCurrent = case == self._case
        if wasCurrent:
            self._leaveCase()
            self._case = None
        else:
            Overlays(case).hide()
        case.remove()
        if wasCurrent:
            self.selectCase(next(iter(self.cases()), None))

    def _isUntouched(self, case: CaseScene) -> bool:
        return not case.isAssessed and not case.review().calls()

    def _leaveCase(self) -> None:
        self._stageTimer.stop()
        for editing in (self.editing, self.organEditing):
            if editing is not None:
                editing.stop()
        if self.drawing is not None:
            self.drawing.end()
        self.petViews.hide()
        self.priorViews.hide()
        self.editing = self.organEditing = self.drawing = self.selectedStation = None
        self.reader.forget()
        self.nodes.end()

    def flushEdits(self) -> None:
        """Look now at what was edited a moment ago."""
        for editing in (self.editing, self.organEditing):
            if editing is not None:
                editing.flush()
        self.nodes.flush()

    @property
    def overlays(self) -> Overlays | None:
        """What is drawn of the current case."""
        return self.drawing.overlays if self.drawing else None

    # Rows and what may be seen of the model

    @property
    def review(self) -> ReviewState | None:
        """The current case's review."""
        return self.case.review() if self.case else None

    def rows(self) -> list[StationRow]:
        """The station table's rows for the current case."""
        if self.case is None:
            return []
        prior = self.case.prior()
        earlier = prior.assessment() if prior is not None else None
        running = self.queue.runningStations(self.case)
        return stationRows(self.case.assessment(), self.case.review(), running, earlier)

    def shownStations(self) -> list[str]:
        """Stations that there is something to see of, and that a blind first read has to call."""
        return list(self._shown())

    def modelHidden(self) -> bool:
        """True while a blind first read hides the model's output."""
        return self.case is not None and self.case.review().modelHidden(self._shown())

    def _shown(self) -> Iterator[str]:
        """Read from the assessment only once somebody asks: outside a blind first read nobody does."""
        yield from (row.name for row in self.rows() if row.isShown)

    # The worker's jobs

    def assess(self) -> None:
        """Assess the current case from its images."""
        self.flushEdits()
        # What was drawn and not sent yet would be lost.
        self.nodes.reassess()
        case, names = self.requireCase(), [station.name for station in anatomy.stations()]
        settings = CaseSettings(case.node).forWorker(self.methods.steps, self.getParameterNode().device)
        self.queue.add(AssessJob(case, names, settings))

    def reassess(self) -> None:
        """Assess what was edited, unless it is being done."""
        if self.case is None or self.editing is None or self.organEditing is None:
            return
        self.flushEdits()
        review, running = self.case.review(), self.queue.runningStations(self.case)
        stations = [name for name in review.stale() if name not in running]
        # An edit of an organ may move any station: it waits until none is being assessed.
        organs = [] if running else review.organs.stale()
        if (stations or organs) and self.case.isAssessed:
            self.queue.add(ReassessJob(self.case, self.edits(stations, organs)))
        self.nodes.reassess()

    def edits(self, stations: Sequence[str] = (), organs: Sequence[str] = ()) -> Edits:
        """What is edited in the current case, and what of it is to be assessed again.

        Raises:
            RuntimeError: There is no case under review.
        """
        if self.editing is None or self.organEditing is None:
            raise RuntimeError("There is no case under review.")
        return Edits(self.editing, self.organEditing, stations, organs, self.nodes.editing)

    def compareWith(self, prior: CaseScene | None) -> None:
        """Compare with an earlier study, once the worker has registered it; None: with none."""
        case = self.requireCase()
        self.priorViews.hide()
        if prior is None or prior == case:
            case.setPrior(None)
            self.updated.emit()
        else:
            self.queue.add(PriorJob(case, prior))

    def _onJobEnded(self, job: Job, error: WorkerError | None) -> None:
        if error is None:
            self._onSucceeded(job)
        elif isinstance(job, StageJob):
            logging.warning("LNStation: no N category for the reader's calls: %s", error.message)
        elif error.kind != "cancelled":
            self.failed.emit(job, error)
        self.updated.emit()

    def _onSucceeded(self, job: Job) -> None:
        self.outputs.onSucceeded(job)
        if isinstance(job, PriorJob) and job.case == self._case:
            self.priorViews.show(job.case)
        if job.case != self._case or not isinstance(job, (AssessJob, ReassessJob)):
            return
        if isinstance(job, AssessJob):
            self._beginEditsAnew()
        self.showOverlays()
        self.stageLater()
        if self.getParameterNode().autoReassess:
            self.reassess()

    def _beginEditsAnew(self) -> None:
        """The whole case was assessed: an undo that brings back what was written before is an edit."""
        for editing in (self.editing, self.organEditing, self.nodes.editing):
            if editing is not None:
                editing.restart()

    # The reader

    def stageLater(self) -> None:
        """Derive the N category of the reader's calls once no more of them come in quick succession."""
        self._stageTimer.start()

    def _stageNow(self) -> None:
        case = self.case
        if case is None or not case.isAssessed:
            return
        if not case.review().calls():
            case.review().setNCategory(None)
            self.updated.emit()
            return
        self.queue.add(StageJob(case, self.modelHidden()))

    # Views

    def showOverlays(self, options: OverlayOptions | None = None) -> None:
        """Draw the case's overlays; a blind first read hides what the model says whatever the options are."""
        if self.drawing is not None:
            self.drawing.show(options, self.modelHidden(), self.selectedStation, self.nodes.selected)
            self.petViews.update(self.requireCase(), self.drawing.overlays.options())

    def selectStation(self, name: str | None, center: bool = True) -> None:
        """Look at a station: centered in all slice views, highlighted."""
        self.selectedStation = name
        if self.case is not None and self.drawing is not None:
            self.drawing.highlight(name)
            if name is not None and center:
                Navigation.centerOn(self.case, name, self.modelHidden())
        self.stationSelected.emit(name)

    def selectOrgan(self, name: str) -> None:
        """Look at an organ: centered in all slice views."""
        if self.case is not None:
            Navigation.centerOnOrgan(self.case, name)
            self.organSelected.emit(name)

    def selectNext(self, step: int = 1) -> bool:
        """Go to the next (or, with -1, previous) station that is worth a look; False where none is."""
        if self.case is None:
            return False
        name = Navigation.nextStation(self.case, self.selectedStation, step, self.modelHidden())
        if name is not None:
            self.selectStation(name)
        return name is not None

    def selectAt(self, ras: Sequence[float]) -> bool:
        """Select the station at a point, without moving the views; False where there is none."""
        name = Navigation.stationAt(self.case, ras) if self.case else None
        if name is not None:
            self.selectStation(name, center=False)
        return name is not None

    # Edits

    def _onEdited(self, edits: list[ContourEdit]) -> None:
        self.updated.emit()
        if self.drawing is not None:
            self.drawing.nameStations()
            self.drawing.makeSurfaces()
        if self.getParameterNode().autoReassess:
            self.reassess()
