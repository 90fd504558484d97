"""Time to make and write each DICOM object of a case of 512 x 512 x 91 voxels: best and median of several runs.

    python Testing/Benchmarks/dicom.py RESULTS --repeats 3

RESULTS is a folder that assess has written; its label maps are resampled onto the clinical grid. Time of the
processor stands beside that of the clock, which other work on the computer lengthens. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from assess import on_clinical_grid  # noqa: E402  (the source tree is put on the path above)

from LNStationLib.export.dicom import objects as made_objects  # noqa: E402
from LNStationLib.export.dicom.derived_ct import derived_series  # noqa: E402
from LNStationLib.export.dicom.results import Results  # noqa: E402
from LNStationLib.export.dicom.source import SourceSeries  # noqa: E402
from LNStationLib.export.dicom.writer import write_objects  # noqa: E402
from LNStationLib.export.results_folder import read_results  # noqa: E402

SLICES = 91


def clinical(found: Results) -> tuple[Results, SourceSeries]:
    """Results on the clinical grid, with a CT series of air to refer to."""
    middle = [(n - 1) / 2 for n in found.stations.GetSize()]
    center = found.stations.TransformContinuousIndexToPhysicalPoint(middle)
    stations, nodes = (
        on_clinical_grid(image, center, SLICES, labels=True) for image in (found.stations, found.nodes)
    )
    ct = sitk.Cast(stations, sitk.sitkInt16) * 0 - 1000
    source, _ = derived_series(ct, found.assessment.case, found.assessment.created)
    return Results(found.assessment, stations, nodes, found.review, found.report_pdf), source


def one_run(found: Results, source: SourceSeries) -> dict[str, tuple[float, float]]:
    """Every step of an export, and all of them."""
    steps: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    last = ["", time.perf_counter(), time.process_time()]

    def progress(step: str, fraction: float) -> None:
        now = time.perf_counter(), time.process_time()
        if last[0]:
            for i in (0, 1):
                steps[str(last[0])][i] += now[i] - float(last[i + 1])
        last[:] = [step, *now]

    with tempfile.TemporaryDirectory() as out:
        made = made_objects.dicom_objects(found, source, progress)
        progress("writing", 1.0)
        write_objects(made, Path(out) / "dicom", overwrite=False)
        progress("", 1.0)
    total = tuple(sum(pair[i] for pair in steps.values()) for i in (0, 1))
    return {**{step: (pair[0], pair[1]) for step, pair in steps.items()}, "all": (total[0], total[1])}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    found, source = clinical(read_results(arguments.results))
    runs = [one_run(found, source) for _ in range(arguments.repeats)]
    size = " x ".join(map(str, found.stations.GetSize()))
    print(f"{size} voxels, {len(found.assessment.nodes)} nodes, {arguments.repeats} runs\n")
    print("| step | clock, best (s) | clock, median (s) | processor, median (s) |\n| --- | ---: | ---: | ---: |")
    for step in runs[0]:
        clock, processor = ([run[step][i] for run in runs] for i in (0, 1))
        print(f"| {step} | {min(clock):.2f} | {statistics.median(clock):.2f} | {statistics.median(processor):.2f} |")


if __name__ == "__main__":
    main()
