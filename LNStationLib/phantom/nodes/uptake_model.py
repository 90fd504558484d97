"""What PET is expected to show of nodes and stations, where no image is made: recovery, background, tumor.

SUVmax of a node is modeled as ``background + (uptake - background) * recovery``, times a noise factor. Recovery is
that of the middle of a uniform sphere of the node's volume, blurred by a Gaussian of the scanner's resolution:
``erf(R / (sqrt(2) s)) - sqrt(2 / pi) (R / s) exp(-R^2 / (2 s^2))`` (Kessler et al., J Comput Assist Tomogr 1984).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from LNStationLib.phantom.nodes.node import NodeTruth
from LNStationLib.phantom.nodes.tumor import Tumor
from LNStationLib.phantom.preset import ImagingTable, Preset

RESOLUTION_MM = 8.0
"""Full width at half maximum of scanner, breathing and voxels together; fitted to nodes measured in rendered PET."""
BACKGROUND_SUV = 0.8
"""Fitted likewise."""
NOISE = 0.06
"""Relative noise of a maximum."""


def recovery(radius_mm: float, resolution_mm: float = RESOLUTION_MM) -> float:
    """Part of a sphere's uptake over background that its brightest point keeps, in [0, 1]."""
    ratio = radius_mm / (resolution_mm / 2.3548)
    return math.erf(ratio / math.sqrt(2)) - math.sqrt(2 / math.pi) * ratio * math.exp(-(ratio**2) / 2)


def expected_suv_max(volume_mm3: float, suv: float, noise: float = 0.0) -> float:
    """SUVmax that a node is expected to show; ``noise`` is in standard deviations."""
    radius = (3 * volume_mm3 / (4 * math.pi)) ** (1 / 3)
    blurred = BACKGROUND_SUV + (suv - BACKGROUND_SUV) * recovery(radius)
    return max(blurred * (1 + NOISE * noise), 0.1)


def with_uptake(nodes: Sequence[NodeTruth], has_pet: bool, rng: np.random.Generator) -> list[NodeTruth]:
    """Fill in the expected SUVmax of nodes; ``None`` without PET, with the same draws."""
    noise = rng.standard_normal(len(nodes))
    return [
        replace(node, suv_max=expected_suv_max(node.volume_mm3, node.suv, float(n)) if has_pet else None)
        for node, n in zip(nodes, noise, strict=True)
    ]


def with_calls(nodes: Sequence[NodeTruth], table: ImagingTable) -> list[NodeTruth]:
    """Fill in a reader's call by the clinical criteria: short axis of 10 mm or more, or SUVmax above 4.

    A node that is not visible is not called: ``None``.
    """
    return [replace(node, call=_call(node, table)) for node in nodes]


def _call(node: NodeTruth, table: ImagingTable) -> bool | None:
    if not node.visible:
        return None
    hot = node.suv_max is not None and node.suv_max > table.suv_max
    return node.short_axis_mm >= table.short_axis_mm or hot


def station_suv_max(
    preset: Preset, tumor: Tumor, nodes: Sequence[NodeTruth], rng: np.random.Generator
) -> dict[str, float]:
    """Expected SUVmax of every station with the tumor left in, as Engelson et al. 2026, Sec. 4.2, measure it.

    The highest of its nodes, of its other tissue, and, where the tumor reaches into it, of the tumor.
    """
    overlap = preset.imaging.tumor_overlap.get(tumor.site, {})
    result = {}
    for station, background in preset.imaging.background_suv.items():
        values = [node.suv_max for node in nodes if node.station == station and node.suv_max is not None]
        values.append(background.draw(rng))
        reaches, share = rng.random(), rng.uniform(0.4, 1.0)
        if reaches < overlap.get(station, 0.0):
            values.append(tumor.suv * share)
        result[station] = max(values)
    return result
