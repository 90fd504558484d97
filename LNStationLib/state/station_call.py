"""Calls on nodes and stations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from LNStationLib.state.assessment import Call, PredictionSet, Provenance
from LNStationLib.state.evidence import StationEvidence
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import Side


@dataclass(frozen=True)
class StationCall:
    """The call on one station.

    Attributes:
        station: Station name of the table, e.g. ``"4R"``.
        call: ``None`` where nothing could be assessed; ``reason`` says why.
        reason: Why this call, or why none.
        probability: Of metastasis in [0, 1]; ``None`` from a method that gives none.
        suv_max: Highest SUV of the station's voxels that PET covers, the tumor mask left out; ``None`` where PET
            covers none.
        positive_sides: For a positive station without a side of its own, the sides of its evidence, right first.
        n_nodes: Number of nodes in it; ``None`` where they were not looked for.
        largest_short_axis_mm: Of its nodes; ``None`` where it has none or they were not looked for.
        attention_in_nodes: Part of the attention map that lies inside nodes, in [0, 1]; ``None`` without a map or
            without a node.
        attention_node: Number of the node that draws most of it.
        fit_for_staging: False where the call rests on node candidates of a method that is not fit for staging.
        nearly_positive: Negative, but within the uncertainty of measurement below a threshold of the method.
        prediction_set: What a model's probability leaves open; ``None`` from a method that gives no such set.
        warnings: For the reader, as data.
    """

    station: str
    call: Call | None
    reason: Reason
    probability: float | None = None
    suv_max: float | None = None
    positive_sides: tuple[Side, ...] = ()
    n_nodes: int | None = None
    largest_short_axis_mm: float | None = None
    attention_in_nodes: float | None = None
    attention_node: int | None = None
    fit_for_staging: bool = True
    nearly_positive: bool = False
    prediction_set: PredictionSet | None = None
    warnings: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class NodeCall:
    """The call on one node; ``None`` where it is not called.

    Attributes:
        call: Of the method.
        reason: Why this call, or why none.
        probability: Of metastasis in [0, 1]; ``None`` from a method that gives none.
    """

    call: Call | None
    reason: Reason
    probability: float | None = None


@dataclass(frozen=True)
class MetastasisResult:
    """Calls on nodes and stations.

    Attributes:
        nodes: Every node by its number.
        stations: Every station that was to be called by name, in table order.
        provenance: What called, with which thresholds.
        warnings: Of all calls together, as data.
        evidence: Where a network looked, by name of the stations that it judged.
    """

    nodes: dict[int, NodeCall]
    stations: dict[str, StationCall]
    provenance: Provenance
    warnings: list[Reason] = field(default_factory=list)
    evidence: Mapping[str, StationEvidence] = field(default_factory=dict)
