"""Organs and stations by image methods, by the network alone and by the automatic choice, against known truth.

    python Testing/Benchmarks/organs.py --patients 20 --jobs 2 --cache ORGANS_CACHE --out docs/organs_quality.md

Unseen synthetic patients of both presets, each without contrast, venous and arterial, with slices of 1 and 5 mm and
no mask given: Dice and 95 % Hausdorff distance of each organ, and of each station by the automatic choice. A real CT
(``--real ../shared/data/chest_ct_01``) is held against its masks, with the levels on which the borders of stations
rest. One JSON file a rendering under ``--cache`` lets an interrupted run go on. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Benchmarks"), str(ROOT / "Testing" / "Python" / "organs")]

from parser_quality import Scores, compare, score  # noqa: E402  (the source tree is put on the path above)
from without_contrast import without_contrast  # noqa: E402

from LNStationLib import anatomy  # noqa: E402
from LNStationLib.case.case import Case, CaseFacts  # noqa: E402
from LNStationLib.case.from_files import load_case  # noqa: E402
from LNStationLib.case.request import CaseRequest  # noqa: E402
from LNStationLib.imaging.grid import field_of_view, labels_to_image_grid  # noqa: E402
from LNStationLib.imaging.scan import scan_of  # noqa: E402
from LNStationLib.imaging.thorax_view import chest_grid  # noqa: E402
from LNStationLib.organs import network as organ_network  # noqa: E402
from LNStationLib.organs.groups import AIRWAYS, BONES, HEART, LUNGS, VESSELS  # noqa: E402
from LNStationLib.organs.network import SWITCH  # noqa: E402
from LNStationLib.organs.registry import METHODS  # noqa: E402
from LNStationLib.phantom.case import PhantomCase, render  # noqa: E402
from LNStationLib.phantom.patient import draw_patient  # noqa: E402
from LNStationLib.phantom.preset import load_preset  # noqa: E402
from LNStationLib.phantom.station_truth import station_truth  # noqa: E402
from LNStationLib.quality import check_organs, check_stations  # noqa: E402
from LNStationLib.state.organ_set import OrganSet  # noqa: E402
from LNStationLib.state.patient_state import PatientState  # noqa: E402
from LNStationLib.state.settings import Settings, StepSettings  # noqa: E402
from LNStationLib.stations.iaslc_rules import IaslcRules  # noqa: E402
from LNStationLib.support.progress import silent  # noqa: E402
from LNStationLib.support.types import BoolArray  # noqa: E402

MARK = "<!-- written by Testing/Benchmarks/organs.py -->"
COHORT_SEED = 31415
"""Not the seed of any cohort that a network was trained on."""
PRESETS = ("lung", "esophagus")
PHASES = ("none", "venous", "arterial")
SLICES_MM = (1.0, 5.0)
IN_PLANE_MM = 1.2
METHOD_NAMES = {
    "image": StepSettings(method="supplied_and_image"),
    "network": StepSettings(method="network", options={"network": {"network_first": True}}),
    "auto": StepSettings(method="network"),
}
SHOWN = (*LUNGS, *AIRWAYS, *BONES, *HEART, *VESSELS, "esophagus", "thyroid_gland", "liver", "stomach", "spinal_cord")
LEVELS = (
    "carina",
    "aortic_arch_top",
    "aortic_arch_underside",
    "left_pulmonary_artery_top",
    "left_brachiocephalic_vein_crossing",
    "manubrium_top",
    "bronchus_intermedius_end",
    "left_lower_lobe_bronchus_origin",
    "inferior_pulmonary_vein_right",
    "inferior_pulmonary_vein_left",
)


_answers: dict[str, tuple[sitk.Image, Any]] = {}
_ask = organ_network._ask


def _asked_once(state: PatientState, *args: Any) -> Any:
    """What the network says of a CT: the same for every order of the sources, and most of the time."""
    ct, answer = _answers.get("last", (None, None))
    if ct is not state.case.ct:
        answer = _ask(state, *args)
        _answers["last"] = state.case.ct, answer
    return answer


organ_network._ask = _asked_once


def found_organs(case: Case, choice: StepSettings) -> tuple[PatientState, OrganSet]:
    """Organs after the quality check, as an assessment finds them."""
    settings = Settings(organs=choice)
    scan = scan_of(case.ct, chest_grid(case.ct, settings.working_spacing_mm))
    state = PatientState(case, settings, scan)
    method = METHODS.chosen(settings, case)
    organs = method.run(state, METHODS.options(method, settings), silent)
    return state, check_organs(organs, field_of_view(case.ct, organs.grid))[0]


def organ_scores(organs: OrganSet, truth: dict[str, BoolArray], ct: sitk.Image) -> dict[str, list[float | None]]:
    """Dice and HD95 in mm by organ; Dice 0 where an organ of the truth was not found."""
    spacing = tuple(reversed(ct.GetSpacing()))
    rows: dict[str, list[float | None]] = {}
    for name, mask in truth.items():
        if name not in SHOWN or not mask.any():
            continue
        given = organs.mask(name)
        there = None if given is None else _on_ct(given, organs, ct)
        if there is None or not there.any():
            rows[name] = [0.0, None]
        else:
            rows[name] = list(compare(mask, there, spacing)[:2])  # type: ignore[arg-type]
    return rows


def _on_ct(mask: BoolArray, organs: OrganSet, ct: sitk.Image) -> BoolArray:
    return sitk.GetArrayFromImage(labels_to_image_grid(mask.astype(np.uint8), organs.grid, ct)) > 0


def station_scores(state: PatientState, organs: OrganSet, truth: np.ndarray) -> Scores:
    """Scores of the stations by the IASLC rules on these organs."""
    ct = state.case.ct
    parsed = IaslcRules().parse(state.working_ct.hu, organs, silent)
    checked, _ = check_stations(parsed, organs, state.working_ct.hu)
    labels = sitk.GetArrayFromImage(labels_to_image_grid(checked.labels, checked.grid, ct))
    return score(truth, labels, tuple(reversed(ct.GetSpacing())))  # type: ignore[arg-type]


def patient(number: int, phase: str, slice_mm: float) -> PhantomCase:
    """One rendering of an unseen patient without masks."""
    plan = draw_patient(load_preset(PRESETS[number % 2]), COHORT_SEED, number)
    spacing = (IN_PLANE_MM, IN_PLANE_MM, slice_mm)
    plan = replace(plan, spacing_mm=spacing, has_pet=False, field_of_view="compact")
    return render(plan, organs="none", traits={"contrast": phase})


def rendering(job: tuple[int, str, float, Path | None, tuple[str, ...]]) -> dict[str, object]:
    """All scores of one rendering, from the cache where it was made before."""
    os.environ.pop(SWITCH, None)
    number, phase, slice_mm, cache, methods = job
    file = cache / f"{number}-{phase}-{slice_mm:g}.json" if cache else None
    known = json.loads(file.read_text(encoding="utf-8")) if file and file.exists() else {}
    if all(name in known for name in methods):
        return known
    start = time.process_time()
    phantom = patient(number, phase, slice_mm)
    _say(f"patient {number}, {phase}, {slice_mm:g} mm: rendered", start)
    truth = {name: phantom.organs[name].astype(bool) for name in phantom.organs if name in SHOWN}
    true_stations = station_truth(phantom)
    result: dict[str, object] = {**known, "number": number, "phase": phase, "slice_mm": slice_mm}
    for name in (name for name in methods if name not in known):
        state, organs = found_organs(phantom.case, METHOD_NAMES[name])
        result[name] = organ_scores(organs, truth, phantom.case.ct)
        result[f"{name} stations"] = station_scores(state, organs, true_stations)
        _say(f"  {name}", start)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(result), encoding="utf-8")
        part.replace(file)
    return result


def _say(what: str, start: float) -> None:
    print(f"{what}, {time.process_time() - start:.0f} s of CPU", file=sys.stderr, flush=True)


def organ_table(results: list[dict]) -> list[str]:
    """Mean Dice and HD95 by organ and method, over some renderings."""
    methods = [method for method in METHOD_NAMES if all(method in result for result in results)]
    lines = [
        "| organ | " + " | ".join(f"{method} Dice | HD95 mm" for method in methods) + " |",
        "| --- " * (1 + 2 * len(methods)) + "|",
    ]
    for name in SHOWN:
        if not any(name in result["auto"] for result in results):
            continue
        cells = [name.replace("_", " ")]
        for method in methods:
            values = [result[method][name] for result in results if name in result[method]]
            apart = [far for _, far in values if far is not None]
            cells += [f"{np.mean([dice for dice, _ in values]):.2f}", f"{np.mean(apart):.1f}" if apart else ""]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def station_table(results: list[dict]) -> list[str]:
    """Mean Dice of each station, by phase, with the automatic choice and with image methods where they were run."""
    phases = [phase for phase in PHASES if any(result["phase"] == phase for result in results)]
    columns = [(phase, method) for phase in phases for method in ("image", "auto")]
    columns = [(p, m) for p, m in columns if all(f"{m} stations" in r for r in results if r["phase"] == p)]
    titles = [f"{p}: {m} | {p}: least" if m == "auto" else f"{p}: {m}" for p, m in columns]
    lines = ["| station | " + " | ".join(titles) + " |"]
    lines.append("| --- " * (1 + len(columns) + len(phases)) + "|")
    means: dict[str, list[float]] = {phase: [] for phase in phases}
    for row in anatomy.stations():
        cells = [row.name]
        for phase, method in columns:
            scores = [r[f"{method} stations"] for r in results if r["phase"] == phase]
            dice = [each[row.name][0] for each in scores if row.name in each]
            cells.append(f"{np.mean(dice):.2f}" if dice else "")
            if method == "auto":
                cells.append(f"{min(dice):.2f}" if dice else "")
                means[phase] += [float(np.mean(dice))] if dice else []
        lines.append("| " + " | ".join(cells) + " |")
    for phase, values in means.items():
        if values:
            lines += ["", f"Contrast {phase}: mean over stations {np.mean(values):.3f}, least {min(values):.2f}."]
    return lines


def real_section(folder: Path) -> list[str]:
    """A real CT against its masks, and the levels of its borders by supplied masks, network and image."""
    case = load_case(CaseRequest(ct=folder / "ct.nii.gz", organs=folder / "organs"))
    bare = replace(case, organ_masks={}, organ_origins={})
    plain = replace(without_contrast(case), facts=CaseFacts())
    truth = {name: _resampled(mask, case.ct) for name, mask in case.organ_masks.items() if name in SHOWN}
    runs = {
        "supplied masks": found_organs(case, METHOD_NAMES["image"])[1],
        "image": found_organs(bare, METHOD_NAMES["image"])[1],
        "network": found_organs(bare, METHOD_NAMES["auto"])[1],
        "image, contrast taken out": found_organs(plain, METHOD_NAMES["image"])[1],
        "network, contrast taken out": found_organs(plain, METHOD_NAMES["auto"])[1],
    }
    scores = {name: organ_scores(organs, truth, case.ct) for name, organs in runs.items() if name != "supplied masks"}
    lines = ["| organ | " + " | ".join(scores) + " |", "| --- " * (1 + len(scores)) + "|"]
    for organ in (name for name in truth if name in SHOWN):
        cells = [f"{rows[organ][0]:.2f}" for rows in scores.values()]
        lines.append(f"| {organ.replace('_', ' ')} | " + " | ".join(cells) + " |")
    lines += ["", "Levels in mm above the carina of the run with masks; (s): a surrogate.", ""]
    zero = runs["supplied masks"].landmarks["carina"].point_mm[2]
    lines += ["| level | " + " | ".join(runs) + " |", "| --- " * (1 + len(runs)) + "|"]
    for level in LEVELS:
        marks = [organs.landmarks.get(level) for organs in runs.values()]
        cells = [
            "" if mark is None else f"{mark.point_mm[2] - zero:.0f}" + (" (s)" if mark.source == "surrogate" else "")
            for mark in marks
        ]
        lines.append(f"| {level.replace('_', ' ')} | " + " | ".join(cells) + " |")
    return lines


def _resampled(mask: sitk.Image, ct: sitk.Image) -> BoolArray:
    """A mask, of whatever grid, on the CT's."""
    return sitk.GetArrayFromImage(sitk.Resample(mask, ct, sitk.Transform(), sitk.sitkNearestNeighbor)) > 0


def report(results: list[dict], real: list[str]) -> str:
    """The page in Markdown."""
    numbers = sorted({result["number"] for result in results})
    lines = [
        f"{len(numbers)} synthetic patients (cohort seed {COHORT_SEED}, numbers {numbers[0]} to {numbers[-1]}, lung "
        f"and esophagus preset in turn), pixels of {IN_PLANE_MM} mm, no mask given. An organ or station that was not "
        "found counts as Dice 0 and in no distance.",
    ]
    for phase in PHASES:
        for slice_mm in SLICES_MM:
            part = [result for result in results if (result["phase"], result["slice_mm"]) == (phase, slice_mm)]
            if part:
                lines += ["", f"## Organs, contrast {phase}, slices of {slice_mm:g} mm", "", *organ_table(part)]
    lines += ["", "## Stations", "", *station_table(results)]
    if real:
        lines += ["", "## A real CT", "", *real]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run renderings, one process a job."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=4)
    parser.add_argument("--first", type=int, default=1, help="number of the first patient")
    parser.add_argument("--phases", nargs="*", choices=PHASES, default=PHASES)
    parser.add_argument("--slices-mm", nargs="*", type=float, default=SLICES_MM)
    parser.add_argument(
        "--methods", nargs="*", choices=tuple(METHOD_NAMES), default=tuple(METHOD_NAMES), help="auto always runs"
    )
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cache", type=Path, help="folder of one JSON file a rendering, to go on later")
    parser.add_argument("--real", type=Path, help="folder of a real CT with masks of organs")
    parser.add_argument("--out", type=Path, help=f"also write what follows the line {MARK!r} of this page")
    options = parser.parse_args()
    if options.out and (not options.out.is_file() or MARK not in options.out.read_text(encoding="utf-8")):
        parser.error(f"{options.out} has no line {MARK!r}")
    os.environ.pop(SWITCH, None)
    numbers = range(options.first, options.first + options.patients)
    methods = tuple(name for name in METHOD_NAMES if name in {*options.methods, "auto"})
    renderings = [(n, phase, mm) for n in numbers for phase in options.phases for mm in options.slices_mm]
    jobs = [(*each, options.cache, methods) for each in renderings]
    results = []
    with ProcessPoolExecutor(options.jobs) as pool:
        for result in pool.map(rendering, jobs):
            results.append(result)
            mean = np.mean([values[0] for values in result["auto stations"].values()])
            print(result["number"], result["phase"], result["slice_mm"], f"stations {mean:.3f}", file=sys.stderr)
    page = report(results, real_section(options.real) if options.real else [])
    print(page)
    if options.out:
        before = options.out.read_text(encoding="utf-8").partition(MARK)[0]
        options.out.write_text(f"{before}{MARK}\n\n{page}", encoding="utf-8")


if __name__ == "__main__":
    main()
