"""Time and peak memory of preparing one patient of public data of clinical size, and of looking at it again.

    PYTHONPATH=.:Training:Testing/Python python -m Testing.Benchmarks.public_data --slices 182

A phantom patient of 512 x 512 pixels, as NRRD like LNQ2023 and as DICOM with a Segmentation like the same data in
the IDC. Each is prepared in a process of its own, so that peak memory is its. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import SimpleITK as sitk
from training.public_data.downloads import add_segmentation, add_study, save

from LNStationLib.phantom import thorax
from Testing.Benchmarks.assess import on_clinical_grid

RECIPES = {"lnq2023": "NRRD, mask in NRRD", "mediastinal_lymph_node_seg": "DICOM, Segmentation"}


def make(name: str, folder: Path, slices: int) -> None:
    """A download of one patient."""
    case = thorax(2, spacing_mm=(3.5, 3.5, 5.0)).case
    assert case.nodes is not None
    center = case.ct.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in case.ct.GetSize()])
    ct = on_clinical_grid(case.ct, center, slices, labels=False)
    nodes = sitk.Cast(on_clinical_grid(case.nodes, center, slices, labels=True) > 0, sitk.sitkUInt8)
    if name == "lnq2023":
        save(ct, folder / "train" / "lnq2023-train-0001-ct.nrrd")
        save(nodes, folder / "train" / "lnq2023-train-0001-seg.nrrd")
    else:
        add_segmentation(add_study(folder, "case_0001", ct), nodes, "Partially Annotated")


def prepare_once(name: str, folder: Path) -> dict[str, float]:
    """Prepare a download twice: seconds of the clock and of the processor, and peak memory in GB."""
    from lnstation_training.public_data.preparing import PrepareRequest, prepare
    from lnstation_training.public_data.records import Acceptance, today

    terms = Acceptance(license="none", url="https://example.org", accepted_on=today())
    found: dict[str, float] = {}
    for what in ("first", "again"):
        clock, processor = time.perf_counter(), time.process_time()
        outcome = prepare(PrepareRequest(name, folder, folder.with_name("cohort"), terms))
        found |= {f"{what}_s": time.perf_counter() - clock, f"{what}_cpu_s": time.process_time() - processor}
        assert (outcome.patients, outcome.converted) == (1, int(what == "first"))
    found["size_mb"] = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    found["memory_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return found


def main() -> None:
    """Make, prepare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=182)
    parser.add_argument("--once", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        print(json.dumps(prepare_once(given.once[0], Path(given.once[1]))))
        return
    print(
        "| form | download, MB | prepared, s (CPU) | again, s (CPU) | peak memory, GB |\n"
        "| --- | --- | --- | --- | --- |"
    )
    for name, form in RECIPES.items():
        with tempfile.TemporaryDirectory() as place:
            make(name, Path(place, "download"), given.slices)
            command = [
                sys.executable,
                "-m",
                "Testing.Benchmarks.public_data",
                "--once",
                name,
                str(Path(place, "download")),
            ]
            one = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        print(
            f"| {form} | {one['size_mb']:.0f} | {one['first_s']:.1f} ({one['first_cpu_s']:.1f}) | "
            f"{one['again_s']:.2f} ({one['again_cpu_s']:.2f}) | {one['memory_gb']:.2f} |"
        )


if __name__ == "__main__":
    main()
