"""Methods that derive the N category; the automatic choice follows the cancer."""

from __future__ import annotations

from LNStationLib.staging.esophagus_method import EsophagusStaging
from LNStationLib.staging.lung_method import LungStaging
from LNStationLib.staging.method import StagingMethod
from LNStationLib.staging.network_method import NetworkStaging
from LNStationLib.state.registry import Registry

METHODS: Registry[StagingMethod] = Registry("staging", [LungStaging(), EsophagusStaging(), NetworkStaging()])
