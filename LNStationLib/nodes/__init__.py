"""Where the nodes are, how large and how hot."""

from LNStationLib.nodes.find import find_nodes
from LNStationLib.nodes.measurement import measure_nodes
from LNStationLib.state.node_result import Candidates, NodeFinder, NodeResult

__all__ = ["Candidates", "NodeFinder", "NodeResult", "find_nodes", "measure_nodes"]
