"""What the worker costs on a case of clinical size: cold start, loading, assessing, correcting, staging.

    python Testing/Benchmarks/worker.py --repeats 3 --write

A real worker process is driven over its pipes with the synthetic demo patient on a grid of 512 x 512 x 91 voxels.
Prints a Markdown table; with ``--write`` it goes into the marked section of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "Testing" / "Python"
sys.path[:0] = [
    str(ROOT), str(TESTS / "worker"), str(TESTS / "models"), str(ROOT / "Testing" / "Benchmarks")
]  # fmt: skip

from assess import IN_PLANE, load  # noqa: E402  (the source tree is put on the path above)
from benchmark_page import write_section  # noqa: E402
from client import Client  # noqa: E402
from packages import manifest  # noqa: E402
from scipy.ndimage import binary_dilation  # noqa: E402

from LNStationLib import anatomy  # noqa: E402
from LNStationLib.anatomy.station_groups import STATIONS  # noqa: E402
from LNStationLib.case.case import Case  # noqa: E402
from LNStationLib.imaging.arrays import array_view  # noqa: E402
from LNStationLib.imaging.boxes import like  # noqa: E402
from LNStationLib.models.package import write_package  # noqa: E402
from LNStationLib.networks.registry import build_network  # noqa: E402
from LNStationLib.sampling.station_region import RegionSpec  # noqa: E402
from LNStationLib.worker.images import required_image  # noqa: E402

SHIPPED = ROOT / "Resources" / "Models"
SLICES = 91
STATION = "4R"
Times = dict[str, list[float]]


def timed(times: Times, name: str, action: Callable[[], Any]) -> Any:
    """Run something and note its seconds."""
    start = time.perf_counter()
    value = action()
    times.setdefault(name, []).append(time.perf_counter() - start)
    return value


def load_params(client: Client, case: Case, key: str, *, pet: bool, nodes: bool) -> dict[str, Any]:
    """The case as the module would send it."""
    params: dict[str, Any] = {
        "case": key,
        "ct": client.volume("ct.raw", case.ct),
        "organs": {name: client.volume(f"{name}.raw", mask) for name, mask in case.organ_masks.items()},
        "facts": {"cancer": "lung", "tumor_side": "R"},
        "synthetic": True,
    }
    if pet and case.pet is not None:
        params |= {"pet": client.volume("pet.raw", case.pet), "pet_unit": "SUVbw"}
    if nodes and case.nodes is not None:
        params["nodes"] = client.volume("nodes.raw", case.nodes)
    if case.tumor is not None:
        params["tumor"] = client.volume("tumor.raw", case.tumor)
    return params


def edits_of(client: Client, stations: sitk.Image) -> list[dict[str, Any]]:
    """A station grown over its neighbors, and as it was, in boxes of the CT's grid."""
    mask = sitk.GetArrayFromImage(stations) == anatomy.station(STATION).label_value
    volumes = []
    for number, changed in enumerate((binary_dilation(mask, iterations=3), mask)):
        where = np.argwhere(changed)
        low, high = where.min(axis=0), where.max(axis=0) + 1
        size, start = [int(n) for n in (high - low)[::-1]], [int(n) for n in low[::-1]]
        part = sitk.RegionOfInterest(like(changed.astype(np.uint8), stations), size, start)
        volumes.append(client.volume(f"edit-{number}.raw", part))
    return volumes


def measure(times: Times, case: Case, nodes: str, title: str, corrections: int) -> None:
    """One worker, one case, one way of finding nodes."""
    with tempfile.TemporaryDirectory() as parent:
        start = time.perf_counter()
        with Client(Path(parent) / "private") as client:
            client.result("hello")
            times.setdefault("cold start to the answer of hello", []).append(time.perf_counter() - start)
            timed(times, "devices, which waits for the imports after hello", lambda: client.result("devices"))
            params = load_params(client, case, "a", pet=nodes != "ct_blobs", nodes=nodes == "supplied")
            timed(times, "load_case", lambda: client.result("load_case", params))
            settings = {"case": "a", "settings": {"nodes": nodes}}
            first = timed(times, f"assess, {title}", lambda: client.result("assess", settings))
            volumes = edits_of(client, required_image(client.folder, first["stations"], "map"))
            for turn in range(corrections):
                edit = {"case": "a", "stations": {STATION: volumes[turn % 2]}}
                timed(times, f"reassess one station, {title}", lambda edit=edit: client.result("reassess", edit))
            if nodes == "ct_blobs":
                nothing = volumes[0] | {"shape": [0, 0, 0]}
                edit = {"case": "a", "stations": {"1R": nothing, "1L": nothing}}
                name = "reassess 1R and 1L emptied, where the search for CT blobs starts anew"
                timed(times, name, lambda: client.result("reassess", edit))
            calls = {"case": "a", "calls": {"4R": "positive", "7": "negative"}}
            timed(times, "stage", lambda: client.result("stage", calls))
            client.end()


def full_size_package(folder: Path) -> Path:
    """SA-MoE as large as the paper's, untrained: its cost is that of a trained one."""
    path = folder / "full-size.zip"
    network = build_network("mobilevitv2_sa_moe", {})
    changes = {"network": {"name": "mobilevitv2_sa_moe"}, "region": RegionSpec(), "stations": list(STATIONS)}
    write_package(path, {"classifier": network}, lambda weights: manifest(weights, **changes), "float16")
    return path


def measure_model(times: Times, case: Case, package: Path, title: str, corrections: int) -> None:
    """One worker and one case with a learned model, which the first assessment loads."""
    settings = {"case": "a", "settings": {"nodes": "supplied", "metastasis": "sa_moe", "model": str(package)}}
    with tempfile.TemporaryDirectory() as parent, Client(Path(parent) / "private") as client:
        client.result("hello")
        client.result("load_case", load_params(client, case, "a", pet=True, nodes=True))
        first = timed(times, f"assess, {title}", lambda: client.result("assess", settings))
        volumes = edits_of(client, required_image(client.folder, first["stations"], "map"))
        for turn in range(corrections):
            edit = {"case": "a", "stations": {STATION: volumes[turn % 2]}}
            name = f"from an edited station to its new probability, {title}"
            timed(times, name, lambda edit=edit: client.result("reassess", edit))
        client.end()


def measure_models(times: Times, case: Case, repeats: int, corrections: int) -> None:
    """The shipped packages and a network as large as the paper's."""
    with tempfile.TemporaryDirectory() as folder:
        packages = {f"shipped {path.stem}": path for path in sorted(SHIPPED.glob("*.zip"))}
        packages["SA-MoE of 17 M parameters"] = full_size_package(Path(folder))
        for _ in range(repeats):
            for title, package in packages.items():
                measure_model(times, case, package, title, corrections)


def table(times: Times) -> str:
    """Best, median and worst as Markdown."""
    lines = ["| seconds | best | median | worst | runs |", "| --- | --- | --- | --- | --- |"]
    for name, values in times.items():
        numbers = " | ".join(f"{value:.2f}" for value in (min(values), statistics.median(values), max(values)))
        lines.append(f"| {name} | {numbers} | {len(values)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="worker processes for each way of finding nodes")
    parser.add_argument("--corrections", type=int, default=6, help="edits in each process")
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    options = parser.parse_args()
    case = load("phantom", SLICES)
    # The way the module sends them: only the box that holds an organ.
    case = replace(case, organ_masks={name: _cropped(mask) for name, mask in case.organ_masks.items()})
    times: Times = {}
    ways = (("supplied", "nodes supplied"), ("pet_threshold", "nodes from PET"), ("ct_blobs", "nodes from CT blobs"))
    for _ in range(options.repeats):
        for nodes, title in ways:
            measure(times, case, nodes, title, options.corrections)
    measure_models(times, case, options.repeats, options.corrections)
    text = f"{IN_PLANE} x {IN_PLANE} x {SLICES} voxels, {len(case.organ_masks)} organ masks.\n\n{table(times)}"
    print(text)
    if options.write:
        write_section("worker", text)


def _cropped(mask: sitk.Image) -> sitk.Image:
    where = np.argwhere(array_view(mask))
    if not len(where):
        return mask
    low, high = where.min(axis=0), where.max(axis=0) + 1
    return sitk.RegionOfInterest(mask, [int(n) for n in (high - low)[::-1]], [int(n) for n in low[::-1]])


if __name__ == "__main__":
    main()
