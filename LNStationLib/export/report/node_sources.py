"""Source of the nodes, as worded in the report."""

from __future__ import annotations

from LNStationLib.export.wording import clean
from LNStationLib.nodes.registry import METHODS
from LNStationLib.support.language import marked, say

_OF_A_CASE = {
    "ct_blobs": marked("blob detector on the CT alone"),
    "network": marked("network on the CT alone"),
    "none": marked("none"),
    "pet_threshold": marked("PET threshold"),
    "supplied": marked("supplied masks"),
}
_OF_A_NODE = {
    "ct_blobs": marked("CT blob detector"),
    "network": marked("CT network"),
    "pet_threshold": marked("PET threshold"),
    "reader": marked("reader"),
    "supplied": marked("supplied mask"),
}
"""Shorter, for a narrow column. Methods that are in neither are named by their title."""


def source_of_case(name: str) -> str:
    """What the nodes of a case were found by, from the name of the method."""
    return say(_OF_A_CASE[name]) if name in _OF_A_CASE else _title(name)


def source_of_node(name: str) -> str:
    """What a node was found by, from the name of the method."""
    return say(_OF_A_NODE[name]) if name in _OF_A_NODE else _title(name)


def _title(name: str) -> str:
    """The title of a method; its name where it is not known here, as in an assessment from elsewhere."""
    titles = {method.name: method.title for method in METHODS}
    return clean(titles.get(name, name).replace("_", " "))
