"""A small model package for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from LNStationLib.models.package import (
    Calibration,
    CohortSummary,
    Manifest,
    Metric,
    OperatingPoint,
    WeightsFile,
    write_package,
)
from LNStationLib.sampling.station_region import RegionSpec

REGION = RegionSpec(size=(8, 24, 24), spacing_mm=(6.0, 3.0, 3.0))


def manifest(weights: WeightsFile, **changes: Any) -> Manifest:
    fields: dict[str, Any] = {
        "package_id": "tiny",
        "version": "1",
        "title": "Tiny network for tests",
        "task": "station_metastasis",
        "network": {"name": "mobilevitv2_sa_moe", "arguments": {"width": 0.1}},
        "inputs": ["ct", "node_mask"],
        "region": REGION,
        "stations": ["4R", "7"],
        "operating_points": [
            OperatingPoint(name="balanced", threshold=0.4, description="Youden"),
            OperatingPoint(name="sensitive", threshold=0.1, description="80 % sensitivity"),
        ],
        "calibration": Calibration(slope=2.0, intercept=-1.0, fitted_on="validation patients"),
        "metrics": [Metric(name="auc", value=0.8, low=0.7, high=0.9, cohort="phantoms", n_patients=10)],
        "cohort": CohortSummary(title="phantoms", n_patients=20, n_stations=100, n_positive=12),
        "trained_on": "synthetic",
        "licence": "Apache-2.0",
        "created": "2026-11-21T00:00:00+00:00",
        "lnstation_version": "0.1.0",
        "weights": weights,
    }
    return Manifest(**{**fields, **changes})


def tiny_network() -> Any:
    import torch

    from LNStationLib.networks.registry import build_network

    torch.manual_seed(0)
    return build_network("mobilevitv2_sa_moe", {"width": 0.1})


def write_tiny(path: Path, **changes: Any) -> Manifest:
    precision = changes.pop("precision", "float32")
    return write_package(path, tiny_network(), lambda weights: manifest(weights, **changes), precision)
