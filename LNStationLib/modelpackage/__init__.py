"""Trained networks on disk: a manifest and safetensors, and nothing that could be executed."""

from LNStationLib.modelpackage.manifest import (
    Calibration,
    CohortSummary,
    Manifest,
    Metric,
    OperatingPoint,
    WeightsFile,
)
from LNStationLib.modelpackage.reading import ModelPackage, PackageError, read_package
from LNStationLib.modelpackage.writing import write_package

__all__ = [
    "Calibration",
    "CohortSummary",
    "Manifest",
    "Metric",
    "ModelPackage",
    "OperatingPoint",
    "PackageError",
    "WeightsFile",
    "read_package",
    "write_package",
]
