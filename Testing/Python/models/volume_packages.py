"""Small packages of networks of volumes for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from LNStationLib.models.package import (
    CohortSummary,
    Manifest,
    NetworkEntry,
    NodeDetection,
    OrganSegmentation,
    TaskSection,
    WeightsFile,
    write_package,
)

ARGUMENTS = {"filters": [4, 8, 8], "strides": [1, 2, 2]}
SPEC = {"spacing_mm": [4.0, 4.0, 4.0], "patch": [16, 16, 32], "channels": ["ct_wide", "ct_soft"]}
CLASSES = ["background", "lung_left", "heart", "lobar_bronchi"]
LOBAR = {"lobar_bronchi": ["upper_lobe_bronchus_left", "lower_lobe_bronchus_left"]}


def organ_section(**changes: Any) -> OrganSegmentation:
    """One network for all unless changed."""
    fields: dict[str, Any] = {"volumes": {"all": SPEC}, "classes": {"all": CLASSES}, "joint_classes": LOBAR}
    return OrganSegmentation(**{**fields, **changes})


def stratified_section() -> OrganSegmentation:
    """An anchor network, and one that sees the anchor's heart."""
    return OrganSegmentation(
        volumes={
            "anchor": SPEC,
            "non_anchor": {**SPEC, "spacing_mm": [3.0] * 3, "channels": ["ct_soft", "organ:heart"]},
        },
        classes={"anchor": ["background", "lung_left", "heart"], "non_anchor": ["background", "esophagus"]},
    )


def node_section(**changes: Any) -> NodeDetection:
    """A network that finds nodes with organs and stations as context, unless changed."""
    channels = [*SPEC["channels"], "group:blood", "group:airways", "group:esophagus", "stations"]
    fields: dict[str, Any] = {
        "volumes": {"nodes": {**SPEC, "channels": channels}},
        "classes": {"nodes": ["background", "node", "look_alike"]},
        "froc": [
            {"threshold": 0.8, "false_positives": 1.0, "recall": 0.5},
            {"threshold": 0.4, "false_positives": 4.0, "recall": 0.8},
            {"threshold": 0.3, "false_positives": 8.0, "recall": 0.9},
        ],
    }
    return NodeDetection(**{**fields, **changes})


def entry(role: str, n_classes: int, weights: WeightsFile) -> NetworkEntry:
    return NetworkEntry(role=role, name="dynunet", arguments={**ARGUMENTS, "n_classes": n_classes}, weights=weights)


def volume_manifest(section: Any, weights: Mapping[str, WeightsFile], **changes: Any) -> Manifest[Any]:
    kind: type[TaskSection] = type(section)
    fields: dict[str, Any] = {
        "package_id": "tiny-organs",
        "version": "1",
        "title": "Tiny organs for tests",
        "task": section.task,
        "networks": [entry(role, len(section.classes[role]), file) for role, file in weights.items()],
        "section": section,
        "cohort": CohortSummary(title="phantoms", n_patients=2),
        "trained_on": "synthetic",
        "licence": "Apache-2.0",
        "created": "2026-11-26T00:00:00+00:00",
        "lnstation_version": "0.1.0",
    }
    return Manifest[kind](**{**fields, **changes})  # type: ignore[valid-type]


def write_volumes(path: Path, section: Any | None = None) -> Path:
    """Networks of random weights."""
    import torch

    from LNStationLib.networks.registry import build_network

    section = section or organ_section()
    torch.manual_seed(0)
    networks = {
        role: build_network("dynunet", {**ARGUMENTS, "n_classes": len(names)}, section.network_input(role).channels)
        for role, names in section.classes.items()
    }
    write_package(path, networks, lambda weights: volume_manifest(section, weights))
    return path
