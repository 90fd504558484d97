"""A case with its answer, and all that a correction of its stations builds on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import SimpleITK as sitk

from LNStationLib.case.case import Case
from LNStationLib.imaging.boxes import Box
from LNStationLib.state.assessment import Assessment, BorderFinding, Midline, OrganFinding, Provenance
from LNStationLib.state.attention import StationAttention
from LNStationLib.state.settings import Settings


@dataclass(frozen=True)
class Outline:
    """What is said of a station's outline, apart from its measures.

    Attributes:
        borders: What the borders rest on; none where the station was not found or a reader changed it.
        warnings: Sentences for the reader.
        edited: A reader changed it.
    """

    borders: tuple[BorderFinding, ...] = ()
    warnings: tuple[str, ...] = ()
    edited: bool = False


@dataclass(frozen=True)
class Baseline:
    """The stations as they were before any edit: what an edit is told from, and what undoing it leads back to.

    Attributes:
        stations: uint8 label map on the CT's grid.
        boxes: Smallest box of every station that has voxels, by name.
        outlines: Of every station of the table, by name.
    """

    stations: sitk.Image
    boxes: Mapping[str, Box]
    outlines: Mapping[str, Outline]


@dataclass(frozen=True)
class OrganImages:
    """The organs of a case.

    Attributes:
        label_map: uint8, values of the organ table, on the CT's grid.
        beside_stations: Masks of all that could be taken for a node, as ``Case.organ_masks`` holds them.
    """

    label_map: sitk.Image
    beside_stations: dict[str, sitk.Image]


@dataclass(frozen=True)
class ParsedCase:
    """A case whose stations are known, by a parser or by a reader.

    Attributes:
        case: The case.
        settings: Methods and thresholds.
        stations: uint8 label map on the CT's grid, values of the station table.
        boxes: Smallest box of every station that has voxels in the CT's array, by name.
        outlines: Of every station of the table, by name.
        baseline: The stations before any edit.
        midline: Decides sides.
        organs: The organs; ``None`` in a restored case until something needs them.
        organ_findings: What the report says of them.
        provenance: Of the steps so far.
    """

    case: Case
    settings: Settings
    stations: sitk.Image
    boxes: Mapping[str, Box]
    outlines: Mapping[str, Outline]
    baseline: Baseline
    midline: Midline
    organs: OrganImages | None
    organ_findings: tuple[OrganFinding, ...]
    provenance: tuple[Provenance, ...]

    @property
    def informed(self) -> Case:
        """The case with the organs that were found beside those supplied, so that none is taken for a node."""
        if self.organs is None:
            return self.case
        surrogates = frozenset(organ.name for organ in self.organ_findings if organ.source == "surrogate")
        return replace(self.case, organ_masks=self.organs.beside_stations, organ_surrogates=surrogates)

    @property
    def edited(self) -> tuple[str, ...]:
        """Names of the stations that a reader changed, in table order."""
        return tuple(name for name, outline in self.outlines.items() if outline.edited)


@dataclass(frozen=True)
class AssessedCase:
    """An assessed case: what writers write, and what a correction of its stations builds on.

    Attributes:
        parsed: The case and its stations.
        assessment: The answer.
        nodes: uint16 label map, values ``NodeFinding.node_id``, on the CT's grid.
        node_memory: Of the node finder; see ``Candidates.memory``.
        attention: Where a network looked, by station; empty without one, ``None`` in a restored case until something
            needs it.
    """

    parsed: ParsedCase
    assessment: Assessment
    nodes: sitk.Image
    node_memory: object | None = None
    attention: Mapping[str, StationAttention] | None = field(default_factory=dict)

    @property
    def case(self) -> Case:
        """The case that was assessed."""
        return self.parsed.case

    @property
    def stations(self) -> sitk.Image:
        """uint8 label map on the CT's grid, values of the station table."""
        return self.parsed.stations

    @property
    def organs(self) -> sitk.Image:
        """uint8 label map on the CT's grid, values of the organ table.

        Raises:
            ValueError: The case was restored and its organs were not found again yet.
        """
        if self.parsed.organs is None:
            raise ValueError("the organs of this case are not known yet: find them again with with_organs()")
        return self.parsed.organs.label_map

    @property
    def attention_maps(self) -> Mapping[str, StationAttention]:
        """Where a network looked, by station; empty without one.

        Raises:
            ValueError: The case was restored and its maps were not made again yet.
        """
        if self.attention is None:
            raise ValueError("the attention maps of this case are not known yet: make them with with_attention()")
        return self.attention
