"""Methods that parse stations; the automatic choice takes the first."""

from __future__ import annotations

from LNStationLib.state.registry import Registry
from LNStationLib.stations.atlas_registration.method import AtlasRegistration
from LNStationLib.stations.iaslc_rules import IaslcRules
from LNStationLib.stations.method import StationMethod
from LNStationLib.stations.network import StationSegmentationMethod

METHODS: Registry[StationMethod] = Registry(
    "stations", [IaslcRules(), StationSegmentationMethod(), AtlasRegistration()]
)
