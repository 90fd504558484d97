"""Methods that find nodes; the automatic choice takes the first whose inputs the case has."""

from __future__ import annotations

from LNStationLib.nodes.ct_blobs import CtBlobs
from LNStationLib.nodes.method import NodeMethod
from LNStationLib.nodes.network import NodeNetwork
from LNStationLib.nodes.none import NoNodes
from LNStationLib.nodes.pet_threshold import PetThresholdNodes
from LNStationLib.nodes.supplied import SuppliedNodes
from LNStationLib.state.registry import Registry

METHODS: Registry[NodeMethod] = Registry(
    "nodes", [SuppliedNodes(), PetThresholdNodes(), NodeNetwork(), CtBlobs(), NoNodes()]
)
