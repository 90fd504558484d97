"""How well a node that grows from one click fits the truth, on a phantom.

    python Testing/Benchmarks/grow.py [--spacing 0.8 0.8 2.5]

Clicks into the centroid of every true node; prints the Dice coefficient and the difference of the short axes as a
Markdown table, by size, and the time of a click.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  (the source tree is put on the path above)
import SimpleITK as sitk  # noqa: E402

from LNStationLib.imaging.arrays import array_view  # noqa: E402
from LNStationLib.imaging.boxes import crop, label_boxes, points_mm  # noqa: E402
from LNStationLib.imaging.edited_masks import in_region  # noqa: E402
from LNStationLib.nodes.grow import grown_node  # noqa: E402
from LNStationLib.nodes.measurement import measure_diameters  # noqa: E402
from LNStationLib.phantom import demo_case  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402

SIZES_MM = ((0.0, 6.0), (6.0, 10.0), (10.0, 99.0))


def clicked(ct: sitk.Image, truth: np.ndarray, value: int) -> tuple[float, float, float, float] | None:
    """Short axis of a node, Dice coefficient, short axis of what grew, seconds; None where nothing grew."""
    at = np.argwhere(truth == value)
    start = time.perf_counter()
    try:
        mask = grown_node(ct, tuple(points_mm(ct, at.mean(axis=0)[None])[0]))
    except InputError:
        return None
    seconds = time.perf_counter() - start
    whole = tuple(slice(0, n) for n in truth.shape)
    grown = in_region(mask, whole)
    shared = np.count_nonzero(grown & (truth == value))
    box = label_boxes(np.where(truth == value, 1, 0).astype(np.uint16))[1]
    true_mm = measure_diameters(truth[box] == value, crop(ct, box)).short_mm
    return (
        true_mm,
        2 * shared / (len(at) + mask.n_voxels),
        measure_diameters(mask.inside, crop(ct, mask.box)).short_mm,
        seconds,
    )


def main() -> None:
    """Click into every node of the demo patient."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--spacing", type=float, nargs=3, default=(0.8, 0.8, 2.5))
    case = demo_case(0, spacing_mm=tuple(parser.parse_args().spacing))
    assert case.nodes is not None
    truth = array_view(sitk.Resample(case.nodes, case.ct, sitk.Transform(), sitk.sitkNearestNeighbor, 0))
    every = [clicked(case.ct, truth, value) for value in label_boxes(truth)]
    rows = [row for row in every if row is not None]
    print("| true short axis, mm | nodes | Dice, median | Dice, worst | short axis, median difference, mm |")
    print("| --- | --- | --- | --- | --- |")
    for low, high in SIZES_MM:
        found = [row for row in rows if low <= row[0] < high]
        if found:
            dice = [row[1] for row in found]
            off = statistics.median(abs(row[2] - row[0]) for row in found)
            size = f"{low:.0f} to {high:.0f}" if high < SIZES_MM[-1][1] else f"{low:.0f} or more"
            print(f"| {size} | {len(found)} | {statistics.median(dice):.2f} | {min(dice):.2f} | {off:.1f} |")
    slowest = max(row[3] for row in rows)
    print(f"\nNothing grew in {len(every) - len(rows)} of {len(every)} nodes; slowest click {slowest:.2f} s.")


if __name__ == "__main__":
    main()
