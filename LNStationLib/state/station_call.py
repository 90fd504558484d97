"""What metastasis assessment returns, and the protocol that every station classifier keeps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.case.case import Case
from LNStationLib.imaging.boxes import Box
from LNStationLib.state.assessment import Call, NodeFinding, Provenance
from LNStationLib.state.attention import StationAttention
from LNStationLib.state.node_result import NodeResult
from LNStationLib.state.settings import Settings
from LNStationLib.support.types import PointMm, Side

_NEAR_SHARE = 0.2
"""Part of a threshold by which one measurement may miss it.

Two readers of a node's shortest axial diameter on CT differ by up to 21 % (1.96 sqrt(2) times the within-subject
coefficient of variation of 7.8 % in 224 nodes, PMID 27569854); an SUVmax that is measured again has a coefficient of
10 to 12 % (QIBA Profile FDG-PET/CT 1.13), so one value is good to 1.96 times that, 20 to 24 %. For a probability
there is no such figure; the same part is a convention.
"""


def nearly(value: float, threshold: float) -> bool:
    """True within the uncertainty of measurement below a threshold, or above it; in the threshold's unit."""
    return value >= (1.0 - _NEAR_SHARE) * threshold


@dataclass(frozen=True)
class StationCall:
    """The call on one station.

    Attributes:
        station: Station name of the table, e.g. ``"4R"``.
        call: ``None`` where nothing could be assessed; ``reason`` says why.
        reason: Why this call, or why none, in one sentence.
        probability: Of metastasis in [0, 1]; ``None`` from a classifier that gives none.
        suv_max: Highest SUV of the station's voxels that PET covers, the tumor mask left out; ``None`` where PET
            covers none.
        positive_sides: For a positive station without a side of its own, the sides of its evidence, right first.
        n_nodes: Number of nodes in it; ``None`` where they were not looked for.
        largest_short_axis_mm: Of its nodes; ``None`` where it has none or they were not looked for.
        attention_in_nodes: Part of a network's attention that lies inside nodes, in [0, 1]; ``None`` without a
            network or without a node.
        attention_node: Number of the node that draws most of it.
        fit_for_staging: False where the call rests on node candidates of a method that is not fit for staging.
        nearly_positive: Negative, but within the uncertainty of measurement below a threshold of the method.
        warnings: Sentences for the reader.
    """

    station: str
    call: Call | None
    reason: str
    probability: float | None = None
    suv_max: float | None = None
    positive_sides: tuple[Side, ...] = ()
    n_nodes: int | None = None
    largest_short_axis_mm: float | None = None
    attention_in_nodes: float | None = None
    attention_node: int | None = None
    fit_for_staging: bool = True
    nearly_positive: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class MetastasisResult:
    """Calls on nodes and stations.

    Attributes:
        nodes: The findings with ``call`` and ``reason`` filled in, same order and numbers.
        stations: Every station that was to be called by name, in table order.
        provenance: What called, with which thresholds.
        warnings: Sentences for the user.
        attention: Where a network looked, by name of the stations that it judged.
    """

    nodes: list[NodeFinding]
    stations: dict[str, StationCall]
    provenance: Provenance
    warnings: list[str] = field(default_factory=list)
    attention: Mapping[str, StationAttention] = field(default_factory=dict)


class StationClassifier(Protocol):
    """Calls nodes and stations positive, negative or not assessed.

    Attributes:
        name: As in settings.
        model_sha256: Of the weights of a learned model; ``None`` without one.
    """

    name: str
    model_sha256: str | None

    def assess(
        self,
        nodes: NodeResult,
        stations: sitk.Image,
        case: Case,
        parsed_stations: set[str],
        settings: Settings,
        side_of: Callable[[PointMm], Side],
        boxes: Mapping[str, Box] | None = None,
        only: Collection[str] | None = None,
    ) -> MetastasisResult:
        """Assess all nodes and stations of one case.

        Args:
            nodes: Measured nodes.
            stations: uint8 label map on the grid of ``case.ct``, values of the station table.
            case: The case.
            parsed_stations: Names of the stations that could be parsed.
            settings: Thresholds.
            side_of: The patient's side of an LPS point in mm.
            boxes: Box of every station that has voxels, by name; found where ``None``.
            only: Names of the stations to call, because nothing of the others changed; all where ``None``.
        """
        ...


class CalledStation(Protocol):
    """What staging needs of a station: a ``StationCall`` and a ``StationFinding`` have it."""

    @property
    def station(self) -> str:
        """Name of the table."""
        ...

    @property
    def call(self) -> Call | None:
        """The call; ``None`` where not assessed."""
        ...

    @property
    def positive_sides(self) -> Sequence[Side]:
        """Sides of the evidence."""
        ...


def positive_station_names(calls: Iterable[CalledStation]) -> list[str]:
    """Names of the positive stations as staging takes them, in the order of the calls.

    A station without a side of its own gets the sides of its evidence ("8R", or "8R" and "8L"), and stays without
    where these are unknown; station 7, which is both sides' own, never has one.
    """
    names: list[str] = []
    for call in calls:
        if call.call != "positive":
            continue
        sided = anatomy.station(call.station).side is None and call.station != "7"
        names += [f"{call.station}{side}" for side in call.positive_sides if sided] or [call.station]
    return names
