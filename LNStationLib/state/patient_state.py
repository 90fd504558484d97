"""What is known of one patient so far. Every step reads it and gives back its part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.case.case import Case
from LNStationLib.imaging.boxes import Box, station_boxes
from LNStationLib.imaging.scan import Scan
from LNStationLib.state.assessment import BorderFinding, Midline, OrganFinding, Provenance, StationAgreement
from LNStationLib.state.node_result import NodeResult
from LNStationLib.state.organ_set import Organ, OrganSet
from LNStationLib.state.packed_organs import PackedOrgans
from LNStationLib.state.settings import Settings
from LNStationLib.state.used_model import UsedModel
from LNStationLib.support.reason import Reason

Part = TypeVar("Part")


@dataclass(frozen=True)
class Outline:
    """Contour notes of a station: borders, warnings, edit state.

    Attributes:
        borders: What the borders rest on; none where the station was not found or a reader changed it.
        warnings: For the reader, as data.
        edited: A reader changed it.
    """

    borders: tuple[BorderFinding, ...] = ()
    warnings: tuple[Reason, ...] = ()
    edited: bool = False


@dataclass(frozen=True)
class Baseline:
    """The stations as they were before any edit: edits are compared with them, and undoing restores them.

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
class OrganPart:
    """What the organs step gives.

    Attributes:
        findings: What the report says of each organ.
        images: On the CT's grid; ``None`` in a restored case until something needs them.
        found: On the working grid; ``None`` once the stations are parsed.
        kept: The same in little memory, for as long as the case is known; ``None`` in a restored case until something
            needs it.
        segmented: What a network gave on the working grid: it need not run again. ``None`` where none ran.
        shown: Name to a digest of the mask that a reader sees and may edit; see ``assessment/organ_layers.py``. Empty
            until an edit asks.
        seen: Name to the digests of all masks that the finders gave, now and before earlier edits: who draws one of
            them has undone an edit.
    """

    findings: tuple[OrganFinding, ...]
    images: OrganImages | None = None
    found: OrganSet | None = None
    kept: PackedOrgans | None = None
    segmented: PackedOrgans | None = None
    shown: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class StationPart:
    """What the stations step gives, or a reader drew.

    Attributes:
        labels: uint8 label map on the CT's grid, values of the station table.
        boxes: Smallest box of every station that has voxels in the CT's array, by name.
        outlines: Of every station of the table, by name.
        baseline: The stations before any edit.
        midline: Decides sides.
        drawn: Names of the edited stations that stay as they are when the stations are parsed again: all but those
            that then lose voxels to one of them.
        maps: The method's voxel maps, as ``StationMap`` has them; empty in a restored case.
        agreement: How other methods that ran agree with the method's outlines, whatever a reader changed since.
    """

    labels: sitk.Image
    boxes: Mapping[str, Box]
    outlines: Mapping[str, Outline]
    baseline: Baseline
    midline: Midline
    drawn: frozenset[str] = frozenset()
    maps: Mapping[str, sitk.Image] = field(default_factory=dict)
    agreement: tuple[StationAgreement, ...] = ()


@dataclass(frozen=True)
class PatientState:
    """A patient, as far as is known. A part is ``None`` until its step is done.

    Attributes:
        case: What came in.
        settings: Methods and options.
        scan: The CT on the working grid; ``None`` once organs and stations are known.
        organ_part: The organs.
        station_part: The stations.
        nodes: The nodes, not called yet.
        provenance: Of the steps so far.
    """

    case: Case
    settings: Settings
    scan: Scan | None = None
    organ_part: OrganPart | None = None
    station_part: StationPart | None = None
    nodes: NodeResult | None = None
    provenance: tuple[Provenance, ...] = ()

    def knowing(self, *rows: Provenance, **parts: object) -> PatientState:
        """This state with parts put in place and provenance added."""
        return replace(self, provenance=(*self.provenance, *rows), **parts)  # type: ignore[arg-type]

    @property
    def working_ct(self) -> Scan:
        """The CT on the working grid.

        Raises:
            ValueError: It is not kept any more.
        """
        return _known(self.scan, "CT on the working grid")

    @property
    def organ_set(self) -> OrganSet:
        """The organs on the working grid.

        Raises:
            ValueError: They are not known, or not kept any more.
        """
        return _known(None if self.organ_part is None else self.organ_part.found, "organs on the working grid")

    @property
    def organs(self) -> OrganImages | None:
        """The organs on the CT's grid; ``None`` where they are not known."""
        return None if self.organ_part is None else self.organ_part.images

    @property
    def organ_findings(self) -> tuple[OrganFinding, ...]:
        """What the report says of each organ."""
        return () if self.organ_part is None else self.organ_part.findings

    @property
    def segmented_organs(self) -> tuple[Organ, ...] | None:
        """What a network gave before an edit of organs, on the working grid; ``None`` where it has to run."""
        kept = None if self.organ_part is None else self.organ_part.segmented
        return None if kept is None else kept.unpacked()

    @property
    def segmented_by(self) -> UsedModel | None:
        """The model package whose network gave :attr:`segmented_organs`; ``None`` where it has to run."""
        kept = None if self.organ_part is None else self.organ_part.segmented
        return None if kept is None else kept.model

    @property
    def _stations(self) -> StationPart:
        return _known(self.station_part, "stations")

    @property
    def stations(self) -> sitk.Image:
        """uint8 label map on the CT's grid, values of the station table."""
        return self._stations.labels

    @property
    def boxes(self) -> Mapping[str, Box]:
        """Smallest box of every station that has voxels in the CT's array, by name."""
        return self._stations.boxes

    @property
    def outlines(self) -> Mapping[str, Outline]:
        """Of every station of the table, by name."""
        return self._stations.outlines

    @property
    def baseline(self) -> Baseline:
        """The stations before any edit."""
        return self._stations.baseline

    @property
    def station_maps(self) -> Mapping[str, sitk.Image]:
        """Voxel maps of the method that drew the stations, by kind."""
        return self._stations.maps

    @property
    def agreement(self) -> tuple[StationAgreement, ...]:
        """How other methods that ran agree with that method's outlines."""
        return self._stations.agreement

    @property
    def midline(self) -> Midline:
        """Decides sides."""
        return self._stations.midline

    @property
    def found_nodes(self) -> NodeResult:
        """The nodes.

        Raises:
            ValueError: They are not known yet.
        """
        return _known(self.nodes, "nodes")

    @property
    def informed(self) -> Case:
        """The case with the organs that were found beside those supplied, so that none is taken for a node."""
        if self.organs is None:
            return self.case
        surrogates = frozenset(organ.name for organ in self.organ_findings if organ.source == "surrogate")
        return replace(self.case, organ_masks=self.organs.beside_stations, organ_surrogates=surrogates)

    @property
    def drawn(self) -> tuple[str, ...]:
        """Names of the stations that stay as drawn when the stations are parsed again, in table order."""
        return tuple(name for name in self.edited if name in self._stations.drawn)

    @property
    def edited(self) -> tuple[str, ...]:
        """Names of the stations that a reader changed, in table order."""
        return tuple(name for name, outline in self.outlines.items() if outline.edited)


def patient_with_stations(
    case: Case, settings: Settings, labels: sitk.Image, midline: Midline, nodes: NodeResult | None = None
) -> PatientState:
    """A patient whose stations came from elsewhere: a reader, a cohort.

    Args:
        case: The case.
        settings: For the steps that follow.
        labels: uint8 label map on the CT's grid, values of the station table.
        midline: Decides sides.
        nodes: Where they are known.
    """
    boxes = station_boxes(labels)
    outlines = {row.name: Outline() for row in anatomy.stations()}
    part = StationPart(labels, boxes, outlines, Baseline(labels, boxes, outlines), midline)
    return PatientState(case, settings, station_part=part, nodes=nodes)


def _known(part: Part | None, what: str) -> Part:
    if part is None:
        raise ValueError(f"the {what} of this patient are not known")
    return part
