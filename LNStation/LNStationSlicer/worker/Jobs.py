"""What the worker can be asked to do for a case: how each request is built, and what its result does to the scene.

``build`` and ``receive`` yield short pieces of work for ``Steps``; neither may take long between two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import slicer

from LNStationSlicer.case.CaseExport import exportStations
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.CaseSettings import CaseSettings
from LNStationSlicer.case.Parameters import CaseParameters
from LNStationSlicer.case.PatientIdentity import patientIdentity, reportName
from LNStationSlicer.case.StationEditing import StationEditing
from LNStationSlicer.case.VoxelMaps import MAP_ROLES, mapPieces
from LNStationSlicer.exchange.AssessmentTypes import NStaging
from LNStationSlicer.support.Translation import _
from LNStationSlicer.worker.WorkerClient import WorkerClient

Pieces = Iterator[Callable[[], object]]


class Job:
    """One request about one case.

    Attributes:
        method: Of the worker.
        params: Of the request, complete once ``build`` ran.
        stations: Stations that count as running meanwhile.
        isQuiet: True where the panel shows no progress for it.
        needsReview: True where the worker must know the case's assessment.
    """

    method = ""
    isQuiet = False
    needsReview = True

    def __init__(self, case: CaseScene) -> None:
        self.case = case
        self.params: dict[str, Any] = {"case": case.key}
        self.stations: tuple[str, ...] = ()

    def build(self, folder: Path) -> Pieces:
        """Complete ``params``, writing what files they name into ``folder``."""
        return iter(())

    def inputs(self) -> Sequence[dict[str, Any]]:
        """Volumes that ``build`` wrote and that are not needed after the answer."""
        return ()

    def receive(self, result: dict[str, Any], client: WorkerClient) -> Pieces:
        """Take the result into the scene."""
        return iter(())


class AssessJob(Job):
    """The whole case, from its images.

    Args:
        case: The case.
        stations: All stations.
        settings: As ``CaseSettings.forWorker`` gives them.
    """

    method = "assess"
    needsReview = False

    def __init__(self, case: CaseScene, stations: Sequence[str], settings: dict[str, Any]) -> None:
        super().__init__(case)
        self.stations = tuple(stations)
        self.params["settings"] = settings

    def receive(self, result: dict[str, Any], client: WorkerClient) -> Pieces:
        """The assessment goes first: names and colors of nodes come from it."""
        client.discard(result.get("organs"))
        yield lambda: CaseSettings(CaseParameters(self.case.node)).rememberAssessed(self.params["settings"])
        yield lambda: self.case.setAssessment(result["assessment"])
        yield lambda: self.case.setStations(*client.takeVolume(result["stations"]))
        yield lambda: self.case.setNodes(*client.takeVolume(result["nodes"]))
        for role in MAP_ROLES:
            reference = result.get(role)
            yield from mapPieces(self.case, role, partial(client.takeVolume, reference) if reference else None)
        yield lambda: self.case.review().markFresh()


class ReassessJob(Job):
    """Only what was edited."""

    method = "reassess"

    def __init__(self, case: CaseScene, editing: StationEditing, stations: Sequence[str]) -> None:
        super().__init__(case)
        self.stations = tuple(stations)
        self.changed: list[str] = []
        self._editing = editing
        self._snapshot: dict[str, str] = {}

    def build(self, folder: Path) -> Pieces:
        """Fingerprint and masks are taken in one piece, so that they show the same state."""
        yield lambda: self._export(folder)

    def _export(self, folder: Path) -> None:
        self._snapshot = self._editing.snapshot(list(self.stations))
        self.params["stations"] = exportStations(self.case, list(self.stations), folder)

    def inputs(self) -> Sequence[dict[str, Any]]:
        """The masks of the stations."""
        return list(self.params.get("stations", {}).values())

    def receive(self, result: dict[str, Any], client: WorkerClient) -> Pieces:
        """A station that was edited again meanwhile stays stale."""
        self.changed = list(result["changed"])
        yield lambda: self.case.setAssessment(result["assessment"])
        if result.get("nodes"):
            yield lambda: self.case.setNodes(*client.takeVolume(result["nodes"]))
        for role in MAP_ROLES:
            # None says that the map is as before, not that there is none.
            if reference := result.get(role):
                yield from mapPieces(self.case, role, partial(client.takeVolume, reference))
        yield lambda: self._editing.assessed(self._snapshot)


class StageJob(Job):
    """The N category that follows from the reader's calls; in a blind first read from nothing but them.

    Args:
        case: The case.
        isBlind: The model's evidence must not give a side to the reader's calls.
    """

    method = "stage"
    isQuiet = True

    def __init__(self, case: CaseScene, isBlind: bool = False) -> None:
        super().__init__(case)
        self.params["blind"] = isBlind

    def build(self, folder: Path) -> Pieces:
        """The calls as they are when the worker's turn comes."""
        yield lambda: self.params.update(calls=self.case.review().calls())

    def receive(self, result: dict[str, Any], client: WorkerClient) -> Pieces:
        """A staging of calls that have changed meanwhile is dropped; the next one is on its way."""
        if self.params["calls"] == self.case.review().calls():
            yield lambda: self.case.review().setNCategory(cast(NStaging, result))


class ReportJob(Job):
    """The report, with the reader's review."""

    method = "report"

    def __init__(self, case: CaseScene, folder: Path, formats: Sequence[str], identifiers: bool) -> None:
        super().__init__(case)
        self.files: list[Path] = []
        self.params.update(folder=str(folder), formats=list(formats), identifiers=identifiers)

    def build(self, folder: Path) -> Pieces:
        """The review as it is when the worker's turn comes; the patient only where the user wants identifiers."""
        yield lambda: self.params.update(review=self.case.review().asReview())
        yield self._name

    def _name(self) -> None:
        identity = patientIdentity(self.case, getattr(slicer, "dicomDatabase", None))
        if self.params["identifiers"]:
            self.params.update(case_name=self.case.name, patient=identity)
        else:
            self.params.update(case_name=reportName(self.case, identity))

    def receive(self, result: dict[str, Any], client: WorkerClient) -> Pieces:
        """Nothing in the scene changes."""
        self.files = [Path(name) for name in result["files"]]
        return iter(())


def jobTitle(job: Job) -> str:
    """What a job does, for the progress line."""
    return {
        "assess": _("Assessing the case"),
        "reassess": _("Re-assessing {stations}").format(stations=", ".join(job.stations)),
        "stage": _("Deriving the reader's N category"),
        "report": _("Writing the report"),
    }[job.method]
