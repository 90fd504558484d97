"""How many nodes each method finds, and how many false ones: unseen synthetic patients with known truth.

    python Testing/Benchmarks/nodes.py --patients 60 --cache NODES_CACHE --methods ct_blobs network pet_threshold \
        --out Training/experiments/osln/visible.md --json Training/experiments/osln/results/visible

Both presets in turn, without contrast, venous and arterial, slices of 1, 2, 3 and 5 mm in turn, every second patient
with PET. The organs that a usual run of TotalSegmentator gives are supplied, stations follow from the rules: every
method gets the same. A patient's images are kept under ``--cache``, so that another method, or the same one after a
change, need not render them again. Blobs have no score: they are ranked by their short axis, PET nodes by SUVmax.
Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Training")]

from lnstation_training.evaluation import detection  # noqa: E402  (the source tree is put on the path above)
from lnstation_training.evaluation.detection import PatientHits, TrueNode  # noqa: E402
from lnstation_training.tasks.node_detection.evaluation import size_class  # noqa: E402
from lnstation_training.tasks.node_detection.thorough import (  # noqa: E402
    found_digest,
    found_in_views,
    measured_search,
    search_metrics,
    write_with_search,
)
from lnstation_training.tasks.node_detection.whole_patients import held_to_truth  # noqa: E402
from LNStationLib.assessment.assess import parse_case  # noqa: E402
from LNStationLib.case.case import Case  # noqa: E402
from LNStationLib.imaging.arrays import array_view  # noqa: E402
from LNStationLib.models.package import NodeDetection, read_manifest, read_package  # noqa: E402
from LNStationLib.models.package.folders import find_package  # noqa: E402
from LNStationLib.phantom.case import PhantomCase, render  # noqa: E402
from LNStationLib.phantom.patient import draw_patient, in_phase, venous_hu  # noqa: E402
from LNStationLib.phantom.preset import load_preset  # noqa: E402
from LNStationLib.sampling.volume import GROUP_CHANNELS  # noqa: E402
from LNStationLib.state.assessment import Midline, NodeFinding  # noqa: E402
from LNStationLib.state.patient_state import PatientState, patient_with_stations  # noqa: E402
from LNStationLib.state.settings import Settings, StepSettings  # noqa: E402

COHORT_SEED = 27182
"""Not the seed of any cohort that a network was trained on."""
PRESETS = ("lung", "esophagus")
PHASES = ("none", "venous", "arterial")
SLICES_MM = (1.0, 2.0, 3.0, 5.0)
IN_PLANE_MM = 1.0
ORGANS = {"heart": "group:blood", "airways": "group:airways", "esophagus": "group:esophagus"}
"""Masks that are kept of a patient, and the group of organs that each stands for."""
METHODS: dict[str, tuple[dict[str, float | str], Callable[[NodeFinding], float]]] = {
    "ct_blobs": ({}, lambda row: row.short_axis_mm),
    "network": ({"false_positives": 20.0}, lambda row: row.score or 0.0),
    "network_once": ({"false_positives": 20.0, "search": "quick"}, lambda row: row.score or 0.0),
    "pet_threshold": ({}, lambda row: row.suv_max or 0.0),
}
"""Options of each, and what its candidates are ranked by; "network_once" is the network asked in one view."""


def rendered(number: int) -> PhantomCase:
    """An unseen patient in a phase of contrast and with slices that follow from its number."""
    plan = draw_patient(load_preset(PRESETS[number % 2]), COHORT_SEED, number)
    phase, slice_mm = PHASES[number // 2 % len(PHASES)], SLICES_MM[number // 2 % len(SLICES_MM)]
    nodes = tuple(in_phase(replace(one, hu=venous_hu(one.hu, plan.contrast)), phase) for one in plan.nodes)
    plan = replace(
        plan,
        spacing_mm=(IN_PLANE_MM, IN_PLANE_MM, slice_mm),
        contrast=phase,
        nodes=nodes,
        has_pet=number // 2 % 2 == 0,
        field_of_view="compact",
    )
    return render(plan)


def prepared(number: int, cache: Path) -> Path:
    """Images, masks, stations and truth of a patient in a folder of the cache; made where missing."""
    folder = cache / f"{number:03d}"
    if (folder / "facts.json").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    start = time.process_time()
    phantom = rendered(number)
    case = replace(phantom.case, nodes=None)
    state = parse_case(case, Settings(organs=StepSettings(method="supplied_and_image")))
    _save(folder, state, phantom)
    hits = scored(state, phantom.node_labels, _true_nodes(phantom), "ct_blobs")
    (folder / "ct_blobs.json").write_text(hits.model_dump_json(), encoding="utf-8")
    _say(f"patient {number} rendered, parsed and searched for blobs", start)
    facts = {
        "midline": state.midline.model_dump(),
        "nodes": [one.model_dump() for one in _true_nodes(phantom)],
        "slice_mm": case.ct.GetSpacing()[2],
        "phase": phantom.variation.contrast,
        "preset": PRESETS[number % 2],
    }
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


def _true_nodes(phantom: PhantomCase) -> list[TrueNode]:
    return [
        TrueNode(number=one.node_id, short_axis_mm=one.short_axis_mm, station=one.station)
        for one in phantom.nodes
        if one.visible
    ]


def _save(folder: Path, state: PatientState, phantom: PhantomCase) -> None:
    case = state.informed
    sitk.WriteImage(case.ct, str(folder / "ct.mha"))
    sitk.WriteImage(state.stations, str(folder / "stations.mha"), True)
    sitk.WriteImage(phantom.grid.image(phantom.node_labels), str(folder / "truth.mha"), True)
    for name, image in (("pet", case.pet), ("tumor", case.tumor)):
        if image is not None:
            sitk.WriteImage(image, str(folder / f"{name}.mha"), True)
    for name, group in ORGANS.items():
        whole = np.zeros(phantom.grid.shape, np.uint8)
        for organ in GROUP_CHANNELS[group].organs:
            if organ in case.organ_masks and organ not in case.organ_surrogates:
                there = sitk.Resample(
                    case.organ_masks[organ], case.ct, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8
                )
                whole |= array_view(there) > 0
        sitk.WriteImage(phantom.grid.image(whole), str(folder / f"{name}.mha"), True)


def loaded(folder: Path) -> tuple[PatientState, np.ndarray, list[TrueNode], dict]:
    """A patient of the cache: with stations, the truth's map, the nodes that count, and facts."""
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    read = {path.stem: sitk.ReadImage(str(path)) for path in folder.glob("*.mha")}
    masks = {name: read[name] for name in ORGANS}
    case = Case(folder.name, read["ct"], pet=read.get("pet"), tumor=read.get("tumor"), organ_masks=masks)
    state = patient_with_stations(case, Settings(), read["stations"], Midline(**facts["midline"]))
    return state, sitk.GetArrayFromImage(read["truth"]), [TrueNode(**row) for row in facts["nodes"]], facts


def scored(
    state: PatientState, truth: np.ndarray, nodes: list[TrueNode], name: str, model: str | None = None
) -> PatientHits:
    """Candidates of a method held to the truth."""
    options, score = METHODS[name]
    method = name.removesuffix("_once")
    given = {**options, **({"model": model} if method == "network" else {})}
    choice = StepSettings(method=method, options={method: given})
    return held_to_truth(state, choice, score, truth, nodes)


def judged(number: int, cache: Path, methods: Sequence[str], again: Sequence[str], model: str | None) -> dict:
    """Every method on one patient, from the cache where it was done before."""
    folder = prepared(number, cache)
    result: dict = {"number": number, "facts": json.loads((folder / "facts.json").read_text(encoding="utf-8"))}
    patient = None
    for name in methods:
        file = folder / f"{name}.json"
        if name == "pet_threshold" and not (folder / "pet.mha").exists():
            continue
        if not file.exists() or name in again:
            patient = patient or loaded(folder)
            start = time.process_time()
            hits = scored(*patient[:3], name, model)
            _say(f"patient {number} by {name}", start)
            file.write_text(hits.model_dump_json(), encoding="utf-8")
        result[name] = PatientHits.model_validate_json(file.read_text(encoding="utf-8"))
    return result


def _say(what: str, start: float) -> None:
    print(f"{what}, {time.process_time() - start:.0f} s of CPU", file=sys.stderr, flush=True)


def row(name: str, patients: Sequence[PatientHits], n_resamples: int) -> list[str]:
    """Figures of a method over some patients."""
    curve = detection.froc(patients)
    cells = [name, str(len(patients)), str(sum(len(one.nodes) for one in patients))]
    cells.append(f"{curve.false_positives[-1]:.1f}, {curve.recall[-1]:.2f}")
    for measure in (detection.mean_recall_at, *(partial(_recall, fps=fps) for fps in (1.0, 2.0, 4.0, 8.0))):
        ends = detection.interval(patients, measure, n_resamples)
        cells.append(f"{measure(patients):.2f}" + (f" ({ends[0]:.2f} to {ends[1]:.2f})" if ends else ""))
    dice = detection.mean_dice(patients, -np.inf)
    cells += [f"{detection.best_f1(patients):.2f}", "" if dice is None else f"{dice:.2f}"]
    return cells


def _recall(patients: Sequence[PatientHits], fps: float) -> float:
    return detection.recall_at(detection.froc(patients), fps)


def figures_table(results: list[dict], methods: Sequence[str], n_resamples: int = 1000) -> list[str]:
    """Every method on all patients that it can work on, and the others on the same."""
    head = ["method", "patients", "nodes", "all candidates: FP, recall", "mFROC", "recall at 1 FP", "2 FP", "4 FP",
            "8 FP", "best F1", "Dice of hits"]  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    with_pet = [one for one in results if "pet_threshold" in one]
    for some, suffix in ((results, ""), (with_pet, ", patients with PET")):
        for name in methods:
            patients = [one[name] for one in some if name in one]
            if patients and not (name == "pet_threshold" and not suffix):
                lines.append(f"| {' | '.join(row(name + suffix, patients, n_resamples))} |")
    return lines


def strata_table(results: list[dict], methods: Sequence[str]) -> list[str]:
    """Recall at 4 false positives a patient, by size, slices and contrast."""
    lines = [f"| nodes | number | {' | '.join(methods)} |", "| --- " * (2 + len(methods)) + "|"]
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for name in methods:
        some = [one for one in results if name in one]
        patients = [one[name] for one in some]
        if not patients:
            continue
        threshold = detection.threshold_at(detection.froc(patients), 4.0)
        rows = detection.recall_by(patients, threshold, size_class)
        for key in ("slice_mm", "phase", "preset"):
            for value in sorted({one["facts"][key] for one in some}, key=str):
                part = [one[name] for one in some if one["facts"][key] == value]
                rows += detection.recall_by(part, threshold, lambda node, v=value, k=key: _said(k, v))
        for each in rows:
            found.setdefault(each.title, {})[name] = (each.n_found, each.n_nodes)
    for title, by in found.items():
        number = next(iter(by.values()))[1]
        cells = [f"{by[name][0] / by[name][1]:.2f}" if name in by else "" for name in methods]
        lines.append(f"| {title} | {number} | {' | '.join(cells)} |")
    return lines


def _said(key: str, value: object) -> str:
    return {"slice_mm": f"slices of {value} mm", "phase": f"contrast {value}", "preset": f"preset {value}"}[key]


def rewrite(options: argparse.Namespace, pool: ProcessPoolExecutor, numbers: Sequence[int]) -> None:
    """Write a package that asks in several views: operating points of the first patients, figures of the others."""
    package = read_package(find_package(options.model, NodeDetection.task))

    def found(path: Path) -> list[PatientHits]:
        return list(pool.map(partial(hits_of, cache=options.cache, model=str(path)), numbers))

    hits = found_in_views(package, found)
    chosen, others = hits[: options.points], hits[options.points :]
    cohort = "Synthetic patients (whole assessments of finished CTs, slices of 1 to 5 mm)"
    search = measured_search(chosen)
    write_with_search(package, options.write, search, options.version, search_metrics(others, cohort))
    for title, some in (("operating points", chosen), ("test", others)):
        print(f"| {' | '.join(row(title, some, 1000))} |")
        threshold = detection.threshold_at(detection.froc(some), 4.0)
        for each in detection.recall_by(some, threshold, size_class):
            print(f"| {each.title} | {each.n_found} of {each.n_nodes} |")


def hits_of(number: int, cache: Path, model: str) -> PatientHits:
    """What a package finds in a patient; kept, for a run that was broken off."""
    kept = prepared(number, cache) / f"network-{found_digest(read_manifest(Path(model)))}.json"
    if not kept.exists():
        start = time.process_time()
        hits = scored(*loaded(kept.parent)[:3], "network", model)
        kept.write_text(hits.model_dump_json(), encoding="utf-8")
        _say(f"patient {number} in several views", start)
    return PatientHits.model_validate_json(kept.read_text(encoding="utf-8"))


def main() -> None:
    """Judge the methods on every patient, one process a job."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=8)
    parser.add_argument("--first", type=int, default=1, help="number of the first patient")
    parser.add_argument("--methods", nargs="*", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--again", nargs="*", choices=list(METHODS), default=[], help="judge these again")
    parser.add_argument("--model", help="package of the network; the shipped one by default")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cache", type=Path, required=True, help="folder of the patients' images")
    parser.add_argument("--write", type=Path, help="package to write: the network asked in several views")
    parser.add_argument("--version", default="", help="of that package")
    parser.add_argument("--points", type=int, default=20, help="patients that its operating points are of")
    parser.add_argument("--only-prepare", action="store_true", help="render and parse, no more")
    parser.add_argument("--out", type=Path, help="also write the page to this file")
    options = parser.parse_args()
    numbers = range(options.first, options.first + options.patients)
    with ProcessPoolExecutor(options.jobs) as pool:
        if options.only_prepare:
            list(pool.map(partial(prepared, cache=options.cache), numbers))
            return
        if options.write:
            rewrite(options, pool, numbers)
            return
        results = list(
            pool.map(
                partial(
                    judged, cache=options.cache, methods=options.methods, again=options.again, model=options.model
                ),
                numbers,
            )
        )
    page = "\n".join([*figures_table(results, options.methods), "", *strata_table(results, options.methods)])
    print(page)
    if options.out:
        options.out.write_text(page + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
