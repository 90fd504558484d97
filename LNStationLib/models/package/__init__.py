"""Trained networks on disk: a manifest and safetensors, and nothing that could be executed."""

from LNStationLib.models.package.folders import find_package, list_packages
from LNStationLib.models.package.manifest import (
    Calibration,
    CohortSummary,
    Manifest,
    Metric,
    OperatingPoint,
    WeightsFile,
)
from LNStationLib.models.package.reading import ModelPackage, PackageError, read_manifest, read_package
from LNStationLib.models.package.writing import write_package

__all__ = [
    "Calibration",
    "CohortSummary",
    "Manifest",
    "Metric",
    "ModelPackage",
    "OperatingPoint",
    "PackageError",
    "WeightsFile",
    "find_package",
    "list_packages",
    "read_manifest",
    "read_package",
    "write_package",
]
