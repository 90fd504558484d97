"""Trained networks on disk: a manifest and safetensors, and nothing that could be executed."""

from LNStationLib.models.package.conformal import ConformalSets, GroupLimit
from LNStationLib.models.package.container import PackageError
from LNStationLib.models.package.folders import find_package, list_packages
from LNStationLib.models.package.manifest import Manifest
from LNStationLib.models.package.n_staging import NStagingSection
from LNStationLib.models.package.node_candidates import NodeCandidates
from LNStationLib.models.package.node_classification import NodeClassification
from LNStationLib.models.package.node_detection import NodeDetection
from LNStationLib.models.package.organ_segmentation import OrganSegmentation
from LNStationLib.models.package.parts import CardRow, CohortSummary, Metric, NetworkEntry, WeightsFile
from LNStationLib.models.package.probability import Calibration, OperatingPoint, ProbabilitySection
from LNStationLib.models.package.reading import ModelPackage, read_manifest, read_package, section_of
from LNStationLib.models.package.sections import NetworkInput, OneInputSection, TaskSection, register_section
from LNStationLib.models.package.station_classification import StationClassification
from LNStationLib.models.package.station_patches import StationPatches
from LNStationLib.models.package.station_segmentation import StationSegmentation
from LNStationLib.models.package.writing import upgrade_package, write_package

for _section in (
    StationClassification,
    NodeClassification,
    NodeDetection,
    NodeCandidates,
    OrganSegmentation,
    StationSegmentation,
    StationPatches,
    NStagingSection,
):
    register_section(_section)

__all__ = [
    "Calibration",
    "CardRow",
    "CohortSummary",
    "ConformalSets",
    "GroupLimit",
    "Manifest",
    "Metric",
    "ModelPackage",
    "NStagingSection",
    "NetworkEntry",
    "NetworkInput",
    "NodeCandidates",
    "NodeClassification",
    "NodeDetection",
    "OneInputSection",
    "OperatingPoint",
    "OrganSegmentation",
    "PackageError",
    "ProbabilitySection",
    "StationClassification",
    "StationPatches",
    "StationSegmentation",
    "TaskSection",
    "WeightsFile",
    "find_package",
    "list_packages",
    "read_manifest",
    "read_package",
    "register_section",
    "section_of",
    "upgrade_package",
    "write_package",
]
