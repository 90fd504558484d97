"""A small model package for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from LNStationLib.models.package import (
    Calibration,
    CohortSummary,
    Manifest,
    Metric,
    NetworkEntry,
    OperatingPoint,
    StationClassification,
    WeightsFile,
    write_package,
)
from LNStationLib.sampling.station_region import RegionSpec

REGION = RegionSpec(size=(8, 24, 24), spacing_mm=(6.0, 3.0, 3.0))
NETWORK = {"name": "mobilevitv2_sa_moe", "arguments": {"width": 0.1}}


def section(**changes: Any) -> StationClassification:
    fields: dict[str, Any] = {
        "channels": ["ct", "node_mask"],
        "region": REGION,
        "stations": ["4R", "7"],
        "operating_points": [
            OperatingPoint(name="balanced", threshold=0.4, description="Youden"),
            OperatingPoint(name="sensitive", threshold=0.1, description="80 % sensitivity"),
        ],
        "calibration": Calibration(slope=2.0, intercept=-1.0, fitted_on="validation patients"),
    }
    return StationClassification(**{**fields, **changes})


def manifest(weights: Mapping[str, WeightsFile], **changes: Any) -> Manifest[Any]:
    """A card; changes may be of the envelope or of its section, and ``network`` of the one network."""
    network = changes.pop("network", NETWORK)
    of_section = {key: changes.pop(key) for key in StationClassification.model_fields if key in changes}
    fields: dict[str, Any] = {
        "package_id": "tiny",
        "version": "1",
        "title": "Tiny network for tests",
        "task": "station_classification",
        "networks": [NetworkEntry(role=role, weights=file, **network) for role, file in weights.items()],
        "section": section(**of_section),
        "metrics": [Metric(name="auc", value=0.8, low=0.7, high=0.9, cohort="phantoms", n_patients=10)],
        "cohort": CohortSummary(title="phantoms", n_patients=20, counts={"stations": 100, "metastatic stations": 12}),
        "trained_on": "synthetic",
        "licence": "Apache-2.0",
        "created": "2026-11-21T00:00:00+00:00",
        "lnstation_version": "0.1.0",
    }
    return Manifest[StationClassification](**{**fields, **changes})


def tiny_network() -> Any:
    import torch

    from LNStationLib.networks.registry import build_network

    torch.manual_seed(0)
    return build_network(NETWORK["name"], NETWORK["arguments"])


def write_tiny(path: Path, **changes: Any) -> Manifest[Any]:
    precision = changes.pop("precision", "float32")
    networks = {"classifier": tiny_network()}
    return write_package(path, networks, lambda weights: manifest(weights, **changes), precision)
