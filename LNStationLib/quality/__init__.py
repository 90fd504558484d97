"""The quality check: are organs and stations anatomically plausible?"""

from LNStationLib.quality.organ_checks import check_organs
from LNStationLib.quality.station_checks import check_outline, check_stations

__all__ = ["check_organs", "check_outline", "check_stations"]
