"""One case and its MRML nodes, under one subject hierarchy folder.

A hidden anchor node (``vtkMRMLScriptedModuleNode``) holds the case together by node references, which the scene keeps
through renaming, saving, loading and importing. The CT, the PET and the segmentations that organs come from are the
user's: they are referred to and never moved or removed.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk

from LNStationLib import anatomy
from LNStationSlicer.case.CaseFolder import (
    ATTENTION,
    DAMAGED_ROLE,
    KEY_ATTRIBUTE,
    MAP_ROLES,
    OWN_ROLES,
    ROLE_ATTRIBUTE,
    CaseFolder,
    colorsRole,
    hierarchyOf,
)
from LNStationSlicer.case.CaseSegmentations import (
    DISMISSED_COLOR,
    withSegments,
    writeNodes,
    writeOrgans,
    writeStations,
)
from LNStationSlicer.case.ReviewState import ReviewState
from LNStationSlicer.case.SceneTexts import ASSESSMENT, DISPLAY_STATE, PRIOR_TO_CASE
from LNStationSlicer.case.StationTableNode import fillTable
from LNStationSlicer.exchange.AssessmentTypes import Assessment
from LNStationSlicer.support.Translation import _

if TYPE_CHECKING:
    from LNStationLib.worker.volume_files import VolumeGeometry

ANCHOR_ROLE = "case"
SOURCE_ROLES = ("organs", "nodesSource", "tumorSource")

_PRIOR = "prior"


class CaseScene:
    """A case in a scene; a thin handle, for all state is in MRML.

    Args:
        node: The anchor.
    """

    def __init__(self, node: slicer.vtkMRMLScriptedModuleNode):
        self.node = node
        self._folder = CaseFolder(node)

    # Finding and making

    @classmethod
    def create(
        cls,
        scene: slicer.vtkMRMLScene,
        ctNode: slicer.vtkMRMLScalarVolumeNode,
        petNode: slicer.vtkMRMLScalarVolumeNode | None = None,
        name: str = "",
    ) -> CaseScene:
        """Start a case: an anchor, a folder in the study of the CT (if it has one) and an empty review."""
        anchor = slicer.vtkMRMLScriptedModuleNode()
        anchor.SetName(scene.GenerateUniqueName("LNStation case"))
        anchor.SetHideFromEditors(True)
        anchor.SetAttribute(ROLE_ATTRIBUTE, ANCHOR_ROLE)
        anchor.SetAttribute(KEY_ATTRIBUTE, uuid.uuid4().hex)
        case = cls(scene.AddNode(anchor))
        case.node.SetNodeReferenceID("ct", ctNode.GetID())
        case.setPetNode(petNode)
        case._folder.make(name or _("LNStation: {name}").format(name=ctNode.GetName()))
        case.review()
        return case

    @classmethod
    def allIn(cls, scene: slicer.vtkMRMLScene) -> list[CaseScene]:
        """All cases of a scene, oldest first."""
        nodes = scene.GetNodesByClass("vtkMRMLScriptedModuleNode")
        found = [nodes.GetItemAsObject(i) for i in range(nodes.GetNumberOfItems())]
        return [cls(node) for node in found if node.GetAttribute(ROLE_ATTRIBUTE) == ANCHOR_ROLE]

    @classmethod
    def ofNode(cls, node: slicer.vtkMRMLNode | None) -> CaseScene | None:
        """The case that made a node, or the first one that uses it as CT or PET; None where there is none."""
        if node is None or node.GetScene() is None:
            return None
        cases = cls.allIn(node.GetScene())
        for roles in ((), OWN_ROLES, ("ct", "pet")):
            for case in cases:
                if case.node is node or any(case.node.GetNodeReference(role) is node for role in roles):
                    return case
        return None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CaseScene) and self.node is other.node

    def __hash__(self) -> int:
        return hash(self.node)

    # What it is

    @property
    def scene(self) -> slicer.vtkMRMLScene:
        """The scene that the case lives in."""
        return self.node.GetScene()

    @property
    def key(self) -> str:
        """The case's name for the worker; never the same for two cases, even if one scene was imported twice."""
        return f"{self.node.GetAttribute(KEY_ATTRIBUTE)}-{self.node.GetID()}"

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self._folder.name

    @name.setter
    def name(self, name: str) -> None:
        self._folder.name = name

    def isAlive(self) -> bool:
        """True while the anchor is in a scene."""
        return self.node.GetScene() is not None

    def folderItem(self) -> int:
        """The subject hierarchy folder; recreated where the user removed it."""
        return self._folder.item()

    def gather(self) -> None:
        """Put nodes back into the folder that the Segment Editor has moved beside the CT, as it does by itself."""
        self._folder.gather()

    # Its nodes

    def ctNode(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The user's CT."""
        return self.node.GetNodeReference("ct")

    def petNode(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The user's PET."""
        return self.node.GetNodeReference("pet")

    def setPetNode(self, petNode: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        """Choose the PET, or none."""
        self.node.SetNodeReferenceID("pet", petNode.GetID() if petNode else None)

    def stationsNode(self) -> slicer.vtkMRMLSegmentationNode | None:
        """The stations; segment ids are station names."""
        return self.node.GetNodeReference("stations")

    def nodesNode(self) -> slicer.vtkMRMLSegmentationNode | None:
        """The node candidates; segment ids are those of ``nodeSegmentId``."""
        return self.node.GetNodeReference("nodes")

    def dismissedNode(self) -> slicer.vtkMRMLSegmentationNode | None:
        """The nodes that the reader dismissed; segment ids as in ``nodesNode``."""
        return self.node.GetNodeReference("dismissedNodes")

    def organsNode(self) -> slicer.vtkMRMLSegmentationNode | None:
        """The organs that the case was assessed with; segment ids are names of the organ table."""
        return self.node.GetNodeReference("caseOrgans")

    def mapRoles(self) -> tuple[str, ...]:
        """Roles of the maps of voxels that methods gave."""
        return tuple(role for role in MAP_ROLES if self.node.GetNodeReference(role) is not None)

    def mapNode(self, role: str = "") -> slicer.vtkMRMLScalarVolumeNode | None:
        """The map of voxels of a role; where none of that role is there, where a network looked, if one did."""
        return self.node.GetNodeReference(role if role in self.mapRoles() else ATTENTION)

    def removeMap(self, role: str) -> None:
        """Take a map of voxels away, with its colors."""
        self._removeRoles((role, colorsRole(role)))

    def tableNode(self) -> slicer.vtkMRMLTableNode | None:
        """The stations as a table."""
        return self.node.GetNodeReference("table")

    def assessmentNode(self) -> slicer.vtkMRMLTextNode | None:
        """The assessment as JSON."""
        return self.node.GetNodeReference("assessment")

    def reviewNode(self) -> slicer.vtkMRMLTextNode | None:
        """The reader's review as JSON."""
        return self.node.GetNodeReference("review")

    def sources(self, role: str) -> list[slicer.vtkMRMLNode]:
        """The user's segmentations for "organs", "nodesSource" or "tumorSource"."""
        return self._references(_sourceRole(role))

    def _references(self, role: str) -> list[slicer.vtkMRMLNode]:
        count = self.node.GetNumberOfNodeReferences(role)
        nodes = [self.node.GetNthNodeReference(role, i) for i in range(count)]
        return [node for node in nodes if node is not None]

    def setSources(self, role: str, nodes: Iterable[slicer.vtkMRMLNode]) -> None:
        """Remember where organs, nodes or the tumor come from."""
        self.node.RemoveNodeReferenceIDs(_sourceRole(role))
        for node in nodes:
            self.node.AddNodeReferenceID(role, node.GetID())

    def makeNode(self, role: str, className: str, title: str) -> slicer.vtkMRMLNode:
        """The case's own node of a role, made and put into the folder where it is missing."""
        node = self.node.GetNodeReference(role)
        if node is None:
            node = self.scene.AddNewNodeByClass(className, self.scene.GenerateUniqueName(title))
            node.SetAttribute(ROLE_ATTRIBUTE, role)
            self.node.SetNodeReferenceID(role, node.GetID())
            if not node.GetHideFromEditors() and not node.IsA("vtkMRMLColorNode"):
                self._folder.put(node)
        return node

    def makeTextNode(self, role: str, title: str) -> slicer.vtkMRMLTextNode:
        """The case's own text of a role, made where it is missing."""
        node = self.makeNode(role, "vtkMRMLTextNode", title)
        if node.GetEncoding() != vtk.VTK_ENCODING_UTF_8:
            node.SetEncoding(vtk.VTK_ENCODING_UTF_8)
        return node

    # What it holds

    def assessment(self) -> Assessment | None:
        """The model's assessment; not to be changed, for a refresh of the panel asks for it a dozen times."""
        node = self.assessmentNode()
        return ASSESSMENT.shared(node) if node is not None else None

    @property
    def isAssessed(self) -> bool:
        """Whether there is an assessment; quicker than to read it."""
        node = self.assessmentNode()
        return node is not None and ASSESSMENT.isThere(node)

    def setAssessment(self, assessment: Assessment) -> None:
        """Keep an assessment, and rewrite the table. The reader's review is left as it is."""
        node = self.makeTextNode("assessment", _("Assessment"))
        ASSESSMENT.write(node, assessment)
        self.updateTable()

    def review(self) -> ReviewState:
        """The reader's review."""
        return ReviewState(self.makeTextNode("review", _("Review")))

    def updateTable(self) -> None:
        """Write the table from the assessment and the review; a blind first read hides in it what the panel hides."""
        assessment, review = self.assessment(), self.review()
        if assessment is not None:
            shown = [finding["station"] for finding in assessment["stations"] if finding["volume_ml"]]
            table = self.makeNode("table", "vtkMRMLTableNode", _("Stations table"))
            fillTable(table, assessment, review, review.modelHidden(shown))

    def setStations(self, array: np.ndarray, geometry: VolumeGeometry) -> None:
        """Show the model's stations: uint8 ``[z, y, x]`` with the values of the table; they replace edited ones."""
        self.review().stations.replaced()
        node = self.makeNode("stations", "vtkMRMLSegmentationNode", _("Stations"))
        writeStations(node, self.ctNode(), array, geometry)

    def replaceStations(self, array: np.ndarray, geometry: VolumeGeometry, keep: Iterable[str]) -> None:
        """Show stations as they follow from other organs; marks of edits stay.

        Args:
            array: uint8 ``[z, y, x]`` with the values of the table.
            geometry: Of the array, the CT's grid.
            keep: Stations that a person is editing: they keep their voxels.
        """
        node = self.makeNode("stations", "vtkMRMLSegmentationNode", _("Stations"))
        kept = {name: anatomy.station(name).label_value for name in keep}
        writeStations(node, self.ctNode(), withSegments(array, geometry, node, kept), geometry)

    def setNodes(self, array: np.ndarray, geometry: VolumeGeometry) -> None:
        """Show node candidates: uint16 ``[z, y, x]`` with the ids of the assessment, which must be set before."""
        assessment = self.assessment()
        node = self.makeNode("nodes", "vtkMRMLSegmentationNode", _("Lymph nodes"))
        writeNodes(node, self.ctNode(), assessment["nodes"] if assessment else [], array, geometry)

    def setDismissed(self, array: np.ndarray, geometry: VolumeGeometry) -> None:
        """Keep the nodes that the reader dismissed: uint16 ``[z, y, x]`` on a box of the CT's grid; hidden."""
        assessment = self.assessment()
        findings = assessment.get("dismissed_nodes", []) if assessment else []
        node = self.makeNode("dismissedNodes", "vtkMRMLSegmentationNode", _("Dismissed nodes"))
        writeNodes(node, self.ctNode(), findings, array, geometry, DISMISSED_COLOR)
        node.GetDisplayNode().SetVisibility(False)

    def removeDismissed(self) -> None:
        """No node is dismissed any more."""
        self._removeRoles(("dismissedNodes",))

    def setOrgans(self, images: Mapping[str, slicer.vtkOrientedImageData], only: Iterable[str] | None = None) -> None:
        """Show organs; they replace edited ones.

        Args:
            images: Organ name to the label map that has it, as ``OrganImages`` makes them.
            only: Names of the organs to replace, or to remove where no image has them; all where None.
        """
        if only is None:
            self.review().organs.replaced()
        node = self.makeNode("caseOrgans", "vtkMRMLSegmentationNode", _("Organs"))
        writeOrgans(node, self.ctNode(), images, None if only is None else frozenset(only))

    def editedOrgans(self) -> list[str]:
        """Organs of the assessment that a reader drew or took away."""
        assessment = self.assessment()
        rows = assessment["provenance"] if assessment else []
        return next((row["settings"].get("edited_by_reader", []) for row in rows if row["step"] == "organs"), [])

    # An earlier study of the patient

    def prior(self) -> CaseScene | None:
        """The case of an earlier study that this one is compared with."""
        node = self.node.GetNodeReference(_PRIOR)
        return CaseScene(node) if node is not None and node is not self.node else None

    def priorToCase(self) -> np.ndarray | None:
        """4x4, world RAS of the earlier CT to that of this one; None where there is none."""
        rows = PRIOR_TO_CASE.read(self.node) if self.prior() is not None else None
        return np.array(rows) if rows is not None else None

    def setPrior(self, prior: CaseScene | None, toCase: np.ndarray | None = None) -> None:
        """Compare with an earlier case, or with none."""
        self.node.SetNodeReferenceID(_PRIOR, prior.node.GetID() if prior is not None else None)
        if toCase is not None:
            PRIOR_TO_CASE.write(self.node, toCase.tolist())
        else:
            PRIOR_TO_CASE.clear(self.node)

    def displayState(self) -> dict[str, Any]:
        """How the case was last shown; empty where it never was."""
        return DISPLAY_STATE.read(self.node) or {}

    def setDisplayState(self, state: dict[str, Any]) -> None:
        """Remember how the case is shown; anything JSON can hold."""
        DISPLAY_STATE.write(self.node, state)

    # Removing

    def remove(self) -> None:
        """Remove all that the case made, which must not be drawn any more. The user's own in its folder moves up."""
        folder = self.folderItem()
        self._removeRoles((*OWN_ROLES, DAMAGED_ROLE))
        self._folder.remove(folder)
        self.scene.RemoveNode(self.node)

    def _removeRoles(self, roles: Collection[str]) -> None:
        hierarchy, scene = hierarchyOf(self.scene), self.scene
        nodes = [node for role in roles for node in self._references(role)]
        for role in roles:
            self.node.RemoveNodeReferenceIDs(role)
        for node in nodes:
            item = hierarchy.GetItemByDataNode(node)
            attached = _attachedNodes(node)
            if item:
                hierarchy.RemoveItem(item, False, False)
            for attachedNode in (node, *attached):
                if scene.IsNodePresent(attachedNode):
                    scene.RemoveNode(attachedNode)


def _sourceRole(role: str) -> str:
    if role not in SOURCE_ROLES:
        raise ValueError(f"a source is one of {', '.join(SOURCE_ROLES)}, not {role!r}")
    return role


def _attachedNodes(node: slicer.vtkMRMLNode) -> list[slicer.vtkMRMLNode]:
    """Display and storage nodes of a node, which stay behind when it is removed from a scene."""
    attached: list[slicer.vtkMRMLNode] = []
    if node.IsA("vtkMRMLDisplayableNode"):
        attached += [node.GetNthDisplayNode(i) for i in range(node.GetNumberOfDisplayNodes())]
    if node.IsA("vtkMRMLStorableNode"):
        attached += [node.GetNthStorageNode(i) for i in range(node.GetNumberOfStorageNodes())]
    return [other for other in attached if other is not None]
