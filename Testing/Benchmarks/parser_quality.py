"""Station parser against the analytic truth of synthetic patients: Dice, 95 % Hausdorff and mean surface distance.

    python Testing/Benchmarks/parser_quality.py --patients 20 --out docs/parser_quality.md

Every patient is parsed four times: with all true organ masks, with azygos, veins and esophagus withheld, with the few
masks that remain when airways, lungs and spine are withheld as well, and with no mask at all. Prints Markdown; one
JSON file a patient under ``--cache`` lets an interrupted run go on.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import edt
import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_erosion, generate_binary_structure

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from LNStationLib import anatomy  # noqa: E402  (the source tree is put on the path above)
from LNStationLib.case.case import Case  # noqa: E402
from LNStationLib.imaging.grid import labels_to_image_grid, working_grid  # noqa: E402
from LNStationLib.imaging.scan import hu_on_grid, scan_of  # noqa: E402
from LNStationLib.organs.find import find_organs  # noqa: E402
from LNStationLib.phantom import thorax  # noqa: E402
from LNStationLib.phantom.case import KEY_ORGANS  # noqa: E402
from LNStationLib.phantom.station_truth import station_truth  # noqa: E402
from LNStationLib.state.settings import Settings  # noqa: E402
from LNStationLib.stations.iaslc_rules import IaslcRules  # noqa: E402
from LNStationLib.support.progress import silent  # noqa: E402
from LNStationLib.support.types import BoolArray, LabelArray  # noqa: E402

Given = Literal["all", "withheld", "few", "none"]
GIVEN: dict[Given, str] = {
    "all": "All true organ masks",
    "withheld": "All but azygos, veins and esophagus",
    "few": "Few masks: of the key organs all but azygos, veins and esophagus",
    "none": "No masks",
}
WITHHELD = ("vein", "vena", "azygos", "esophagus")
MARK = "<!-- written by Testing/Benchmarks/parser_quality.py -->"
SPACINGS = {"clinical": (0.8, 0.8, 3.0), "coarse": (1.5, 1.5, 2.5)}
# Dice, HD95, ASD; without a surface to measure from Dice is 0 and the distances are None.
Scores = dict[str, tuple[float, float | None, float | None]]


@dataclass(frozen=True)
class Surface:
    """Surface voxels of a mask and the distance of every voxel of a box from them."""

    voxels: BoolArray
    distance_mm: np.ndarray


def surface(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> Surface:
    """Surface of a mask that does not touch its box's faces."""
    voxels = mask & ~binary_erosion(mask, generate_binary_structure(3, 1))
    return Surface(voxels, edt.edt(~voxels, anisotropy=spacing_mm))


def compare(
    truth: BoolArray, parsed: BoolArray, spacing_mm: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Dice in [0, 1], symmetric 95 % Hausdorff distance and average symmetric surface distance in mm.

    Distances pool both directions (Heimann et al., IEEE Trans Med Imaging 2009;28:1251-1265).
    """
    box = tuple(slice(max(int(i.min()) - 1, 0), int(i.max()) + 2) for i in np.nonzero(truth | parsed))
    truth, parsed = (np.pad(mask[box], 1) for mask in (truth, parsed))
    dice = 2 * float((truth & parsed).sum()) / float(truth.sum() + parsed.sum())
    a, b = surface(truth, spacing_mm), surface(parsed, spacing_mm)
    there, back = b.distance_mm[a.voxels], a.distance_mm[b.voxels]
    pooled = np.concatenate([there, back])
    hausdorff = max(float(np.percentile(there, 95)), float(np.percentile(back, 95)))
    return dice, hausdorff, float(pooled.mean())


def withhold(case: Case, given: Given) -> Case:
    """The case with the masks that a run is given."""
    if given == "all":
        return case
    if given == "none":
        return replace(case, organ_masks={}, organ_origins={})
    names = KEY_ORGANS if given == "few" else tuple(case.organ_masks)
    kept = [name for name in names if name in case.organ_masks and not any(word in name for word in WITHHELD)]
    return replace(
        case,
        organ_masks={name: case.organ_masks[name] for name in kept},
        organ_origins={name: case.organ_origins[name] for name in kept if name in case.organ_origins},
    )


def parse(case: Case, settings: Settings) -> LabelArray:
    """Stations on the CT's grid."""
    grid = working_grid(case.ct, settings.working_spacing_mm)
    organs = find_organs(case, scan_of(case.ct, grid))
    found = IaslcRules().parse(hu_on_grid(case.ct, grid), organs, silent)
    return sitk.GetArrayFromImage(labels_to_image_grid(found.labels, grid, case.ct))


def score(truth: LabelArray, parsed: LabelArray, spacing_mm: tuple[float, float, float]) -> Scores:
    """Scores per station; a station that the truth has and the parser leaves out scores Dice 0."""
    scores: Scores = {}
    for row in anatomy.stations():
        a, b = truth == row.label_value, parsed == row.label_value
        if a.any() and b.any():
            scores[row.name] = compare(a, b, spacing_mm)
        elif a.any() or b.any():
            scores[row.name] = (0.0, None, None)
    return scores


def patient(seed: int, spacing: str) -> dict[Given, Scores]:
    """All runs of one patient."""
    phantom = thorax(seed, spacing_mm=SPACINGS[spacing], organs="all", with_pet=False)
    truth = station_truth(phantom)
    return {
        given: score(truth, parse(withhold(phantom.case, given), Settings()), phantom.grid.spacing_mm)
        for given in GIVEN
    }


def table(rows: list[Scores]) -> list[str]:
    """Markdown table over patients: mean, standard deviation and worst value."""
    lines = [
        "| station | n | Dice mean | SD | min | HD95 mm mean | SD | max | ASD mm mean | SD | max |",
        "| --- " * 11 + "|",
    ]
    means = []
    for station in anatomy.stations():
        found = [row[station.name] for row in rows if station.name in row]
        if not found:
            lines.append(f"| {station.name} | 0 |" + " |" * 9)
            continue
        dice = np.array([f[0] for f in found])
        means.append(float(dice.mean()))
        cells = [f"{dice.mean():.2f}", f"{dice.std():.2f}", f"{dice.min():.2f}"]
        for column in (1, 2):
            values = np.array([f[column] for f in found if f[column] is not None], float)
            cells += (
                [f"{v:.1f}" for v in (values.mean(), values.std(), values.max())] if values.size else ["", "", ""]
            )
        lines.append(f"| {station.name} | {len(found)} | " + " | ".join(cells) + " |")
    lines.append("")
    worst = min(means, default=float("nan"))
    lines.append(f"Mean Dice over stations {np.mean(means):.3f}; worst station's mean {worst:.2f}.")
    return lines


def report(results: dict[int, dict[Given, Scores]], spacing: str) -> str:
    """The whole page in Markdown."""
    seeds = ", ".join(str(seed) for seed in sorted(results))
    in_plane, _, between = SPACINGS[spacing]
    setup = f"CT {in_plane} x {in_plane} x {between} mm, no PET; working grid {Settings().working_spacing_mm} mm"
    lines = [
        f"{len(results)} synthetic patients (`thorax(seed)`), seeds {seeds}; {setup}, parser {IaslcRules.name}. "
        "SD over patients (n in the divisor); HD95 is the larger of both directions, ASD pools both. A station that "
        "the parser leaves out counts as Dice 0 and in no distance.",
    ]
    for given, title in GIVEN.items():
        lines += ["", f"## {title}", "", *table([result[given] for result in results.values()])]
    return "\n".join(lines) + "\n"


def cached(seed: int, spacing: str, cache: Path | None) -> dict[Given, Scores]:
    """A patient's scores, computed once where a cache is kept."""
    file = cache / f"{spacing}-{seed}.json" if cache else None
    if file and file.exists():
        return json.loads(file.read_text(encoding="utf-8"))
    result = patient(seed, spacing)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(result), encoding="utf-8")
    return result


def main() -> None:
    """Run the patients one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--spacing", choices=tuple(SPACINGS), default="coarse")
    parser.add_argument("--cache", type=Path, help="folder of one JSON file a patient, to go on later")
    parser.add_argument("--out", type=Path, help=f"also write what follows the line {MARK!r} of this page")
    options = parser.parse_args()
    before = _before_the_mark(parser, options.out)
    results: dict[int, dict[Given, Scores]] = {}
    for seed in range(options.first_seed, options.first_seed + options.patients):
        results[seed] = cached(seed, options.spacing, options.cache)
        means = {given: float(np.mean([s[0] for s in scores.values()])) for given, scores in results[seed].items()}
        print(f"seed {seed}: " + ", ".join(f"{k} {v:.3f}" for k, v in means.items()), file=sys.stderr, flush=True)
    page = report(results, options.spacing)
    print(page)
    if before is not None:
        options.out.write_text(f"{before}{MARK}\n\n{page}", encoding="utf-8")


def _before_the_mark(parser: argparse.ArgumentParser, page: Path | None) -> str | None:
    """What a page keeps; said before an hour of patients rather than after."""
    if page is None:
        return None
    before, mark, _ = page.read_text(encoding="utf-8").partition(MARK) if page.is_file() else ("", "", "")
    if not mark:
        parser.error(f"{page} has no line {MARK!r}")
    return before


if __name__ == "__main__":
    main()
