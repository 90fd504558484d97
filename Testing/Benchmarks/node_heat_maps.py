"""How well heat maps of a package tell what its network judges nodes by.

    python -m Testing.Benchmarks.node_heat_maps PREPARED --package FILE --nodes 40

PREPARED is a folder of ``train prepare --task node_classification`` with patients that the package has not seen. Of
the nodes that the network holds most suspicious it prints how much of the heat lies in a ball of the node's short
axis, how often the highest value does, and by how much the logit falls where the hottest tenth of the zoomed patch
becomes fat: the more it falls, the more the map has found what counts (Samek et al. 2017,
doi:10.1109/TNNLS.2016.2599820).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from torch.nn.functional import interpolate

from lnstation_training.tasks.node_classification.dataset import NodeDataset
from lnstation_training.tasks.node_classification.samples import read_node_geometry, read_samples
from LNStationLib.metastasis.node_classifier import NodeClassifier
from LNStationLib.models.package import read_package
from LNStationLib.models.runtime.heat_map import HeatMap
from Testing.Benchmarks.node_baselines import ZOOMED, node_radius, radii

FAT = -1.0
"""In a patch whose window begins at fat."""
HOTTEST = 0.1
BATCH = 8


@dataclass(frozen=True)
class Nodes:
    """Patches ``[N, channel, z, y, x]``, their logits, and balls ``[N, z, y, x]`` of their short axes."""

    patches: np.ndarray
    logits: np.ndarray
    balls: np.ndarray


def logits_of(network: torch.nn.Module, patches: np.ndarray) -> np.ndarray:
    """One number for each patch."""
    with torch.inference_mode():
        found = [
            network(torch.from_numpy(part)).logits for part in np.array_split(patches, -(-len(patches) // BATCH))
        ]
    return torch.cat(found).numpy()


def most_suspicious(folder: Path, network: torch.nn.Module, count: int) -> Nodes:
    """Nodes with the highest logits."""
    samples = [each for each in read_samples(folder) if each.label is not None]
    dataset = NodeDataset(folder, samples)
    patches = np.stack([dataset[number]["patch"].numpy() for number in range(len(samples))])
    logits = logits_of(network, patches)
    first = np.argsort(-logits)[:count]
    margin, distance = read_node_geometry(folder).margin_mm, radii(patches.shape[2:])
    balls = np.stack([distance <= node_radius(samples[number].short_axis_mm, margin) for number in first])
    return Nodes(patches[first], logits[first], balls)


def on_patch(maps: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Maps on the voxels of a patch."""
    return interpolate(torch.from_numpy(maps)[:, None], size=shape, mode="trilinear")[:, 0].numpy()


def fall(network: torch.nn.Module, nodes: Nodes, maps: np.ndarray) -> float:
    """Mean fall of the logit without the hottest tenth."""
    without = nodes.patches.copy()
    for patch, heat in zip(without, maps, strict=True):
        patch[ZOOMED][heat >= np.quantile(heat, 1 - HOTTEST)] = FAT
    return float((nodes.logits - logits_of(network, without)).mean())


def line(name: str, network: torch.nn.Module, nodes: Nodes, maps: np.ndarray, seconds: float) -> str:
    """A row of the table."""
    shares = (maps * nodes.balls).sum(axis=(1, 2, 3)) / np.maximum(maps.sum(axis=(1, 2, 3)), 1e-12)
    peaks = [inside.flat[heat.argmax()] for inside, heat in zip(nodes.balls, maps, strict=True)]
    return (
        f"| {name} | {100 * shares.mean():.0f} | {100 * np.mean(peaks):.0f} | {fall(network, nodes, maps):.1f} "
        f"| {1000 * seconds / len(maps):.0f} |"
    )


def measure(folder: Path, path: Path, count: int) -> list[str]:
    """Lines of a table in Markdown."""
    package = read_package(path)
    network, classifier = package.network().eval(), NodeClassifier(package, "cpu")
    nodes = most_suspicious(folder, network, count)
    shape = nodes.balls.shape[1:]
    lines = [
        f"{len(nodes.logits)} nodes; their balls fill {100 * nodes.balls.mean():.0f} % of the patch",
        "| map | in the ball, % | peak in the ball, % | fall of the logit | processor ms a node |",
        "| --- | --- | --- | --- | --- |",
    ]
    for by in get_args(HeatMap):
        start = time.process_time()
        maps = classifier.heat_maker(by).of(nodes.patches)
        seconds = time.process_time() - start
        lines.append(line(by, network, nodes, on_patch(maps, shape), seconds))
    chance = np.random.default_rng(0).random(nodes.balls.shape).astype(np.float32)
    lines.append(line("chance", network, nodes, chance, 0.0))
    lines.append(line("the ball itself", network, nodes, nodes.balls + 0.01 * chance, 0.0))
    return lines


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--nodes", type=int, default=40)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("\n".join(measure(given.prepared, given.package, given.nodes)))


if __name__ == "__main__":
    main()
