"""Whether nodes and stations are metastatic."""

from LNStationLib.metastasis.clinical_criteria import ClinicalCriteria
from LNStationLib.metastasis.registry import station_classifier
from LNStationLib.state.attention import StationAttention, attention_volume
from LNStationLib.state.station_call import (
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
