"""The texts of a saved scene, as they lie in its files."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

SCENE = "scene.mrml"
SHAPES = {
    "assessedSettings": "AssessedSettings", "displayState": "DisplayState", "laidOver": "LaidOver",
    "packages": "Packages", "petLooks": "PetLooks", "priorToCase": "PriorToCase", "settings": "Settings",
    "Assessment.txt": "Assessment", "Assessment_1.txt": "Assessment", "Review.txt": "Review",
    "Reviews of other readers.txt": "OtherReviews",
}  # fmt: skip
"""What each text of the scene holds: parameters of the case's node, and files of its text nodes."""


def texts(folder: Path) -> dict[str, str]:
    """The texts of a scene's case under review by their names."""
    _tree, anchor, places = parameters(folder)
    found = {name: anchor.attrib[key].partition(" ")[2] for name, key in places.items()}
    files = {path.name: path.read_bytes().decode("utf-8", "replace") for path in (folder / "Data").glob("*.txt")}
    return {name: text for name, text in (found | files).items() if name in SHAPES}


def parameters(folder: Path) -> tuple[Any, Any, dict[str, str]]:
    """The scene, the node of the case under review, and its attributes by the parameters that they hold."""
    tree = ET.parse(folder / SCENE)
    nodes = [one for one in tree.getroot().iter("ScriptedModule") if "prior:" in one.get("references", "")]
    places = {text.partition(" ")[0]: key for key, text in nodes[0].attrib.items() if key.startswith("parameter")}
    return tree, nodes[0], places
