"""Segmentations held to the truth: overlap, distances of surfaces in mm, nodes in their zone, intervals by patient.

Dice, Hausdorff distance and average surface distance as DeepStationing reports them (Guo et al. 2021, Sec. 3); the
definitions are those of Maier-Hein and Reinke et al. 2024 (doi:10.1038/s41592-023-02151-z), computed by MONAI. What
is not defined is ``None`` and never becomes 0: a structure that the truth lacks has no Dice, one that was missed has
a Dice of 0 and no distance.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from LNStationLib import anatomy
from LNStationLib.imaging.boxes import bounding_box
from LNStationLib.support.types import BoolArray, LabelArray

ZONE_GROUP = "deepstationing_zone"
"""Grouping of the station table: supraclavicular, superior, aortic, inferior (Guo et al. 2021, Sec. 3)."""
_ROBUST_PERCENTILE = 95.0
SpacingMm = tuple[float, float, float]


class StructureScore(BaseModel):
    """One structure of one patient.

    Attributes:
        dice: In [0, 1]; 0 where it was missed, ``None`` where the truth has none.
        hd_mm: Hausdorff distance between the centers of surface voxels; ``None`` unless both have the structure.
        hd95_mm: The larger of both directions' 95th percentile.
        asd_mm: Average distance over the surface voxels of both, each to the other surface.
        true_ml: Volume of the truth.
        found_ml: Volume found; more than 0 without any truth is a false find.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dice: float | None
    hd_mm: float | None
    hd95_mm: float | None
    asd_mm: float | None
    true_ml: float
    found_ml: float


MEASURES = ("dice", "hd_mm", "hd95_mm", "asd_mm")
"""Of a structure's score, those that have a mean."""


@dataclass(frozen=True)
class MeanEstimate:
    """A mean over patients with its 95 % interval; ``None`` where it is not defined.

    Attributes:
        value: Mean of the patients' values.
        sd: Standard deviation between patients; ``None`` of fewer than two.
        low: Lower end of the interval.
        high: Upper end.
        n_patients: Patients with a value.
    """

    value: float | None
    sd: float | None
    low: float | None
    high: float | None
    n_patients: int


@dataclass(frozen=True)
class ZoneCount:
    """Nodes of one patient and how many of them lie in the right zone."""

    right: int
    nodes: int


def structure_score(found: BoolArray, truth: BoolArray, spacing_mm: SpacingMm) -> StructureScore:
    """Hold one mask to the truth.

    Args:
        found: ``[z, y, x]``.
        truth: On the same grid.
        spacing_mm: Voxel size along z, y, x.

    Raises:
        ValueError: The masks differ in shape.
    """
    if found.shape != truth.shape:
        raise ValueError(f"the masks differ in shape: {found.shape} and {truth.shape}")
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    n_found, n_true = int(np.count_nonzero(found)), int(np.count_nonzero(truth))
    dice = 2 * int(np.count_nonzero(found & truth)) / (n_found + n_true) if n_true else None
    hd, hd95, asd = _distances_mm(found, truth, spacing_mm) if n_found and n_true else (None, None, None)
    return StructureScore(
        dice=dice, hd_mm=hd, hd95_mm=hd95, asd_mm=asd, true_ml=n_true * voxel_ml, found_ml=n_found * voxel_ml
    )


def _distances_mm(found: BoolArray, truth: BoolArray, spacing_mm: SpacingMm) -> tuple[float, float, float]:
    """Hausdorff distance, its robust form and the average, of two masks that are not empty, from one pass."""
    import torch
    from monai.metrics.utils import get_edge_surface_distance

    # Distances between surfaces need nothing of the grid around them.
    box = bounding_box(found | truth)
    pair = [torch.from_numpy(np.ascontiguousarray(mask[box])) for mask in (found, truth)]
    with warnings.catch_warnings():
        # MONAI warns of an argument of its own that it is about to drop.
        warnings.filterwarnings("ignore", message=".*always_return_as_numpy.*")
        _, distances, _ = get_edge_surface_distance(
            pair[0], pair[1], spacing=list(spacing_mm), symmetric=True, warn_empty=False
        )
    there, back = (each.double() for each in distances)
    robust = [float(torch.quantile(each, _ROBUST_PERCENTILE / 100)) for each in (there, back)]
    both = torch.cat([there, back])
    return float(both.max()), max(robust), float(both.mean())


def label_scores(
    found: LabelArray, truth: LabelArray, values: Mapping[str, int], spacing_mm: SpacingMm
) -> dict[str, StructureScore]:
    """Hold a label map to the truth, structure by structure.

    Args:
        found: uint8 ``[z, y, x]``.
        truth: On the same grid.
        values: Value of every structure in both maps, by name.
        spacing_mm: Voxel size along z, y, x.

    Raises:
        ValueError: The maps differ in shape.
    """
    return {name: structure_score(found == value, truth == value, spacing_mm) for name, value in values.items()}


def mean_score(scores: Iterable[StructureScore], measure: str) -> float | None:
    """Mean of a measure over structures that have it; ``None`` where none has."""
    known = [value for score in scores if (value := getattr(score, measure)) is not None]
    return float(np.mean(known)) if known else None


def mean_estimate(values: Sequence[float | None], n_resamples: int = 1000, seed: int = 0) -> MeanEstimate:
    """Mean over patients with a percentile bootstrap interval.

    Args:
        values: One a patient; patients without one are left out.
        n_resamples: Of patients; 0 for no interval.
        seed: Of the resampling.

    Returns:
        The estimate; fewer than two patients have no interval, since no resample would vary them.
    """
    known = np.array([value for value in values if value is not None], dtype=float)
    if known.size == 0:
        return MeanEstimate(None, None, None, None, 0)
    value, sd = float(known.mean()), float(known.std(ddof=1)) if known.size > 1 else None
    if known.size == 1 or n_resamples < 1:
        return MeanEstimate(value, sd, None, None, int(known.size))
    low, high = np.percentile(known[_drawn(int(known.size), n_resamples, seed)].mean(axis=1), [2.5, 97.5])
    return MeanEstimate(value, sd, float(low), float(high), int(known.size))


def _drawn(n_patients: int, n_resamples: int, seed: int) -> np.ndarray:
    """Patients of every resample, ``[resample, patient]``."""
    return np.random.default_rng(seed).integers(n_patients, size=(n_resamples, n_patients))


def zone_of(station: str) -> str | None:
    """Zone of a station; ``None`` where the paper does not cover the station.

    Raises:
        KeyError: There is no such station.
    """
    return anatomy.station(station).groups.get(ZONE_GROUP)


def nodes_in_zone(found: LabelArray, truth: LabelArray, nodes: np.ndarray) -> ZoneCount:
    """Count nodes that the found stations put into the right zone (Guo et al. 2021, Sec. 3).

    A node's zone is that of most of its voxels that lie in any; a node that truly lies in none is not counted, one
    that the found stations put into none is wrong.

    Args:
        found: Station label map ``[z, y, x]``.
        truth: The true one, on the same grid.
        nodes: Instance map of the nodes on that grid, 0 elsewhere.
    """
    right = counted = 0
    for number in np.unique(nodes[nodes > 0]):
        inside = nodes == number
        true_zone = _zone_of_most(truth[inside])
        if true_zone is not None:
            counted += 1
            right += _zone_of_most(found[inside]) == true_zone
    return ZoneCount(right, counted)


def _zone_of_most(stations: np.ndarray) -> str | None:
    """Zone that most voxels lie in, the first of the table of two that hold as many."""
    counts: dict[str, int] = {}
    for row in anatomy.stations():
        zone, voxels = zone_of(row.name), int(np.count_nonzero(stations == row.label_value))
        if zone is not None and voxels:
            counts[zone] = counts.get(zone, 0) + voxels
    return max(counts, key=counts.__getitem__) if counts else None


def accuracy_estimate(counts: Sequence[ZoneCount], n_resamples: int = 1000, seed: int = 0) -> MeanEstimate:
    """Part of all nodes in the right zone; intervals by patient, since nodes of one patient are not independent.

    Args:
        counts: One a patient; patients without a counted node are left out.
        n_resamples: Of patients.
        seed: Of the resampling.
    """
    rows = np.array([(each.right, each.nodes) for each in counts if each.nodes], dtype=float).reshape(-1, 2)
    if len(rows) == 0:
        return MeanEstimate(None, None, None, None, 0)
    value = float(rows[:, 0].sum() / rows[:, 1].sum())
    by_patient = rows[:, 0] / rows[:, 1]
    sd = float(by_patient.std(ddof=1)) if len(rows) > 1 else None
    if len(rows) == 1 or n_resamples < 1:
        return MeanEstimate(value, sd, None, None, len(rows))
    sums = rows[_drawn(len(rows), n_resamples, seed)].sum(axis=1)
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5])
    return MeanEstimate(value, sd, float(low), float(high), len(rows))
