"""The IASLC definitions, one function a station, in the order in which they claim tissue.

Source: Rusch VW et al., "The IASLC lung cancer staging project: a proposal for a new international lymph node
map", J Thorac Oncol 2009;4:568-577; contouring after Lynch R et al., Pract Radiat Oncol 2013;3:54-66.
"""

from LNStationLib.stations.iaslc_rules.region import Anatomy, Region, Rule
from LNStationLib.stations.iaslc_rules.station_1 import station_1
from LNStationLib.stations.iaslc_rules.stations_2_4 import (
    station_2l,
    station_2r,
    station_3a,
    station_3p,
    station_4l,
    station_4r,
)
from LNStationLib.stations.iaslc_rules.stations_5_6 import station_5, station_6
from LNStationLib.stations.iaslc_rules.stations_7_9 import station_7, station_8, station_9
from LNStationLib.stations.iaslc_rules.stations_10_11 import station_10, station_11

# Where two definitions meet in one voxel the earlier rule keeps it.
RULES: dict[str, Rule] = {
    "3P": station_3p,
    "7": station_7,
    "4R": station_4r,
    "4L": station_4l,
    "2R": station_2r,
    "2L": station_2l,
    "5": station_5,
    "6": station_6,
    "3A": station_3a,
    "8": station_8,
    "10R": lambda anatomy: station_10(anatomy, "R"),
    "10L": lambda anatomy: station_10(anatomy, "L"),
    "11R": lambda anatomy: station_11(anatomy, "R"),
    "11L": lambda anatomy: station_11(anatomy, "L"),
    "9": station_9,
    "1R": lambda anatomy: station_1(anatomy, "R"),
    "1L": lambda anatomy: station_1(anatomy, "L"),
}

__all__ = ["RULES", "Anatomy", "Region", "Rule"]
