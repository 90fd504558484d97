"""Node candidates of a case, one by one, to be judged by eye: a sheet of pictures and a table.

    python -m Testing.Tools.node_sheet --ct CT --organs ORGANS --methods ct_blobs network --number 20 --out FOLDER

Stations are parsed once. Of each method the surest candidates are shown (blobs by their short axis), as many of each
where there are as many: the axial and the coronal slice through the center, 50 mm wide, in the mediastinal window.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from matplotlib.figure import Figure

from LNStationLib.assessment.assess import parse_case
from LNStationLib.case.from_files import load_case
from LNStationLib.case.request import CaseRequest
from LNStationLib.imaging.grid import Grid, resample_to_grid
from LNStationLib.nodes.find import find_nodes
from LNStationLib.state.assessment import NodeFinding
from LNStationLib.state.node_result import NodeResult
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.settings import Settings, StepSettings

HALF_MM = 25.0
STEP_MM = 0.5
WINDOW_HU = (-160, 240)
COLUMNS = 5
MOST_FALSE_POSITIVES = 20.0


def settings_of(method: str, model: str | None) -> Settings:
    """Nodes by a method, all that it offers."""
    options = {"network": {"false_positives": MOST_FALSE_POSITIVES, "model": model}} if method == "network" else {}
    return Settings(nodes=StepSettings(method=method, options=options))


def surest(result: NodeResult, number: int) -> list[NodeFinding]:
    """The first candidates by score, else by short axis."""
    return sorted(result.findings, key=lambda row: (-(row.score or 0.0), -row.short_axis_mm))[:number]


def cutting(image: sitk.Image, point: tuple[float, float, float], coronal: bool, labels: bool) -> np.ndarray:
    """A slice around a point, axial or coronal (feet below)."""
    x, y, z = point
    n = round(2 * HALF_MM / STEP_MM)
    shape = (n, 1, n) if coronal else (1, n, n)
    origin = (z - HALF_MM if coronal else z, y if coronal else y - HALF_MM, x - HALF_MM)
    plane = resample_to_grid(
        image, Grid(shape, (STEP_MM,) * 3, origin), labels=labels, outside=0 if labels else -1024
    )
    return plane[::-1, 0] if coronal else plane[0]


def draw(path: Path, ct: sitk.Image, result: NodeResult, rows: list[NodeFinding]) -> None:
    """Two pictures of every candidate, with its outline."""
    lines = -(-len(rows) // COLUMNS)
    figure = Figure(figsize=(COLUMNS * 3.2, lines * 1.9), layout="constrained")
    axes = np.atleast_2d(figure.subplots(lines, 2 * COLUMNS))
    for place in axes.flat:
        place.axis("off")
    for at, row in enumerate(rows):
        for coronal in (False, True):
            place = axes[at // COLUMNS, 2 * (at % COLUMNS) + coronal]
            place.imshow(
                cutting(ct, row.centroid_mm, coronal, labels=False), cmap="gray", vmin=WINDOW_HU[0], vmax=WINDOW_HU[1]
            )
            own = cutting(result.labels, row.centroid_mm, coronal, labels=True) == row.node_id
            if own.any():
                place.contour(own, [0.5], colors="yellow", linewidths=0.7)
            if not coronal:
                score = "" if row.score is None else f" s {row.score:.2f}"
                place.set_title(f"#{row.node_id} {row.station} {row.short_axis_mm:.0f} mm{score}", fontsize=7)
    figure.savefig(path, dpi=110)


def parsed(ct: Path, organs: Path | None) -> PatientState:
    """A case with its stations."""
    case = load_case(CaseRequest(ct=ct, organs=organs))
    return parse_case(case, Settings())


def main() -> None:
    """Draw the sheets and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ct", type=Path, required=True)
    parser.add_argument("--organs", type=Path)
    parser.add_argument("--methods", nargs="+", default=["ct_blobs", "network"])
    parser.add_argument("--model", help="package of the network; the shipped one by default")
    parser.add_argument("--number", type=int, default=20)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    state = parsed(options.ct, options.organs)
    found = {
        method: find_nodes(replace(state, settings=settings_of(method, options.model))) for method in options.methods
    }
    number = min(options.number, *(len(result.findings) for result in found.values()))
    head = ("method", "node", "station", "short axis, mm", "HU", "score", "LPS center, mm")
    print(f"| {' | '.join(head)} |\n{'| --- ' * len(head)}|")
    for method, result in found.items():
        rows = surest(result, number)
        draw(options.out / f"{method}.png", state.case.ct, result, rows)
        for row in rows:
            score = "" if row.score is None else f"{row.score:.2f}"
            center = ", ".join(f"{mm:.0f}" for mm in row.centroid_mm)
            cells = [
                method,
                str(row.node_id),
                row.station or "",
                f"{row.short_axis_mm:.1f}",
                f"{row.mean_hu:.0f}",
                score,
                center,
            ]
            print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
