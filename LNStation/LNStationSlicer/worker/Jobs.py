"""What the worker can be asked to do for a case: how each request is built, and what its result does to the scene.

``build`` and ``receive`` yield short pieces of work for ``Steps``; neither may take long between two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import slicer

from LNStationLib import anatomy
from LNStationLib.worker.volume_files import VolumeGeometry
from LNStationSlicer.case.CaseExport import exportNode, exportOrgans, exportStations
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.CaseSettings import CaseSettings
from LNStationSlicer.case.NodeEditing import NodeEditing
from LNStationSlicer.case.OrganEditing import OrganEditing
from LNStationSlicer.case.OrganImages import OrganImages
from LNStationSlicer.case.StationEditing import StationEditing
from LNStationSlicer.case.VoxelMaps import ATTENTION, Read, mapPieces, stationMapPieces
from LNStationSlicer.exchange.AssessmentTypes import NStaging
from LNStationSlicer.exchange.Findings import hasReadersNodes
from LNStationSlicer.exchange.ReviewTypes import NodeAction, NodeEditDone
from LNStationSlicer.support.Steps import turnsOf
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
        canDoWithoutReview: True where a worker that cannot take the assessment up is asked all the same.
    """

    method = ""
    isQuiet = False
    needsReview = True
    canDoWithoutReview = False

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
    canDoWithoutReview = True

    def __init__(self, case: CaseScene, stations: Sequence[str], settings: dict[str, Any]) -> None:
        super().__init__(case)
        # A worker that has just started must hear of them; without them it need not know the former assessment.
        isWhole = case.nodesNode() is not None and case.stationsNode() is not None
        self.needsReview = isWhole and hasReadersNodes(case.assessment())
        self.stations = tuple(stations)
        self.params["settings"] = settings

    def receive(self, result: dict[str, Any], client: WorkerClient) -> Pieces:
        """The assessment goes first: names and colors of nodes come from it."""
        yield lambda: CaseSettings(self.case.node).rememberAssessed(self.params["settings"])
        yield lambda: self.case.setAssessment(result["assessment"])
        yield from _volumePieces(result["stations"], client, self.case.setStations)
        yield partial(self._takeDismissed, result.get("dismissed"), client)
        yield from _volumePieces(result["nodes"], client, self.case.setNodes)
        if organs := result.get("organs"):
            yield from _organPieces(self.case, organs, client, self.case.setOrgans)
        reference = result.get(ATTENTION)
        yield from mapPieces(self.case, ATTENTION, partial(client.takeSlabs, reference) if reference else None)
        yield from stationMapPieces(self.case, _reads(result.get("station_maps") or {}, client))

    def _takeDismissed(self, reference: dict[str, Any] | None, client: WorkerClient) -> None:
        """Nodes were searched for anew; what the reader decided about some of them holds."""
        self.case.review().nodes.replaced()
        if reference is None:
            self.case.removeDismissed()
        else:
            self.case.setDismissed(*client.takeVolume(reference))


class Edits:
    """What a person changed in a case.

    Args:
        stations: Watches the stations.
        organs: Watches the organs.
        staleStations: Stations to assess again.
        staleOrgans: Organs to assess again with; all stations may follow from them.
        nodes: Watches the nodes: what is drawn meanwhile is not overwritten.
    """

    def __init__(
        self,
        stations: StationEditing,
        organs: OrganEditing,
        staleStations: Sequence[str] = (),
        staleOrgans: Sequence[str] = (),
        nodes: NodeEditing | None = None,
    ) -> None:
        self.nodes = nodes
        self.stations = stations
        self.organs = organs
        self.staleStations = tuple(staleStations)
        self.staleOrgans = tuple(staleOrgans)


class ReassessJob(Job):
    """Only what was edited."""

    method = "reassess"

    def __init__(self, case: CaseScene, edits: Edits) -> None:
        super().__init__(case)
        everything = tuple(row.name for row in anatomy.stations())
        self.stations = everything if edits.staleOrgans else edits.staleStations
        self.organs = edits.staleOrgans
        self.changed: list[str] = []
        self.done: list[NodeEditDone] = []
        self._edits = edits
        self._snapshot: dict[str, str] = {}
        self._organSnapshot: dict[str, str] = {}
        self._nodeSnapshot: dict[str, str] = {}

    def build(self, folder: Path) -> Pieces:
        """Fingerprint and masks are taken in one piece, so that they show the same state."""
        yield lambda: self._export(folder)

    def _export(self, folder: Path) -> None:
        edits = self._edits
        self._snapshot = edits.stations.snapshot(edits.staleStations)
        self._organSnapshot = edits.organs.snapshot(edits.staleOrgans)
        self.params["stations"] = exportStations(self.case, edits.staleStations, folder)
        self.params["organs"] = exportOrgans(self.case, edits.staleOrgans, folder) if edits.staleOrgans else {}

    def inputs(self) -> Sequence[dict[str, Any]]:
        """The masks of stations and organs."""
        return [*self.params.get("stations", {}).values(), *self.params.get("organs", {}).values()]

    def receive(self, result: dict[str, Any], client: WorkerClient) -> Pieces:
        """What was edited again meanwhile stays as it is, and stale."""
        self.changed = list(result["changed"])
        yield lambda: self.case.setAssessment(result["assessment"])
        yield partial(self._takeNodeEdits, result, client)
        if reference := result.get("stations"):
            yield partial(self._takeStations, reference, client)
        if changed := result.get("changed_organs"):
            yield from _organPieces(self.case, result["organs"], client, partial(self._takeOrgans, changed))
        if result.get("nodes"):
            yield lambda: self._takeNodes(*client.takeVolume(result["nodes"]))
        # None says that a map is as before, not that there is none.
        if reference := result.get(ATTENTION):
            yield from mapPieces(self.case, ATTENTION, partial(client.takeSlabs, reference))
        if (maps := result.get("station_maps")) is not None:
            yield from stationMapPieces(self.case, _reads(maps, client))
        yield self._assessed

    def _takeNodeEdits(self, result: dict[str, Any], client: WorkerClient) -> None:
        """Before the nodes themselves: what they replace is then known to be assessed."""
        if not result.get("node_edits"):
            return
        if self._edits.nodes is not None:
            self._edits.nodes.assessed(self._nodeSnapshot)
        self.case.review().logNodeEdits(result["node_edits"])
        self.done = result["node_edits"]
        if reference := result.get("dismissed"):
            self.case.setDismissed(*client.takeVolume(reference))
        else:
            self.case.removeDismissed()

    def _takeNodes(self, array: np.ndarray, geometry: VolumeGeometry) -> None:
        """What is being drawn stays as it is: it is sent next, and the answer to it has all nodes."""
        if self._edits.nodes is not None:
            self._edits.nodes.flush()
        if not self.case.review().nodes.stale():
            self.case.setNodes(array, geometry)

    def _assessed(self) -> None:
        self._edits.stations.assessed(self._snapshot)
        self._edits.organs.assessed(self._organSnapshot)

    def _takeStations(self, reference: dict[str, Any], client: WorkerClient) -> None:
        """The stations as they follow from other organs, but for those that a person drew or is drawing."""
        array, geometry = client.takeVolume(reference)
        self._edits.stations.flush()
        self.case.replaceStations(array, geometry, keep=self.case.review().stale())

    def _takeOrgans(self, changed: Sequence[str], images: Mapping[str, slicer.vtkOrientedImageData]) -> None:
        """Those that follow from the edit; what a person drew is there already."""
        self._edits.organs.flush()
        drawn = {*self.organs, *self.case.review().organs.stale()}
        self.case.setOrgans(images, [name for name in changed if name not in drawn])


@dataclass(frozen=True)
class NodeRequest:
    """One edit of nodes, as the worker is asked for it.

    Attributes:
        action: What to do.
        nodes: Numbers of the nodes that it concerns.
        pointMm: LPS; where a node grows.
        segmentId: Of the segment that holds the new voxels of a drawn node.
    """

    action: NodeAction
    nodes: tuple[int, ...] = ()
    pointMm: tuple[float, float, float] | None = None
    segmentId: str = ""


class NodesJob(ReassessJob):
    """Edits of nodes, and only what follows from them.

    Args:
        case: The case.
        edits: Watches stations and organs; of neither anything is sent.
        requests: In their order.
        stations: Names of the stations that count as running meanwhile.
    """

    def __init__(
        self, case: CaseScene, edits: Edits, requests: Sequence[NodeRequest], stations: Sequence[str] = ()
    ) -> None:
        super().__init__(case, edits)
        self.stations = tuple(stations)
        self.requests = tuple(requests)

    def _export(self, folder: Path) -> None:
        super()._export(folder)
        drawn = [one.segmentId for one in self.requests if one.segmentId]
        self._nodeSnapshot = self._edits.nodes.snapshot(drawn) if self._edits.nodes is not None else {}
        self.params["nodes"] = [self._exported(request, folder) for request in self.requests]

    def brings(self, segmentId: str) -> bool:
        """True where a drawn node is, or will be, sent as it is now."""
        if segmentId not in {one.segmentId for one in self.requests}:
            return False
        watch = self._edits.nodes
        return "nodes" not in self.params or watch is None or self._nodeSnapshot == watch.snapshot(self._nodeSnapshot)

    def _exported(self, request: NodeRequest, folder: Path) -> dict[str, Any]:
        mask = exportNode(self.case, request.segmentId, folder) if request.segmentId else None
        point = list(request.pointMm) if request.pointMm is not None else None
        return {"action": request.action, "nodes": list(request.nodes), "mask": mask, "point_mm": point}

    def inputs(self) -> Sequence[dict[str, Any]]:
        """The masks of drawn nodes."""
        masks = [one["mask"] for one in self.params.get("nodes", ()) if one["mask"] is not None]
        return [*super().inputs(), *masks]


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


def _volumePieces(
    reference: dict[str, Any], client: WorkerClient, take: Callable[[np.ndarray, VolumeGeometry], object]
) -> Pieces:
    """A volume as large as a CT: read slab by slab, then taken in at once."""
    held: list[tuple[np.ndarray, VolumeGeometry]] = []
    yield from turnsOf(client.takeSlabs(reference), held.append)
    yield lambda: take(*held.pop())


def _organPieces(
    case: CaseScene,
    references: Sequence[dict[str, Any]],
    client: WorkerClient,
    show: Callable[[dict[str, slicer.vtkOrientedImageData]], object],
) -> Pieces:
    """Layer by layer: each is as large as a CT. All are shown together, in the last piece."""
    images = OrganImages(case.ctNode())
    yield from images.pieces([partial(client.takeVolume, reference) for reference in references])
    yield partial(show, images.byOrgan)


def _edited(job: Job) -> Sequence[str]:
    if isinstance(job, NodesJob):
        return job.stations or [_("nodes")]
    organs = job.organs if isinstance(job, ReassessJob) else ()
    return [anatomy.organ(name).title for name in organs] or job.stations


def jobTitle(job: Job) -> str:
    """What a job does, for the progress line."""
    return {
        "assess": _("Assessing the case"),
        "reassess": _("Re-assessing {names}").format(names=", ".join(_edited(job))),
        "stage": _("Deriving the reader's N category"),
        "report": _("Writing the report"),
        "export_dicom": _("Writing DICOM objects"),
        "report_text": _("Writing the report as text"),
        "register_prior": _("Registering the earlier study"),
    }[job.method]


def _reads(references: Mapping[str, dict[str, Any]], client: WorkerClient) -> dict[str, Read]:
    """What gives each volume of an answer, by its name there."""
    return {name: partial(client.takeSlabs, reference) for name, reference in references.items()}
