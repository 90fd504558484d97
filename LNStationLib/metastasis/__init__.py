"""Whether nodes and stations are metastatic."""

from LNStationLib.metastasis.clinical_criteria import ClinicalCriteria, assess
from LNStationLib.metastasis.station_call import (
    MetastasisResult,
    StationCall,
    StationClassifier,
    positive_station_names,
)

__all__ = [
    "ClinicalCriteria",
    "MetastasisResult",
    "StationCall",
    "StationClassifier",
    "assess",
    "positive_station_names",
]
