"""What the worker gets to know about a case: images, masks and facts, written piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import slicer

from LNStationSlicer.case.CaseExport import exportDismissedMap, exportNodeMap, exportOrganMap, exportStationMap
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.CaseSettings import CaseSettings
from LNStationSlicer.case.Parameters import CaseParameters, Facts, factsOf
from LNStationSlicer.exchange import OrganMatching, PetExchange, VolumeExchange
from LNStationSlicer.support.Steps import turnsOf

SYNTHETIC_ATTRIBUTE = "LNStation.Synthetic"
"""Attribute of a CT node that the phantom made; its reports say so."""

_SOURCE_ROLES = ("organs", "nodesSource", "tumorSource")


def inputFingerprint(case: CaseScene) -> tuple[Any, ...]:
    """Changes whenever the worker would have to be told about the case again."""
    facts = factsOf(CaseParameters(case.node))
    nodes = [case.ctNode(), case.petNode(), *(node for role in _SOURCE_ROLES for node in case.sources(role))]
    return (*((node.GetID(), _contentTime(node)) if node else None for node in nodes), facts)


def isSynthetic(case: CaseScene) -> bool:
    """True where the CT was made by the phantom."""
    ct = case.ctNode()
    return ct is not None and ct.GetAttribute(SYNTHETIC_ATTRIBUTE) == "1"


class CaseUpload:
    """The parameters of ``load_case`` and, where there is an assessment, of ``restore_case``.

    Attributes:
        load: Complete once all ``steps`` ran.
        restore: Complete once all ``restoreSteps`` ran.
    """

    def __init__(self, case: CaseScene, folder: Path) -> None:
        self._case = case
        self._folder = folder
        facts = factsOf(CaseParameters(case.node))
        self._unit = facts.petUnit
        self.load: dict[str, Any] = {
            "case": case.key,
            "case_id": case.key,
            "pet": None,
            "pet_unit": None,
            "organs": {},
            "nodes": None,
            "tumor": None,
            "facts": _facts(facts),
            "synthetic": isSynthetic(case),
        }
        self.restore: dict[str, Any] = {"case": case.key}

    def references(self) -> list[dict[str, Any]]:
        """Volumes written so far, to be deleted once the worker has read them."""
        found = [self.load.get("ct"), self.load["pet"], self.load["nodes"], self.load["tumor"]]
        found += [*self.load["organs"].values(), self.restore.get("stations"), self.restore.get("nodes")]
        found.append(self.restore.get("dismissed"))
        found += self.restore.get("organs") or []
        return [reference for reference in found if reference and "path" in reference]

    def steps(self) -> Iterator[Callable[[], object]]:
        """Write the images and masks."""
        yield from self._ctSteps()
        if self._case.petNode() is not None:
            yield self._exportPet
        yield from self._organSteps()
        yield self._exportNodes
        yield self._exportTumor

    def restoreSteps(self) -> Iterator[Callable[[], object]]:
        """Write the review as it stands."""
        yield self._exportStations
        yield self._exportNodeMap
        if self._case.dismissedNode() is not None:
            yield self._exportDismissed
        organs = self._case.organsNode()
        if organs is not None:
            self.restore["organs"] = []
            for name in OrganMatching.organSegments(organs.GetSegmentation()):
                yield partial(self._exportOrganMap, name)

    def _exportOrganMap(self, name: str) -> None:
        reference = exportOrganMap(self._case, name, self._folder)
        if reference is not None:
            self.restore["organs"].append(reference)

    def _ctSteps(self) -> Iterator[Callable[[], object]]:
        """In slabs: to write a whole CT at once takes longer than the panel may pause."""
        slabs = VolumeExchange.exportVolumeSlabs(self._case.ctNode(), self._folder, "ct")
        return turnsOf(slabs, lambda reference: self.load.update(ct=reference))

    def _exportPet(self) -> None:
        pet, unit = PetExchange.exportPet(self._case.petNode(), self._folder, "pet", _dicomDatabase())
        self.load["pet"] = pet
        self.load["pet_unit"] = "SUVbw" if self._unit == "SUVbw" else unit

    def _organSteps(self) -> Iterator[Callable[[], object]]:
        sources = self._case.sources("organs")
        if not sources:
            return
        matches = OrganMatching.matchSegmentations(sources)
        for name, segments in matches.organs.items():
            yield partial(self._exportOrgan, replace(matches, organs={name: segments}))

    def _exportOrgan(self, matches: OrganMatching.OrganMatches) -> None:
        self.load["organs"].update(OrganMatching.exportOrgans(matches, self._case.ctNode(), self._folder))

    def _exportNodes(self) -> None:
        for source in self._case.sources("nodesSource")[:1]:
            self.load["nodes"] = VolumeExchange.exportInstances(
                source, _segmentIds(source), self._case.ctNode(), self._folder, "nodes"
            )

    def _exportTumor(self) -> None:
        for source in self._case.sources("tumorSource")[:1]:
            self.load["tumor"] = VolumeExchange.exportSegments(
                source, _segmentIds(source), self._case.ctNode(), self._folder, "tumor"
            )

    def _exportStations(self) -> None:
        self.restore["assessment"] = self._case.assessment()
        if settings := CaseSettings(self._case.node).forRestoring():
            self.restore["settings"] = settings
        self.restore["stations"] = exportStationMap(self._case, self._folder, "restore_stations")

    def _exportNodeMap(self) -> None:
        self.restore["nodes"] = exportNodeMap(self._case, self._folder, "restore_nodes")

    def _exportDismissed(self) -> None:
        self.restore["dismissed"] = exportDismissedMap(self._case, self._folder, "restore_dismissed")


def _facts(facts: Facts) -> dict[str, Any]:
    return {
        "cancer": facts.cancer or None,
        "tumor_side": facts.tumorSide or None,
        "tumor_site": None,
        "sex": None,
        "age_years": None,
        "study_date": None,
    }


def _segmentIds(segmentationNode: Any) -> list[str]:
    return list(segmentationNode.GetSegmentation().GetSegmentIDs())


def _dicomDatabase() -> Any:
    return getattr(slicer, "dicomDatabase", None)


def _contentTime(node: Any) -> int:
    """Time of the last change of voxels; names and display do not count."""
    if node.IsA("vtkMRMLSegmentationNode"):
        return int(node.GetSegmentation().GetMTime())
    return int(node.GetImageData().GetMTime()) if node.GetImageData() else 0
