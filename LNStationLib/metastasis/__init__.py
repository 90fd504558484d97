"""Whether nodes and stations are metastatic."""

from LNStationLib.metastasis.attention import StationAttention, attention_volume
from LNStationLib.metastasis.clinical_criteria import ClinicalCriteria
from LNStationLib.metastasis.registry import station_classifier
from LNStationLib.metastasis.station_call import (
    MetastasisResult,
    StationCall,
    StationClassifier,
    positive_station_names,
)

__all__ = [
    "ClinicalCriteria",
    "MetastasisResult",
    "StationAttention",
    "StationCall",
    "StationClassifier",
    "attention_volume",
    "positive_station_names",
    "station_classifier",
]
