"""Opens a sample patient: the worker makes it, its files become nodes of the scene, a case is begun."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import slicer

from LNStationLib import anatomy
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.Parameters import CaseParameters
from LNStationSlicer.support.Steps import Steps
from LNStationSlicer.worker.CaseUpload import SYNTHETIC_ATTRIBUTE
from LNStationSlicer.worker.SampleCases import SampleFiles, sampleFiles
from LNStationSlicer.worker.WorkerClient import WorkerClient
from LNStationSlicer.worker.WorkerErrors import WorkerError


class SampleOpening:
    """Makes and loads one sample patient; one at a time.

    Args:
        client: Speaks with the worker.
        onOpened: Called with the new case.
        onFailed: Called with a sentence for the user.
        onProgress: Called with the running step.
    """

    def __init__(
        self,
        client: WorkerClient,
        onOpened: Callable[[CaseScene], None],
        onFailed: Callable[[str], None],
        onProgress: Callable[[str], None],
    ) -> None:
        self._client = client
        self._onOpened = onOpened
        self._onFailed = onFailed
        self._onProgress = onProgress
        self._steps: Steps | None = None
        self._requestId: int | None = None
        self._folder: Any = None
        self._case: CaseScene | None = None
        self._organs: Any = None

    @property
    def running(self) -> bool:
        """True while a patient is being made or loaded."""
        return self._folder is not None

    def open(self, key: str) -> None:
        """Make the patient; the panel stays usable meanwhile."""
        self.stop()
        self._folder = tempfile.TemporaryDirectory(prefix="LNStation-sample-")
        params = {"name": key, "folder": str(Path(self._folder.name) / key)}
        report = lambda step, fraction: self._onProgress(step)  # noqa: E731
        self._requestId = self._client.request("sample", params, partial(self._made, key), self._failed, report)

    def stop(self) -> None:
        """Give up silently; what is loaded so far stays."""
        if self._requestId is not None:
            self._client.abandon(self._requestId)
        if self._steps is not None:
            self._steps.stop()
        self._finish()

    def _made(self, key: str, answer: dict[str, Any]) -> None:
        self._requestId = None
        files = sampleFiles(Path(answer["folder"]))
        self._steps = Steps(self._load(key, files), self._loaded, self._raised)
        self._steps.start()

    def _load(self, key: str, files: SampleFiles) -> Iterator[Callable[[], object]]:
        yield partial(self._loadImages, key, files)
        assert self._case is not None
        case = self._case
        yield partial(self._beginOrgans, case, key)
        for name, path in files.organs.items():
            yield partial(self._addOrgan, name, path)
        for role, source in (("nodesSource", files.nodes), ("tumorSource", files.tumor)):
            if source is not None:
                yield partial(_loadSource, case, role, source, key)

    def _loadImages(self, key: str, files: SampleFiles) -> None:
        ct = slicer.util.loadVolume(str(files.ct), {"name": f"{key} CT", "show": False})
        ct.SetAttribute(SYNTHETIC_ATTRIBUTE, "1")
        pet = slicer.util.loadVolume(str(files.pet), {"name": f"{key} PET", "show": False}) if files.pet else None
        self._case = CaseScene.create(slicer.mrmlScene, ct, pet, key)
        parameters = CaseParameters(self._case.node)
        parameters.cancer = files.facts.get("cancer") or ""
        parameters.tumorSide = files.facts.get("tumor_side") or ""
        if pet is not None:
            parameters.petUnit = "SUVbw"

    def _beginOrgans(self, case: CaseScene, key: str) -> None:
        self._organs = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{key} organs")
        self._organs.CreateDefaultDisplayNodes()
        self._organs.SetReferenceImageGeometryParameterFromVolumeNode(case.ctNode())
        self._organs.SetDisplayVisibility(False)
        case.setSources("organs", [self._organs])

    def _addOrgan(self, name: str, path: Path) -> None:
        entry = anatomy.find_organ(name)
        title, color = (entry.title, entry.color) if entry else (name, (200, 200, 200))
        self._onProgress(title)
        _addMask(self._organs, name, path, [part / 255 for part in color])

    def _loaded(self) -> None:
        case = self._case
        self._finish()
        if case is not None:
            self._onOpened(case)

    def _raised(self, error: Exception) -> None:
        self._finish()
        self._onFailed(str(error))

    def _failed(self, error: WorkerError) -> None:
        self._requestId = None
        self._finish()
        self._onFailed(error.message)

    def _finish(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
        self._folder = self._case = self._organs = self._steps = self._requestId = None


def _loadSource(case: CaseScene, role: str, path: Path, key: str) -> None:
    title = "nodes" if role == "nodesSource" else "tumor"
    node = slicer.util.loadSegmentation(str(path), {"name": f"{key} {title}"})
    node.SetDisplayVisibility(False)
    case.setSources(role, [node])


def _addMask(segmentation: Any, name: str, path: Path, color: list[float]) -> None:
    """Read a mask file as one segment; its label map node goes again."""
    labels = slicer.util.loadLabelVolume(str(path), {"name": name, "show": False})
    try:
        array = slicer.util.arrayFromVolume(labels)
        segmentId = segmentation.GetSegmentation().AddEmptySegment(name, name, color)
        slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, segmentId, labels)
    finally:
        slicer.mrmlScene.RemoveNode(labels)
