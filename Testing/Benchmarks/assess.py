"""Time and peak memory of `assess` on a volume of clinical size: best and median of several runs.

    python Testing/Benchmarks/assess.py --case phantom --repeats 3

Every run is a process of its own, so that peak memory is that of one assessment. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from LNStationLib.case.case import Case  # noqa: E402  (the source tree is put on the path above)

REAL_CASE = ROOT.parent / "shared" / "data" / "chest_ct_01"
IN_PLANE = 512
SPACING_MM = (0.8, 0.8, 5.0)
SLICES = (46, 91, 182)


def on_clinical_grid(image: sitk.Image, center: tuple[float, ...], slices: int, *, labels: bool) -> sitk.Image:
    """Resample onto 512 x 512 x ``slices``; the slices always cover the same 455 mm."""
    spacing = (*SPACING_MM[:2], SPACING_MM[2] * 91 / slices)
    size = (IN_PLANE, IN_PLANE, slices)
    origin = [c - s * (n - 1) / 2 for c, s, n in zip(center, spacing, size, strict=True)]
    interpolator = sitk.sitkNearestNeighbor if labels else sitk.sitkLinear
    outside = 0 if labels else -1024
    return sitk.Resample(
        image, size, sitk.Transform(), interpolator, origin, spacing, (1, 0, 0, 0, 1, 0, 0, 0, 1), outside
    )


def load(name: str, slices: int) -> Case:
    """A case on the clinical grid: the phantom or the real CT with its supplied organ masks."""
    if name == "phantom":
        from LNStationLib.phantom import demo_case

        case = demo_case(organs="all")
    else:
        from LNStationLib.case.from_files import CaseRequest, load_case

        case = load_case(CaseRequest(ct=REAL_CASE / "ct.nii.gz", organs=REAL_CASE / "organs"))
    middle = [(n - 1) / 2 for n in case.ct.GetSize()]
    center = case.ct.TransformContinuousIndexToPhysicalPoint(middle)
    return replace(
        case,
        ct=on_clinical_grid(case.ct, center, slices, labels=False),
        organ_masks={k: on_clinical_grid(v, center, slices, labels=True) for k, v in case.organ_masks.items()},
    )


def run_once(name: str, slices: int) -> dict[str, float]:
    """Assess once and write the outputs; seconds by step and peak memory in GB."""
    from LNStationLib.assessment.assess import assess
    from LNStationLib.export import write_outputs

    case = load(name, slices)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        result = assess(case)
        computed = time.perf_counter()
        write_outputs(result, Path(folder) / "out", overwrite=False)
        end = time.perf_counter()
    row = {step.step: step.seconds or 0.0 for step in result.assessment.provenance if step.step != "input"}
    # ru_maxrss counts kilobytes on Linux and bytes on macOS.
    unit = 1e9 if platform.system() == "Darwin" else 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return row | {"report and files": end - computed, "whole": end - start, "peak memory, GB": peak}


def main() -> None:
    """Run the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=("phantom", "real"), default="phantom")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SLICES), help="numbers of slices to measure")
    parser.add_argument("--slices", type=int, help="run once in this process and print JSON")
    options = parser.parse_args()
    if options.slices:
        print(json.dumps(run_once(options.case, options.slices)))
        return
    print(
        f"{options.case}, {IN_PLANE} x {IN_PLANE}, {SPACING_MM[0]} mm in plane, {options.repeats} runs; best / median"
    )
    rows: dict[int, list[dict[str, float]]] = {}
    for slices in options.sizes:
        command = [sys.executable, __file__, "--case", options.case, "--slices", str(slices)]
        rows[slices] = [
            json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
            for _ in range(options.repeats)
        ]
    print("| seconds | " + " | ".join(f"{slices} slices" for slices in options.sizes) + " |")
    print("| --- " * (len(options.sizes) + 1) + "|")
    for key in rows[options.sizes[0]][0]:
        cells = []
        for slices in options.sizes:
            values = [row[key] for row in rows[slices]]
            cells.append(f"{min(values):.2f} / {statistics.median(values):.2f}")
        print(f"| {key} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
