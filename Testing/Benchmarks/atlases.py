"""Stations by atlas registration: time, memory, organ overlap, error on known fields, and overlap with the truth.

    PYTHONPATH=. python -m Testing.Benchmarks.atlases --patients 2 --fields 1

Every patient is synthetic, with 512 x 512 x 91 voxels and masks of organs as TotalSegmentator gives them; the truth
of its stations comes from its surfaces, not from the rules. A known field is a smooth random one: the patient is
deformed by it, registered to itself, and the error is measured at the voxels of all stations.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import psutil
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.assessment.assess import found_organs
from LNStationLib.imaging.grid import Grid, resample_to_grid
from LNStationLib.phantom.case import PhantomCase, render
from LNStationLib.phantom.patient import draw_patient
from LNStationLib.phantom.preset import load_preset
from LNStationLib.phantom.station_truth.truth import station_truth
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.settings import Settings
from LNStationLib.state.station_map import StationMap
from LNStationLib.stations.atlas_registration.carrying import Carried, carry_atlases
from LNStationLib.stations.atlas_registration.drawing import drawn, votes_of
from LNStationLib.stations.atlas_registration.folders import chosen_atlases
from LNStationLib.stations.atlas_registration.guides import Guided, guided_patient
from LNStationLib.stations.atlas_registration.method import AtlasOptions, AtlasRegistration
from LNStationLib.stations.atlas_registration.registration import register
from LNStationLib.stations.iaslc_rules import IaslcRules
from LNStationLib.support.progress import silent

SEED = 31
SLICE_MM = 3.32
"""For 91 slices."""
MEAN_MM = 6.0
"""Of a known field: breathing and another arm position move the mediastinum by about as much."""
SMOOTH_MM = 30.0


@dataclass
class Cost:
    """What a piece of work took; the processor time holds that of its processes."""

    seconds: float
    cpu_seconds: float


def timed(work: Callable[[], Any]) -> tuple[Any, Cost]:
    wall, before = time.perf_counter(), cpu_seconds()
    result = work()
    return result, Cost(time.perf_counter() - wall, cpu_seconds() - before)


def cpu_seconds() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, kinds))


class PeakMemory:
    """Largest memory of this process and all that it started, in GB, looked at every 0.2 s from a thread."""

    def __init__(self) -> None:
        self.gb = 0.0
        self._stop = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        own = psutil.Process()
        while not self._stop.wait(0.2):
            total = 0
            for process in (own, *own.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    total += process.memory_info().rss
            self.gb = max(self.gb, total / 1024**3)

    def stop(self) -> float:
        self._stop.set()
        return self.gb


def patient(number: int) -> tuple[PhantomCase, np.ndarray]:
    plan = draw_patient(load_preset("lung"), seed=SEED, number=number)
    thick = (plan.spacing_mm[0], plan.spacing_mm[1], SLICE_MM)
    made = render(replace(plan, has_pet=False, contrast="venous", spacing_mm=thick), organs="key")
    return made, np.asarray(station_truth(made))


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * np.count_nonzero(one & other) / max(np.count_nonzero(one) + np.count_nonzero(other), 1))


def station_dice(found: StationMap, truth: np.ndarray, grid: Grid) -> dict[str, float]:
    """By station, on the working grid; one that is there and was not found counts 0."""
    there = resample_to_grid(grid.image(truth), found.grid, labels=True)
    values = [row for row in anatomy.stations() if (there == row.label_value).any()]
    return {row.name: dice(found.labels == row.label_value, there == row.label_value) for row in values}


def known_field_mm(grid: Grid, seed: int) -> np.ndarray:
    """Smooth random displacements ``[z, y, x, 3]`` in LPS mm, on average ``MEAN_MM`` long."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    parts = [gaussian_filter(rng.normal(size=grid.shape), [SMOOTH_MM / s for s in grid.spacing_mm]) for _ in range(3)]
    field = np.stack(parts, axis=-1)
    return (field * MEAN_MM / np.linalg.norm(field, axis=-1).mean()).astype(np.float32)


def deformed(guided: Guided, field: np.ndarray) -> Guided:
    """The patient as seen through a field: its value at a point is that at the point plus the displacement."""
    image = sitk.GetImageFromArray(field.astype(np.float64), isVector=True)
    image.SetSpacing(tuple(reversed(guided.grid.spacing_mm)))
    image.SetOrigin(tuple(reversed(guided.grid.origin_mm)))
    transform = sitk.DisplacementFieldTransform(image)

    def moved(values: np.ndarray) -> np.ndarray:
        whole = guided.grid.image(values)
        return sitk.GetArrayFromImage(sitk.Resample(whole, whole, transform, sitk.sitkLinear, 0.0))

    return Guided(guided.grid, moved(guided.ct), {name: moved(part) for name, part in guided.organs.items()})


def field_error_mm(guided: Guided, stations: np.ndarray, seed: int) -> tuple[float, float, float]:
    """Mean displacement, mean error and its 95th percentile at the voxels of stations."""
    field = known_field_mm(guided.grid, seed)
    found = register((deformed(guided, field), replace(guided, stations=stations > 0)))
    transform, there = found.transform(), np.argwhere(stations > 0)[::7]
    errors, lengths = [], []
    for z, y, x in there.tolist():
        point = guided.grid.point_mm((z, y, x))
        errors.append(np.linalg.norm(np.subtract(transform.TransformPoint(point), point) - field[z, y, x]))
        lengths.append(np.linalg.norm(field[z, y, x]))
    return float(np.mean(lengths)), float(np.mean(errors)), float(np.percentile(errors, 95))


def assessed(number: int) -> tuple[PatientState, Guided, list[str]]:
    """One patient by rules and by atlases, as rows of the table."""
    made, truth = patient(number)
    state = found_organs(made.case, Settings())
    rows = [f"CT {made.case.ct.GetSize()}, working grid {state.organ_set.grid.shape}"]
    by_rules, cost = timed(lambda: IaslcRules().run(state, IaslcRules.options(), silent))
    rows.append(_row("rules", station_dice(by_rules, truth, made.grid), cost))
    options = AtlasOptions()
    guided = guided_patient(made.case.ct, state.organ_set, options.registration_spacing_mm)
    assert guided is not None
    carried, cost = timed(lambda: carry_atlases(chosen_atlases(None), guided, silent))
    rows.append(f"registration of {len(carried)} atlases: {cost.seconds:.0f} s ({cost.cpu_seconds:.0f} s processor)")
    rows += [_overlap(one) for one in carried]
    for fusion in ("majority", "weighted"):
        found, cost = timed(lambda how=fusion: drawn(*votes_of(carried, state, guided.grid, how), state.organ_set))
        rows.append(_row(f"atlases, {fusion}", station_dice(found, truth, made.grid), cost))
    one = [drawn(*votes_of([single], state, guided.grid, "majority"), state.organ_set) for single in carried]
    means = [float(np.mean(list(station_dice(found, truth, made.grid).values()))) for found in one]
    rows.append(f"one atlas alone: mean Dice {min(means):.3f} to {max(means):.3f}")
    return state, guided, rows


def _row(title: str, by_station: dict[str, float], cost: Cost) -> str:
    each = ", ".join(f"{name} {value:.2f}" for name, value in by_station.items())
    mean = float(np.mean(list(by_station.values())))
    return f"{title}: mean Dice {mean:.3f} in {cost.seconds:.1f} s ({cost.cpu_seconds:.1f} s processor); {each}"


def _overlap(one: Carried) -> str:
    each = ", ".join(f"{name} {value:.2f}" for name, value in one.found.overlap.items())
    return f"{one.atlas.card.atlas_id}: mean organ Dice {one.found.mean_overlap:.3f}; {each}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=2)
    parser.add_argument("--fields", type=int, default=1, help="Known fields a patient.")
    arguments = parser.parse_args()
    AtlasRegistration().check(AtlasOptions())
    memory = PeakMemory()
    for number in range(1, arguments.patients + 1):
        state, guided, rows = assessed(number)
        print(f"## Patient {number}", *rows, sep="\n", flush=True)
        outline = IaslcRules().run(state, IaslcRules.options(), silent)
        stations = resample_to_grid(outline.grid.image(outline.labels), guided.grid, labels=True)
        for seed in range(arguments.fields):
            (length, error, worst), cost = timed(partial(field_error_mm, guided, stations, seed))
            print(f"known field of {length:.1f} mm: error {error:.2f} mm, 95 % below {worst:.2f} mm, "
                  f"{cost.cpu_seconds:.0f} s processor", flush=True)  # fmt: skip
    print(f"peak memory of all processes together: {memory.stop():.1f} GB", flush=True)


if __name__ == "__main__":
    main()
