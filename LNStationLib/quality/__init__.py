"""The quality check: are organs and stations anatomically plausible?"""

import LNStationLib.quality.words  # noqa: F401
from LNStationLib.quality.organ_checks import check_organs
from LNStationLib.quality.pet_alignment import check_alignment
from LNStationLib.quality.station_checks import check_outline, check_stations

__all__ = ["check_alignment", "check_organs", "check_outline", "check_stations"]
