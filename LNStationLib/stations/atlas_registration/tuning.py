"""Parameters of the deformable step chosen by the overlap of organs, after Engelson et al. 2026, Sec. 3.2.1.

Each atlas in turn is the patient whom the others are registered to, so that nothing but atlases is needed. Their
stations are known: how well those overlap stands beside, since organs may overlap better and stations worse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from LNStationLib import anatomy
from LNStationLib.stations.atlas_registration.engines import Deformation, Engine
from LNStationLib.stations.atlas_registration.guides import guided_atlas
from LNStationLib.stations.atlas_registration.package import Atlas, read_atlas
from LNStationLib.stations.atlas_registration.registration import register
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress

SEARCHED: Mapping[Engine, Mapping[str, tuple[float, ...]]] = {
    "greedy": {"update_voxels": (1.5, 2.0, 3.0), "warp_voxels": (0.3, 0.7, 1.5), "organ_weight": (0.5, 1.0, 2.0)},
    "convex_adam": {"smoothness": (0.6, 1.25, 2.5), "organ_weight": (0.5, 1.0, 2.0)},
}
"""Values of each parameter, which are tried one parameter after the other."""
Pair = tuple[Atlas, Atlas]


@dataclass(frozen=True)
class Tried:
    """One setting on all pairs.

    Attributes:
        how: The setting.
        organ_dice: Mean over pairs of the mean over organs.
        station_dice: Likewise of the stations that both atlases have.
        seconds: Mean over pairs, by the clock.
    """

    how: Deformation
    organ_dice: float
    station_dice: float
    seconds: float


def tuned(
    paths: Sequence[Path], start: Deformation, spacing_mm: float, most_pairs: int, progress: Progress
) -> Iterator[Tried]:
    """Try settings: the first as given, then each parameter's values with the best of the others so far.

    Args:
        paths: Of at least two atlases.
        start: Engine and the values to start from.
        spacing_mm: Of the registrations.
        most_pairs: So many pairs of atlases are registered with each setting.
        progress: Told after each registration.

    Yields:
        Each setting once, in the order in which they were tried; the best is the one of the largest ``organ_dice``.

    Raises:
        InputError: There are fewer than two atlases.
        PackageError: An atlas cannot be used.
    """
    pairs = _pairs(paths, most_pairs)
    searched = SEARCHED[start.engine]
    total = 1 + sum(len(values) - 1 for values in searched.values())
    best, seen = _tried(pairs, start, spacing_mm, _step(progress, 0, total)), [start]
    yield best
    for name, values in searched.items():
        for value in values:
            changed: dict[str, Any] = {name: value}
            how = replace(best.how, **changed)
            if how in seen:
                continue
            found = _tried(pairs, how, spacing_mm, _step(progress, min(len(seen), total - 1), total))
            seen.append(how)
            yield found
            best = max(best, found, key=lambda one: one.organ_dice)


def _pairs(paths: Sequence[Path], most: int) -> list[Pair]:
    """Ordered pairs, spread over the atlases."""
    atlases = [read_atlas(path) for path in paths]
    if len(atlases) < 2:
        raise InputError("parameters are tuned on pairs of atlases: give a folder with two or more.")
    every = sorted(permutations(range(len(atlases)), 2), key=lambda pair: ((pair[1] - pair[0]) % len(atlases), pair))
    return [(atlases[patient], atlases[atlas]) for patient, atlas in every[:most]]


def _step(progress: Progress, done: int, total: int) -> Callable[[float], None]:
    return lambda part: progress(f"setting {done + 1} of {total}", min((done + part) / total, 1.0))


def _tried(pairs: Sequence[Pair], how: Deformation, spacing_mm: float, told: Callable[[float], None]) -> Tried:
    rows = []
    for number, (patient, atlas) in enumerate(pairs):
        told(number / len(pairs))
        start = perf_counter()
        found = register((guided_atlas(patient, spacing_mm), guided_atlas(atlas, spacing_mm)), how)
        seconds = perf_counter() - start
        carried = found.carry(atlas.grid.image(atlas.stations), patient.grid, labels=True)
        rows.append((found.mean_overlap, _station_dice(carried, patient.stations), seconds))
    organ_dice, station_dice, seconds = np.mean(rows, axis=0)
    return Tried(how, float(organ_dice), float(station_dice), float(seconds))


def _station_dice(carried: np.ndarray, truth: np.ndarray) -> float:
    """Mean over the stations of the patient; 0 for one that the atlas lacks."""
    found = []
    for row in anatomy.stations():
        mine, theirs = truth == row.label_value, carried == row.label_value
        if mine.any():
            found.append(2 * np.count_nonzero(mine & theirs) / (np.count_nonzero(mine) + np.count_nonzero(theirs)))
    return float(np.mean(found)) if found else 0.0
