"""What the module reads out of the findings of an assessment."""

from __future__ import annotations

from LNStationSlicer.exchange.AssessmentTypes import Assessment, NodeFinding, StationFinding

READER = "reader"
"""The source of a node that a reader drew."""


def nodesOf(assessment: Assessment | None, station: str | None) -> list[NodeFinding]:
    """The node candidates of a station (None: outside all), largest short axis first."""
    nodes = [node for node in assessment["nodes"] if node["station"] == station] if assessment else []
    return sorted(nodes, key=lambda node: -node["short_axis_mm"])


def nodeToLookAt(assessment: Assessment | None, station: str) -> NodeFinding | None:
    """The node that a network looked at most when it judged a station, which may reach in from a neighbor.

    Else the station's largest; None without nodes.
    """
    if assessment is None:
        return None
    seen = {row["station"]: row.get("attention_node") for row in assessment["stations"]}.get(station)
    chosen = [node for node in assessment["nodes"] if seen is not None and node["node_id"] == seen]
    return next(iter([*chosen, *nodesOf(assessment, station)]), None)


def isFitForStaging(finding: NodeFinding | StationFinding) -> bool:
    """False for an unconfirmed candidate and for a call that rests on such; scenes of older versions do not say."""
    return bool(finding.get("fit_for_staging", True))


def nodesAreFit(assessment: Assessment | None) -> bool:
    """True unless node candidates come from a method that is not fit for staging."""
    return all(isFitForStaging(node) for node in assessment["nodes"]) if assessment else True


def isScored(finding: NodeFinding, least: float) -> bool:
    """False for a candidate that its finder gave a lower score; what has no score, as a reader's node, counts."""
    score = finding.get("score")
    return score is None or score >= least


def hasReadersNodes(assessment: Assessment | None) -> bool:
    """True where a reader drew a node or dismissed one."""
    if assessment is None:
        return False
    return bool(assessment.get("dismissed_nodes")) or any(node["source"] == READER for node in assessment["nodes"])


def nodeSegmentId(nodeId: int) -> str:
    """The segment id of a node candidate."""
    return f"node_{nodeId}"


def nodeIdOf(segmentId: str) -> int:
    """The node candidate of a segment; 0 for a segment that is none."""
    prefix, _separator, number = segmentId.partition("_")
    return int(number) if prefix == "node" and number.isdecimal() else 0
