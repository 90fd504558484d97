"""The N category that follows from positive stations or nodes: pure functions over rule tables.

The rules are data, with edition and source, in ``Resources/Staging``. Station names are those of the station table,
their side variants (``"8R"``, ``"3aL"``, ``"11Rs"``) and stations 12 to 14; upper or lower case does not matter.
Answers spell names as the rule table does (``"3AR"``).
"""

import LNStationLib.staging.words  # noqa: F401
from LNStationLib.staging.answer import NCategoryAnswer
from LNStationLib.staging.esophagus import esophagus_n_category, esophagus_n_lower_bound
from LNStationLib.staging.lung import lung_n_category
from LNStationLib.staging.rules import Rules, canonical_stations, esophagus_rules, lung_rules

__all__ = [
    "NCategoryAnswer",
    "Rules",
    "canonical_stations",
    "esophagus_n_category",
    "esophagus_n_lower_bound",
    "esophagus_rules",
    "lung_n_category",
    "lung_rules",
]
