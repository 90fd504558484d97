"""What is measured of a PET before it is used, on synthetic patients whose truth is known: breathing and brown fat.

    python Testing/Benchmarks/pet_checks.py --patients 24 --seed 500

Patients of the lung preset in large voxels. Every PET is shifted at the diaphragm; every ``--brown-fat``-th patient
has active brown fat, the others have none. Lungs and midline are the true ones. Prints Markdown.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from LNStationLib.imaging.brown_fat import brown_fat  # noqa: E402  (the source tree is put on the path above)
from LNStationLib.phantom.case import PhantomCase, render  # noqa: E402
from LNStationLib.phantom.patient import compact, draw_patient  # noqa: E402
from LNStationLib.phantom.preset import load_preset  # noqa: E402
from LNStationLib.quality.pet_alignment import pet_offset_mm  # noqa: E402
from LNStationLib.state.organ_set import Organ, OrganSet, OrganSource  # noqa: E402
from LNStationLib.support.reason import Reason  # noqa: E402

PIXEL_MM = 3.0


@dataclass(frozen=True)
class Found:
    """A patient's truth and what was measured.

    Attributes:
        true_offset_mm: How much higher PET shows the dome.
        offset_mm: As measured; ``None`` where it was not.
        has_brown_fat: Whether it is active.
        saw_brown_fat: Whether it was found.
        seconds: Of processor time, both checks.
    """

    true_offset_mm: float
    offset_mm: float | None
    has_brown_fat: bool
    saw_brown_fat: bool
    seconds: float


def measured(phantom: PhantomCase) -> Found:
    """Both checks on a patient."""
    ct, pet = phantom.case.ct, phantom.case.pet
    assert pet is not None
    organs = OrganSet(phantom.grid)
    organs.add(Organ("lung_right", phantom.organs["lung_right"], OrganSource.SUPPLIED, Reason("true")))
    start = time.process_time()
    offset = pet_offset_mm(pet, organs)
    fat = brown_fat(ct, pet, lambda z: 0.0)
    seconds = time.process_time() - start
    truth = phantom.variation
    return Found(truth.breathing_mm[2], offset, truth.brown_fat, fat is not None, seconds)


def drawn(patients: int, seed: int, every_brown: int) -> list[Found]:
    """Render and measure one patient after another."""
    preset, found = load_preset("lung"), []
    for number in range(1, patients + 1):
        plan = compact(replace(draw_patient(preset, seed, number), has_pet=True), PIXEL_MM)
        found.append(measured(render(plan, organs="none", traits={"brown_fat": number % every_brown == 0})))
        print(f"{number} of {patients}", file=sys.stderr)
    return found


def report(found: list[Found]) -> str:
    """The table."""
    offsets = [(row.true_offset_mm, row.offset_mm) for row in found if row.offset_mm is not None]
    errors = np.array([measured - true for true, measured in offsets])
    true = [row.true_offset_mm for row in found]
    with_fat, without = ([row for row in found if row.has_brown_fat == has] for has in (True, False))
    count: Callable[[list[Found]], int] = lambda rows: sum(row.saw_brown_fat for row in rows)  # noqa: E731
    return "\n".join(
        [
            "| check | patients | result |",
            "| --- | --- | --- |",
            f"| offset of the dome, {min(true):.0f} to {max(true):.0f} mm | {len(offsets)} of {len(found)} | "
            f"mean error {errors.mean():.1f} mm, largest {np.abs(errors).max():.1f} mm |",
            f"| active brown fat | {len(with_fat)} | found in {count(with_fat)} |",
            f"| no active brown fat | {len(without)} | found in {count(without)} |",
            "",
            f"Processor time of both checks: {np.mean([row.seconds for row in found]):.2f} s a patient.",
        ]
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--patients", type=int, default=24)
    parser.add_argument("--seed", type=int, default=500)
    parser.add_argument("--brown-fat", type=int, default=4, help="every so many-th patient has it")
    given = parser.parse_args()
    print(report(drawn(given.patients, given.seed, given.brown_fat)))


if __name__ == "__main__":
    main()
