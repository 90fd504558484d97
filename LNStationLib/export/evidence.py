"""Where a method found its evidence for the call on a station: a voxel map, as pictures and files show it."""

from __future__ import annotations

from dataclasses import dataclass

import SimpleITK as sitk

from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.state.evidence import evidence_volume as volume_of
from LNStationLib.support.language import marked
from LNStationLib.support.types import PointMm

_ATTENTION = marked("Attention")
_WITHIN_SENTENCES = (marked("attention"),)
"""Titles as they stand within a sentence, for the catalogs."""
_ATTENTION_CAPTION = marked(
    "where the network looked for this station, from 0 to 1, the highest value of the map. The map is coarse and "
    "reaches beyond the station."
)


@dataclass(frozen=True)
class EvidenceMap:
    """The map of one station.

    Attributes:
        title: What its values are; stands above the color scale.
        caption: How to read it: follows a colon, ends with a full stop.
        image: float32 in [0, 1] without unit, 1 at its highest value, on its own grid.
        peak_mm: LPS point of the highest value.
        part_in_nodes: Part of the map that lies inside nodes, in [0, 1]; ``None`` where that is not known.
        node_id: Node that holds most of it; ``None`` where there is none.
    """

    title: str
    caption: str
    image: sitk.Image
    peak_mm: PointMm
    part_in_nodes: float | None = None
    node_id: int | None = None


def evidence_maps(assessed: AssessedCase) -> dict[str, EvidenceMap]:
    """The maps of an assessed case by station; empty where its method gives none.

    Raises:
        ValueError: The case was restored and its maps were not made again yet.
    """
    findings = {row.station: row for row in assessed.assessment.stations}
    return {
        name: EvidenceMap(
            _ATTENTION,
            _ATTENTION_CAPTION,
            one.relative,
            one.peak_mm,
            findings[name].attention_in_nodes,
            findings[name].attention_node,
        )
        for name, one in assessed.known_evidence.items()
    }


def evidence_volume(assessed: AssessedCase) -> sitk.Image | None:
    """All maps in one float32 volume on the CT's grid, each inside its station; ``None`` where there are none.

    Raises:
        ValueError: The case was restored and its maps were not made again yet.
    """
    if not assessed.known_evidence:
        return None
    return volume_of(assessed.known_evidence, assessed.stations, assessed.state.boxes)
