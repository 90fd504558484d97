"""The JSON texts of a case in the scene: the one place where they are read, and what becomes of a damaged one.

A text that is no JSON any more, or has not the shape that ``Resources/Schema`` gives it, is moved into a text node of
its own beside the case, so that nothing writes over it, and counts as not there. ``takeNews`` tells of it, once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import slicer
import vtk

from LNStationLib.support.json_text import parse_tame_json
from LNStationLib.support.resources import resource_path
from LNStationSlicer.case.CaseFolder import DAMAGED_ROLE, OWN_ROLES, ROLE_ATTRIBUTE, CaseFolder
from LNStationSlicer.support.JsonShape import JsonShape
from LNStationSlicer.support.Translation import _

_NEWS_ATTRIBUTE = "LNStation.news"
"""Of the node of a damaged text: what is wrong with it, until the user was told."""
_REMEMBERED = 16
"""Texts of which is known that they are whole: a case is read some dozen times for each change of the panel."""

_SHARED = 4
"""Values that are shared: a case's assessment and that of an earlier study, before and after an edit."""


@dataclass(frozen=True)
class SceneText:
    """A kind of text.

    Attributes:
        shape: Its name in the schemas.
        parameter: Of the node that holds it; empty where it is the text of a text node.
    """

    shape: str
    parameter: str = ""

    def read(self, node: slicer.vtkMRMLNode) -> Any | None:
        """The value, a copy; None where there is no text, or none that can be read any more.

        What an earlier version did not write yet is as the schema's default.
        """
        whole = self._whole(node)
        return json.loads(whole) if whole else None

    def shared(self, node: slicer.vtkMRMLNode) -> Any | None:
        """As ``read``, but one value for all who ask while the text stays: it must not be changed."""
        whole = self._whole(node)
        return _parsed(whole) if whole else None

    def isThere(self, node: slicer.vtkMRMLNode) -> bool:
        """Whether ``read`` would give a value; much quicker for a long text."""
        return bool(self._whole(node))

    def write(self, node: slicer.vtkMRMLNode, value: Any, indent: int | None = None) -> None:
        """Replace the text; what was damaged in it is set aside by reading, which goes before."""
        self._put(node, json.dumps(value, indent=indent, ensure_ascii=False))

    def clear(self, node: slicer.vtkMRMLNode) -> None:
        """Take the text away."""
        self._put(node, "")

    def _whole(self, node: slicer.vtkMRMLNode) -> str:
        """The text with what it lacks; empty where there is none, or it is damaged, which is set aside."""
        text = self._text(node)
        fault, whole = _checked(text, self.shape) if text else ("", "")
        if fault:
            self._setAside(node, text, fault)
        return whole

    def _text(self, node: slicer.vtkMRMLNode) -> str:
        return str((node.GetParameter(self.parameter) if self.parameter else node.GetText()) or "")

    def _put(self, node: slicer.vtkMRMLNode, text: str) -> None:
        if self.parameter:
            node.SetParameter(self.parameter, text)
        else:
            node.SetText(text)

    def _setAside(self, node: slicer.vtkMRMLNode, text: str, fault: str) -> None:
        if node.GetScene() is None:  # of a case that was removed
            return
        keepAside(node, text, _titles().get(self.shape, self.shape), fault)
        self.clear(node)


REVIEW = SceneText("Review")
OTHER_REVIEWS = SceneText("OtherReviews")
ASSESSMENT = SceneText("Assessment")
SETTINGS = SceneText("Settings", "settings")
PACKAGES = SceneText("Packages", "packages")
ASSESSED_SETTINGS = SceneText("AssessedSettings", "assessedSettings")
DISPLAY_STATE = SceneText("DisplayState", "displayState")
PRIOR_TO_CASE = SceneText("PriorToCase", "priorToCase")
PET_LOOKS = SceneText("PetLooks", "petLooks")
LAID_OVER = SceneText("LaidOver", "laidOver")


def keepAside(node: slicer.vtkMRMLNode, text: str, title: str, fault: str) -> None:
    """Put a damaged text into a text node of its own, in the folder of the case that it comes from."""
    scene = node.GetScene()
    kept = scene.AddNewNodeByClass(
        "vtkMRMLTextNode", scene.GenerateUniqueName(_("Damaged: {what}").format(what=title))
    )
    kept.SetEncoding(vtk.VTK_ENCODING_UTF_8)
    kept.SetText(text)
    kept.SetAttribute(ROLE_ATTRIBUTE, DAMAGED_ROLE)
    kept.SetAttribute(_NEWS_ATTRIBUTE, fault)
    anchor = _anchorOf(node)
    if anchor is not None:
        anchor.AddNodeReferenceID(DAMAGED_ROLE, kept.GetID())
        CaseFolder(anchor).put(kept)


def takeNews(scene: slicer.vtkMRMLScene) -> list[str]:
    """A sentence about each damaged text of which nothing was said yet."""
    nodes = scene.GetNodesByClass("vtkMRMLTextNode")
    damaged = [nodes.GetItemAsObject(i) for i in range(nodes.GetNumberOfItems())]
    return [_news(node) for node in damaged if node.GetAttribute(_NEWS_ATTRIBUTE)]


def _news(kept: slicer.vtkMRMLTextNode) -> str:
    fault = kept.GetAttribute(_NEWS_ATTRIBUTE)
    kept.RemoveAttribute(_NEWS_ATTRIBUTE)
    words = _("A part of the scene is damaged and was left out ({fault}): its text is kept as '{name}'.")
    return words.format(fault=fault, name=kept.GetName())


def _anchorOf(node: slicer.vtkMRMLNode) -> slicer.vtkMRMLScriptedModuleNode | None:
    """The node of the case that holds a text; None for a text of no case."""
    anchors = node.GetScene().GetNodesByClass("vtkMRMLScriptedModuleNode")
    for anchor in (anchors.GetItemAsObject(i) for i in range(anchors.GetNumberOfItems())):
        if anchor is node or any(anchor.GetNodeReference(role) is node for role in OWN_ROLES):
            return anchor
    return None


@lru_cache(maxsize=_REMEMBERED)
def _checked(text: str, shape: str) -> tuple[str, str]:
    """Why a text cannot be read, empty where it can, and the text with what it lacks."""
    try:
        value = parse_tame_json(text)
    except ValueError:
        return _("it is not JSON any more"), ""
    fault = _shape(shape).fault(value)
    return fault, "" if fault else json.dumps(_shape(shape).filled(value))


@lru_cache(maxsize=_SHARED)
def _parsed(text: str) -> Any:
    return json.loads(text)


@cache
def _shape(name: str) -> JsonShape:
    return JsonShape({"$ref": f"#/$defs/{name}", "$defs": _definitions()})


@cache
def _definitions() -> dict[str, Any]:
    """All shapes by name."""
    assessment, scene = (_schema(name) for name in ("assessment", "scene"))
    return {**assessment["$defs"], "Assessment": assessment, **scene["$defs"]}


def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(resource_path("Schema", f"{name}.schema.json").read_text(encoding="utf-8"))
    return schema


def _titles() -> dict[str, str]:
    return {
        "Review": _("review"),
        "OtherReviews": _("reviews of other readers"),
        "Assessment": _("assessment"),
        "Settings": _("settings"),
        "Packages": _("chosen model packages"),
        "AssessedSettings": _("settings of the last assessment"),
        "DisplayState": _("display options"),
        "PriorToCase": _("registration of the earlier study"),
        "PetLooks": _("look of the PET"),
        "LaidOver": _("layers of the views"),
    }
