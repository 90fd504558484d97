"""A small patient of stations and nodes for networks, in any orientation, and a small package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from models.packages import manifest
from states import Called, called, with_stations

from LNStationLib import anatomy
from LNStationLib.case.case import Case
from LNStationLib.models.package import write_package
from LNStationLib.sampling.station_region import RegionSpec
from LNStationLib.state.settings import Settings

REGION = RegionSpec(size=(8, 32, 32), spacing_mm=(6.0, 2.0, 2.0))
STATIONS = ("4R", "4L", "7", "8")
# LPS centers (x, y, z) in mm and radii: +x is the patient's left.
STATION_BALLS = {"4R": (-24, 0, 20, 13), "4L": (24, 0, 20, 13), "7": (0, 8, -12, 14), "8": (3, 14, -44, 12)}
NODE_BALLS = {1: (-24, -4, 22, 5), 2: (-20, 6, 14, 3), 3: (4, 10, -12, 6), 4: (60, 60, 0, 5)}
EXTENT_MM = (150.0, 130.0, 150.0)
STRAIGHT = (1, 0, 0, 0, 1, 0, 0, 0, 1)
Direction = Sequence[float]


def lively_network(name: str = "mobilevitv2_sa_moe", **arguments: Any) -> Any:
    """A tiny network of random weights whose answers and attention depend on what it sees.

    Freshly made, its batch normalization lets signals fade and its attention is all but even.
    """
    import torch

    from LNStationLib.networks.classification.separable_attention import SeparableSelfAttention
    from LNStationLib.networks.registry import build_network

    torch.manual_seed(0)
    network = build_network(name, {"width": 0.1, **arguments}).train()
    layers = list(network.modules())
    for layer in layers:
        if isinstance(layer, torch.nn.BatchNorm3d):
            layer.momentum = None
    blobs = torch.randn(6, 2, 2, 6, 6)[:, : arguments.get("in_channels", 2)]
    with torch.no_grad():
        network(torch.nn.functional.interpolate(blobs, size=REGION.size, mode="trilinear"))
        for layer in layers:
            if isinstance(layer, SeparableSelfAttention):
                layer.project_in.weight[0] *= 3
    return network.eval()


def write_stations_package(path: Path, **changes: Any) -> Path:
    """A package of random weights for the stations of this patient."""
    fields: dict[str, Any] = {"region": REGION, "stations": list(STATIONS), **changes}
    choice = fields.get("network", {"name": "mobilevitv2_sa_moe", "arguments": {}})
    network = lively_network(choice["name"], **choice["arguments"])
    write_package(path, {"classifier": network}, lambda weights: manifest(weights, **fields), "float32")
    return path


def empty_image(direction: Direction = STRAIGHT, spacing: Sequence[float] = (1.6, 1.6, 3.1)) -> sitk.Image:
    axes = np.array(direction, float).reshape(3, 3)
    size = [round(mm / step) for mm, step in zip(np.abs(axes).T @ np.array(EXTENT_MM), spacing, strict=True)]
    image = sitk.Image(size, sitk.sitkUInt8)
    image.SetSpacing([float(step) for step in spacing])
    image.SetDirection([float(value) for value in direction])
    middle = axes @ ((np.array(size) - 1) / 2 * np.array(spacing))
    image.SetOrigin([float(value) for value in -middle])
    return image


def positions(image: sitk.Image) -> np.ndarray:
    """LPS points ``[k, j, i, 3]`` of the voxels."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in image.GetSize()), indexing="ij"), -1).transpose(2, 1, 0, 3)
    steps = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    return index @ steps.T + np.array(image.GetOrigin())


def wrapped(array: np.ndarray, image: sitk.Image) -> sitk.Image:
    out = sitk.GetImageFromArray(array)
    out.CopyInformation(image)
    return out


class Scene:
    """CT, station map and nodes, drawn from balls whose x may be mirrored."""

    def __init__(
        self, direction: Direction = STRAIGHT, spacing: Sequence[float] = (1.6, 1.6, 3.1), mirrored: bool = False
    ) -> None:
        image = empty_image(direction, spacing)
        points = positions(image) * ([-1, 1, 1] if mirrored else [1, 1, 1])
        stations, nodes = (np.zeros(points.shape[:3], kind) for kind in (np.uint8, np.uint16))
        hu = -80 + 25 * np.sin(points @ [0.11, 0.07, 0.05])
        for name, (*center, radius) in STATION_BALLS.items():
            swapped = {"4R": "4L", "4L": "4R"}.get(name, name) if mirrored else name
            inside = np.linalg.norm(points - center, axis=-1) <= radius
            stations[inside] = anatomy.station(swapped).label_value
        for number, (*center, radius) in NODE_BALLS.items():
            inside = np.linalg.norm(points - center, axis=-1) <= radius
            nodes[inside], hu[inside] = number, 60
        self.ct = wrapped(hu.astype(np.int16), image)
        self.stations = wrapped(stations, image)
        self.case = Case("scene", self.ct, nodes=wrapped(nodes, image))

    def assessed(self, package: Path, **changes: object) -> Called:
        settings = Settings(
            metastasis="sa_moe",
            model=str(package),
            device="cpu",
            nodes="supplied",
            **changes,  # type: ignore[arg-type]
        )
        return called(with_stations(self.case, self.stations, settings))
