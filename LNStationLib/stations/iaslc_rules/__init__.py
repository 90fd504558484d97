"""Stations by the IASLC definitions on reference organs, rule by rule."""

from LNStationLib.stations.iaslc_rules.parser import IaslcRules

__all__ = ["IaslcRules"]
