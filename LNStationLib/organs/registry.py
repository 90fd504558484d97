"""Methods that find organs; the automatic choice takes the first."""

from __future__ import annotations

from LNStationLib.organs.method import OrganMethod
from LNStationLib.organs.network import NetworkMethod
from LNStationLib.organs.supplied_and_image import SuppliedAndImage
from LNStationLib.organs.totalsegmentator import TotalSegmentator
from LNStationLib.state.registry import Registry

METHODS: Registry[OrganMethod] = Registry("organs", [NetworkMethod(), SuppliedAndImage(), TotalSegmentator()])
