"""What a reader decided about nodes; it holds whatever a search for nodes finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from LNStationLib.imaging.edited_masks import EditedMask


@dataclass(frozen=True)
class NodeEdits:
    """Nodes that a reader drew, and those that a reader dismissed.

    Attributes:
        drawn: Number to the voxels of each node that is as a reader drew it: added, redrawn, split or merged.
        dismissed: Number to the voxels of each candidate that is no node.
    """

    drawn: Mapping[int, EditedMask] = field(default_factory=dict)
    dismissed: Mapping[int, EditedMask] = field(default_factory=dict)

    @property
    def numbers(self) -> frozenset[int]:
        """Node numbers that are taken."""
        return frozenset({*self.drawn, *self.dismissed})

    @property
    def masks(self) -> tuple[EditedMask, ...]:
        """Where a reader has decided what there is."""
        return (*self.drawn.values(), *self.dismissed.values())
