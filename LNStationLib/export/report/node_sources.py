"""Source of the nodes, as worded in the report."""

from __future__ import annotations

from LNStationLib.export.wording import clean
from LNStationLib.nodes.registry import METHODS

_OF_A_CASE = {
    "ct_blobs": "blob detector on the CT alone",
    "network": "network on the CT alone",
    "none": "none",
    "pet_threshold": "PET threshold",
    "supplied": "supplied masks",
}
_OF_A_NODE = {
    "ct_blobs": "CT blob detector",
    "network": "CT network",
    "pet_threshold": "PET threshold",
    "reader": "reader",
    "supplied": "supplied mask",
}
"""Shorter, for a narrow column. Methods that are in neither are named by their title."""


def source_of_case(name: str) -> str:
    """What the nodes of a case were found by, from the name of the method."""
    return _OF_A_CASE.get(name) or _title(name)


def source_of_node(name: str) -> str:
    """What a node was found by, from the name of the method."""
    return _OF_A_NODE.get(name) or _title(name)


def _title(name: str) -> str:
    """The title of a method; its name where it is not known here, as in an assessment from elsewhere."""
    titles = {method.name: method.title for method in METHODS}
    return clean(titles.get(name, name).replace("_", " "))
