"""Time and peak memory of making synthetic patients: one by its steps, and several with one and with two workers.

    python Testing/Benchmarks/phantom.py --patients 4 --repeats 3 --out docs/benchmarks.md

Every patient of the table by steps is a process of its own, on one core. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Benchmarks")]

from benchmark_page import write_section  # noqa: E402  (the source tree is put on the path above)

SPACING_MM = (0.8, 0.8, 3.5)
"""With 512 pixels and the patients' length this makes about 91 slices."""
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"), "1"
)
STEPS = {
    "anatomy": ("LNStationLib.phantom.anatomy.model", "bare"),
    "station truth for placing nodes": ("LNStationLib.phantom.images.contents", "_stations"),
    "places of nodes": ("LNStationLib.phantom.images.contents", "place_nodes"),
    "pleura, vessels and airways of the lungs": ("LNStationLib.phantom.images.contents", "fit_lungs"),
    "CT: painting": ("LNStationLib.phantom.images.ct", "paint"),
    "CT: scanner": ("LNStationLib.phantom.images.ct", "scan"),
    "PET: uptake": ("LNStationLib.phantom.images.pet", "activity"),
    "PET: scanner": ("LNStationLib.phantom.images.pet", "scan"),
    "organ truth on the CT's grid": ("LNStationLib.phantom.anatomy.rasterize", "truth_on_ct"),
    "station truth on the CT's grid": ("LNStationLib.phantom.rendering", "_stations"),
    "case folder": ("LNStationLib.phantom.rendering", "write_case"),
}
"""Steps that do not overlap: name to module and function."""


@contextmanager
def timed(seconds: dict[str, float]) -> Iterator[None]:
    """Add up the CPU seconds of every step."""
    patches = []
    for name, (module, function) in STEPS.items():
        original = getattr(__import__(module, fromlist=[function]), function)
        patches.append(mock.patch(f"{module}.{function}", _counting(name, original, seconds)))
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def _counting(name: str, original: Callable[..., Any], seconds: dict[str, float]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        start = time.process_time()
        result = original(*arguments, **options)
        seconds[name] = seconds.get(name, 0.0) + time.process_time() - start
        return result

    return call


def one_patient(number: int) -> dict[str, Any]:
    """Make and write one patient of the lung preset with PET; CPU seconds by step, and peak memory."""
    from LNStationLib.phantom.memory import keep_freed_memory
    from LNStationLib.phantom.patient import draw_patient
    from LNStationLib.phantom.preset import load_preset
    from LNStationLib.phantom.rendering import write_rendered

    keep_freed_memory()
    preset = load_preset("lung")
    plan = replace(draw_patient(preset, 1, number), spacing_mm=SPACING_MM, has_pet=True)
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, timed(seconds):
        clock, cpu, user = time.perf_counter(), time.process_time(), os.times().user
        case = write_rendered(preset, plan, Path(folder))
        whole = time.process_time() - cpu
        row = {"user": os.times().user - user, "clock": time.perf_counter() - clock}
        size = _size(case)
    seconds = {name: seconds.get(name, 0.0) for name in STEPS}
    seconds["everything else"] = whole - sum(seconds.values())
    unit = 1e6 if platform.system() == "Darwin" else 1e3
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return {"seconds": seconds, "whole": whole, **row, "peak": peak, "size": size}


def _size(case: Path) -> str:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(case / "ct.nii.gz"))
    reader.ReadImageInformation()
    return " x ".join(str(n) for n in reader.GetSize())


def cohort_seconds(patients: int, workers: int) -> float:
    """Seconds by the clock of the phantom command."""
    command = [sys.executable, "-m", "LNStationLib", "phantom", "--patients", str(patients), "--seed", "1",
               "--workers", str(workers)]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run(
            [*command, "--out", f"{folder}/cohort"], check=True, cwd=ROOT, env=os.environ | ONE_THREAD,
            capture_output=True,
        )  # fmt: skip
        return time.perf_counter() - start


def steps_table(rows: list[dict[str, Any]]) -> list[str]:
    """CPU seconds by step, best and median of all runs."""
    lines = ["| step | CPU seconds, best / median |", "| --- | --- |"]
    for name in rows[0]["seconds"]:
        lines.append(f"| {name} | {_best([row['seconds'][name] for row in rows])} |")
    for key, name in (("whole", "whole"), ("user", "of it user time"), ("clock", "by the clock")):
        lines.append(f"| {name} | {_best([row[key] for row in rows])} |")
    return [*lines, f"| peak memory, MB | {max(row['peak'] for row in rows):.0f} |"]


def _best(values: list[float]) -> str:
    return f"{min(values):.2f} / {statistics.median(values):.2f}"


def report(rows: list[dict[str, Any]], patients: int) -> str:
    """The section in Markdown."""
    sizes = ", ".join(sorted({row["size"] for row in rows}))
    load = os.getloadavg()[0]
    lines = [
        f"{len(rows)} runs, each a process of its own on one core; CT {sizes}, with PET, all truth and the case "
        f"folder written. {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}; "
        f"load of the machine while they ran {load:.1f}.",
        "",
        *steps_table(rows),
        "",
        f"{patients} patients of the lung preset as the `phantom` command makes them, slices of 2 to 5 mm, seconds "
        "by the clock:",
        "",
        "| workers | whole | a patient |",
        "| --- | --- | --- |",
    ]
    for workers in (1, 2):
        seconds = cohort_seconds(patients, workers)
        lines.append(f"| {workers} | {seconds:.1f} | {seconds / patients:.1f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=4, help="of the comparison of one and two workers")
    parser.add_argument("--repeats", type=int, default=3, help="runs of the table by steps, each another patient")
    parser.add_argument(
        "--out",
        type=Path,
        help="page whose section phantom is replaced",
    )
    parser.add_argument("--number", type=int, help="make this patient once in this process and print JSON")
    options = parser.parse_args()
    if options.number is not None:
        print(json.dumps(one_patient(options.number)))
        return
    rows = []
    for number in range(1, options.repeats + 1):
        command = [sys.executable, __file__, "--number", str(number)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | ONE_THREAD)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    section = report(rows, options.patients)
    print(section)
    if options.out:
        try:
            write_section("phantom", f"\n{section}", options.out)
        except ValueError as error:
            parser.error(str(error))


if __name__ == "__main__":
    main()
