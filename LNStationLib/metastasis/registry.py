"""Methods that judge metastasis; the automatic choice takes the first."""

from __future__ import annotations

from LNStationLib.metastasis.clinical_criteria import ClinicalCriteria
from LNStationLib.metastasis.method import MetastasisMethod
from LNStationLib.metastasis.network_method import StationNetworkMethod
from LNStationLib.metastasis.node_network import NodeNetworkMethod
from LNStationLib.metastasis.patch_network import PatchNetworkMethod
from LNStationLib.state.registry import Registry

METHODS: Registry[MetastasisMethod] = Registry(
    "metastasis", [ClinicalCriteria(), StationNetworkMethod(), NodeNetworkMethod(), PatchNetworkMethod()]
)
