"""The door to SlicerNNInteractive, where it is installed: its module, open on a node of ours.

What it writes into the segment is noticed as any stroke is, and comes back as a node that the reader drew.
"""

from __future__ import annotations

from typing import Any

import slicer

_MODULE = "SlicerNNInteractive"


def isInstalled() -> bool:
    """True where the extension is there."""
    return hasattr(slicer.modules, _MODULE.lower())


def openOn(segmentationNode: Any, segmentId: str, volumeNode: Any) -> bool:
    """Open its module, with its segment editor on a segment.

    Returns:
        False where its panel has not the editor that is known of it; the module is in front all the same.
    """
    slicer.util.selectModule(_MODULE)
    panel = getattr(slicer.modules, _MODULE.lower()).widgetRepresentation().self()
    editor = getattr(getattr(panel, "ui", None), "editor_widget", None)
    if editor is None:
        return False
    editor.setSegmentationNode(segmentationNode)
    editor.setSourceVolumeNode(volumeNode)
    editor.setCurrentSegmentID(segmentId)
    return True
