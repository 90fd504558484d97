"""Which segments of the scene are which organs, nodes or tumors: by terminology code first, then by name.

Meant for what TotalSegmentator, MONAIAuto3DSeg and people leave in the scene. What cannot be told is reported, never
guessed: an organ on the wrong side moves every station that rests on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import slicer
import vtk

from LNStationLib import anatomy
from LNStationLib.anatomy import Code, OrganEntry, Side
from LNStationSlicer.exchange.Terminology import LYMPH_NODE, parsedEntry
from LNStationSlicer.exchange.VolumeExchange import exportUnion
from LNStationSlicer.support.Translation import _

TUMOR_CODES = frozenset({"108369006", "86049000", "4147007"})
"""SNOMED CT: neoplasm; neoplasm, primary; mass (Slicer's own terminologies); no secondary neoplasms."""

_SIDES: dict[str, Side] = {"7771000": "L", "24028007": "R"}
_NODE_WORDS = frozenset({"node", "nodes", "ln", "lns", "lymphnode", "lymphnodes"})
_TUMOR_WORDS = frozenset({"tumor", "tumour", "gtv", "gtvp", "neoplasm", "mass", "lesion", "cancer"})


@dataclass(frozen=True)
class SegmentRef:
    """One segment of the scene."""

    nodeId: str
    segmentId: str
    name: str


@dataclass(frozen=True)
class Ambiguity:
    """A segment that could be several things, or contradicts itself; ``reason`` is one sentence for the user."""

    segment: SegmentRef
    candidates: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class OrganMatches:
    """What the segments are.

    Attributes:
        organs: Canonical organ name to the segments whose union it is.
        nodes: Lymph nodes, each segment one node.
        tumor: Segments whose union is the primary tumor.
        unmatched: Segments that nothing is known about.
        unused: Structures that are known and not needed ("spleen").
        ambiguous: Segments that are left out until the user says what they are.
    """

    organs: dict[str, tuple[SegmentRef, ...]]
    nodes: tuple[SegmentRef, ...] = ()
    tumor: tuple[SegmentRef, ...] = ()
    unmatched: tuple[SegmentRef, ...] = ()
    unused: tuple[SegmentRef, ...] = ()
    ambiguous: tuple[Ambiguity, ...] = ()

    def summary(self) -> str:
        """One line for the panel."""
        parts = [_("{count} organs").format(count=len(self.organs))]
        if self.nodes:
            parts.append(_("{count} nodes").format(count=len(self.nodes)))
        if self.tumor:
            parts.append(_("{count} tumor segments").format(count=len(self.tumor)))
        if self.unmatched:
            names = ", ".join(ref.name for ref in self.unmatched[:5]) + (", ..." if len(self.unmatched) > 5 else "")
            parts.append(_("{count} not recognized ({names})").format(count=len(self.unmatched), names=names))
        if self.ambiguous:
            names = ", ".join(item.segment.name for item in self.ambiguous)
            parts.append(_("{count} unclear ({names})").format(count=len(self.ambiguous), names=names))
        return "; ".join(parts)


@dataclass(frozen=True)
class _Verdict:
    """What one segment is: one of organs, "node", "tumor", "unused", nothing, or a reason why it cannot be told."""

    organs: tuple[str, ...] = ()
    kind: str = "organ"
    reason: str = ""


def matchSegmentations(segmentationNodes: Iterable[slicer.vtkMRMLSegmentationNode]) -> OrganMatches:
    """Sort the segments of segmentations into organs, nodes, tumors and the rest."""
    organs: dict[str, list[SegmentRef]] = {}
    lists: dict[str, list[SegmentRef]] = {"node": [], "tumor": [], "unused": [], "unknown": []}
    ambiguous: list[Ambiguity] = []
    for node in segmentationNodes:
        for segmentId in node.GetSegmentation().GetSegmentIDs():
            segment = node.GetSegmentation().GetSegment(segmentId)
            ref = SegmentRef(node.GetID() or "", segmentId, segment.GetName())
            verdict = _verdict(segment)
            if verdict.reason:
                ambiguous.append(Ambiguity(ref, verdict.organs, verdict.reason))
            elif verdict.kind != "organ":
                lists[verdict.kind].append(ref)
            else:
                for organ in verdict.organs:
                    organs.setdefault(organ, []).append(ref)
    ordered = {row.name: tuple(organs[row.name]) for row in anatomy.organs() if row.name in organs}
    kinds = {kind: tuple(refs) for kind, refs in lists.items()}
    return OrganMatches(ordered, kinds["node"], kinds["tumor"], kinds["unknown"], kinds["unused"], tuple(ambiguous))


def organSegments(segmentation: slicer.vtkSegmentation) -> dict[str, tuple[str, ...]]:
    """The organs of a case's own segmentation, in table order, with the ids of the segments whose union each is.

    A segment whose id is an organ's name is that organ whatever it is called; others are told by code and name.
    """
    names = {row.name for row in anatomy.organs()}
    found: dict[str, list[str]] = {}
    for segmentId in segmentation.GetSegmentIDs():
        verdict = None if segmentId in names else _verdict(segmentation.GetSegment(segmentId))
        isOrgan = verdict is not None and verdict.kind == "organ" and not verdict.reason
        for organ in [segmentId] if verdict is None else (verdict.organs if isOrgan else ()):
            found.setdefault(organ, []).append(segmentId)
    return {row.name: tuple(found[row.name]) for row in anatomy.organs() if row.name in found}


# What goes to the worker


def exportOrgans(matches: OrganMatches, ctNode: slicer.vtkMRMLVolumeNode, folder: Path) -> dict[str, dict[str, Any]]:
    """Write all organs for ``load_case``; those outside the CT are left out."""
    references = {
        organ: exportUnion(_segments(refs, ctNode), ctNode, folder, f"organ_{organ}")
        for organ, refs in matches.organs.items()
    }
    return {organ: reference for organ, reference in references.items() if reference is not None}


def _segments(
    refs: Iterable[SegmentRef], ctNode: slicer.vtkMRMLVolumeNode
) -> list[tuple[slicer.vtkMRMLSegmentationNode, str]]:
    scene = ctNode.GetScene()
    nodes = {ref.nodeId: scene.GetNodeByID(ref.nodeId) for ref in refs}
    return [(nodes[ref.nodeId], ref.segmentId) for ref in refs if nodes[ref.nodeId] is not None]


# One segment


def _verdict(segment: slicer.vtkSegment) -> _Verdict:
    coded = _byCode(segment)
    named = _byName(segment.GetName())
    if coded.reason or coded.kind in ("node", "tumor"):
        return _settled(coded, named)
    if coded.organs and named.organs and not set(coded.organs) & set(named.organs):
        return _contradiction(coded.organs, named.organs)
    if named.organs and (not coded.organs or len(coded.organs) > 1):
        return named
    return coded if coded.organs else named


def _settled(coded: _Verdict, named: _Verdict) -> _Verdict:
    """A code that leaves the side open is settled by a name that says it."""
    if coded.reason and len(named.organs) == 1 and named.organs[0] in coded.organs:
        return named
    return coded


def _contradiction(coded: tuple[str, ...], named: tuple[str, ...]) -> _Verdict:
    """The name may be finer than the code (a lobe coded as the lung); anything else is for the user to settle."""
    if all(_isWithin(name, whole) for name in named for whole in coded):
        return _Verdict(named)
    titles = {name: anatomy.organ(name).title for name in (*coded, *named)}
    reason = _("Its code says {coded}, its name says {named}; correct one of them.").format(
        coded=", ".join(titles[name] for name in coded), named=", ".join(titles[name] for name in named)
    )
    return _Verdict((*coded, *named), reason=reason)


def _isWithin(name: str, whole: str) -> bool:
    parts = anatomy.organ(whole).parts
    return name in parts or any(_isWithin(name, part) for part in parts)


def _byCode(segment: slicer.vtkSegment) -> _Verdict:
    _category, kind, modifier, region, regionModifier = parsedEntry(_terminology(segment))
    for code, sideCode in ((kind, modifier), (region, regionModifier)):
        if code is None:
            continue
        if code.value == LYMPH_NODE.value:
            return _Verdict(kind="node")
        if code.value in TUMOR_CODES:
            return _Verdict(kind="tumor")
        found = _organsOfCode(code)
        if found:
            return _sided(found, sideCode)
    return _Verdict()


def _sided(entries: tuple[OrganEntry, ...], sideCode: Code | None) -> _Verdict:
    side = _SIDES.get(sideCode.value) if sideCode else None
    names = tuple(entry.name for entry in entries)
    if side is None and len(entries) == 1:
        return _Verdict(names)
    if side is None:
        reason = _("Its code does not say left or right; add the side to its terminology or to its name.")
        return _Verdict(names, reason=reason)
    fitting = tuple(entry.name for entry in entries if entry.side in (side, None))
    if not fitting:
        reason = _("Its code names the side opposite to the organ's; correct its terminology.")
        return _Verdict(names, reason=reason)
    return _Verdict(fitting)


def _byName(name: str) -> _Verdict:
    entry = anatomy.find_organ(name)
    if entry is not None:
        return _Verdict((entry.name,))
    if anatomy.find_union(name):
        sides = _("It contains both left and right; split it with the Segment Editor (Islands) first.")
        return _Verdict(anatomy.find_union(name), reason=sides)
    if anatomy.is_unused(name):
        return _Verdict(kind="unused")
    words = set(anatomy.normal_name(name).split("_"))
    if words & _NODE_WORDS or "lymph" in words:
        return _Verdict(kind="node")
    if words & _TUMOR_WORDS:
        return _Verdict(kind="tumor")
    bare = anatomy.normal_name(name)
    sided = {row.name for row in anatomy.organs() if row.side and row.name.rpartition("_")[0] == bare}
    if sided:
        reason = _("Its name does not say left or right; add the side to it.")
        return _Verdict(tuple(sorted(sided)), reason=reason)
    return _Verdict(kind="unknown")


def _terminology(segment: slicer.vtkSegment) -> str:
    entry = vtk.reference("")
    return str(entry) if segment.GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), entry) else ""


@cache
def _organsOfCode(code: Code) -> tuple[OrganEntry, ...]:
    """Organs of a code, whatever its wording; left and right of an organ share theirs."""
    return tuple(row for row in anatomy.organs() if (row.code.value, row.code.scheme) == (code.value, code.scheme))
