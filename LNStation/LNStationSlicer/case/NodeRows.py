"""The rows of the node table: the nodes of a station, dismissed ones last. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from LNStationSlicer.exchange.AssessmentTypes import Assessment, Call, NodeFinding
from LNStationSlicer.exchange.ColumnDefinitions import ColumnDefinition, columnDefinition
from LNStationSlicer.exchange.Findings import READER, isFitForStaging, nodesOf

Column = Literal["node", "short_axis", "long_axis", "hu", "suv_max", "probability", "call", "source"]
COLUMNS: tuple[Column, ...] = get_args(Column)
DEFINITIONS: dict[Column, ColumnDefinition] = {
    "node": columnDefinition("nodes", "node_id"),
    "short_axis": columnDefinition("nodes", "short_axis_mm"),
    "long_axis": columnDefinition("nodes", "long_axis_mm"),
    "hu": columnDefinition("nodes", "mean_hu"),
    "suv_max": columnDefinition("nodes", "suv_max_bw_g_per_ml"),
    "probability": columnDefinition("nodes", "probability"),
    "call": columnDefinition("nodes", "call"),
    "source": columnDefinition("nodes", "source"),
}


@dataclass(frozen=True)
class NodeRow:
    """One node as the table shows it; None is "not assessed" and never 0.

    Attributes:
        number: Its number, which it keeps.
        source: Name of the method that found it; ``reader`` where one drew it.
        isConfirmed: False for a candidate of a method that is not fit for staging.
        isDismissed: A reader took it for no node.
        pointMm: Its centroid, LPS.
        score: How sure its finder is, in [0, 1]; None where that says nothing.
        probability: Of metastasis by a network that judges nodes, in [0, 1]; None where none judged it.
        isSignificant: A network that looks for significant nodes found it; None where none looked.
    """

    number: int
    shortAxisMm: float
    longAxisMm: float
    meanHu: float
    suvMax: float | None
    call: Call | None
    source: str
    reason: str
    isConfirmed: bool
    isDismissed: bool
    pointMm: tuple[float, float, float]
    score: float | None = None
    probability: float | None = None
    isSignificant: bool | None = None

    def isScored(self, least: float) -> bool:
        """True unless its finder gave it a lower score."""
        return self.score is None or self.score >= least

    @property
    def isReaders(self) -> bool:
        """True where a reader drew it."""
        return self.source == READER


def nodeRows(assessment: Assessment | None, station: str | None) -> list[NodeRow]:
    """The nodes of a station, largest first, then the dismissed ones.

    Args:
        assessment: The last one; None where there is none yet.
        station: None: the nodes that lie outside all stations.
    """
    if assessment is None:
        return []
    gone = [one for one in assessment.get("dismissed_nodes", []) if one["station"] == station]
    return [*(_row(one, False) for one in nodesOf(assessment, station)), *(_row(one, True) for one in gone)]


def _row(finding: NodeFinding, isDismissed: bool) -> NodeRow:
    x, y, z = finding["centroid_mm"]
    facts = finding.get("candidate")
    return NodeRow(
        number=finding["node_id"],
        shortAxisMm=finding["short_axis_mm"],
        longAxisMm=finding["long_axis_mm"],
        meanHu=finding["mean_hu"],
        suvMax=finding["suv_max"],
        call=finding["call"],
        source=finding["source"],
        reason=finding["reason"],
        isConfirmed=isFitForStaging(finding),
        isDismissed=isDismissed,
        pointMm=(x, y, z),
        score=finding.get("score"),
        probability=finding.get("probability"),
        isSignificant=facts["significant"] if facts is not None else None,
    )
