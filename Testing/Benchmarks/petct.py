"""PET/CT from images to N category, and the choice of atlases (Engelson et al. 2026, Table 7 and Sec. 4.1).

    PYTHONPATH=. python -m Testing.Benchmarks.petct --stations ts1.zip --stager ts2.zip --patients 1
    PYTHONPATH=. python -m Testing.Benchmarks.petct --stations ts1.zip --choice --patients 3

Patients are synthetic, with 512 x 512 x 91 voxels, a PET, and no mask: organs come from the organ network where it
is installed. The choice of atlases judges each patient's stations by all five atlases and by all ten sets of three,
as in the paper, and compares the calls by McNemar's test.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import SimpleITK as sitk

from lnstation_training.evaluation.staging import mcnemar
from LNStationLib.assessment.assess import assess, found_organs
from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import labels_to_image_grid
from LNStationLib.metastasis.patch_network import PatchClassifier, warm_classifier
from LNStationLib.models.package.folders import find_package
from LNStationLib.phantom.case import render
from LNStationLib.phantom.patient import draw_patient
from LNStationLib.phantom.preset import load_preset
from LNStationLib.sampling.station_patch import pet_ct_volume
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.stations.atlas_registration.carrying import Carried, carry_atlases
from LNStationLib.stations.atlas_registration.drawing import drawn, votes_of
from LNStationLib.stations.atlas_registration.folders import chosen_atlases
from LNStationLib.stations.atlas_registration.guides import Guided, guided_patient
from LNStationLib.stations.atlas_registration.method import AtlasOptions
from LNStationLib.support.progress import silent
from Testing.Benchmarks.atlases import cpu_seconds

SEED = 47
SLICE_MM = 3.32
"""For 91 slices."""
PAPER_SECONDS = {"organs": 105, "stations": 645, "metastasis": 53}
"""Table 7, on an A100: organs of five atlases, registration, patches; inference and rules took 0.09."""


def patient(number: int) -> tuple[Case, frozenset[str]]:
    """A patient without masks, and the stations that imaging shows positive."""
    preset = load_preset("lung")
    plan = draw_patient(preset, SEED, number)
    pixel = plan.spacing_mm[0]
    phantom = render(replace(plan, spacing_mm=(pixel, pixel, SLICE_MM)))
    positive = frozenset(node.station for node in phantom.nodes if node.malignant and node.visible and node.station)
    return replace(phantom.case, organ_masks={}, organ_origins={}, nodes=None), positive


def run_steps(stations: str, stager: str | None, patients: int) -> None:
    """Print the seconds of every step, wall clock and all processes' processor time."""
    settings = Settings(
        stations=StepSettings(method="atlas_registration"),
        metastasis=StepSettings(method="patch_network", options={"patch_network": {"model": stations}}),
    )
    if stager is not None:
        chosen = StepSettings(method="network", options={"network": {"model": stager}})
        settings = settings.model_copy(update={"staging": chosen})
    for number in range(1, patients + 1):
        case, _ = patient(number)
        start, before = time.perf_counter(), cpu_seconds()
        answer = assess(case, settings).assessment
        wall, processor = time.perf_counter() - start, cpu_seconds() - before
        print(f"patient {number}, {'x'.join(map(str, case.ct.GetSize()))} voxels: {answer.n_category}")
        for row in answer.provenance:
            paper = PAPER_SECONDS.get(row.step)
            print(f"  {row.step:<11} {row.seconds or 0:7.1f} s" + (f"   paper, A100: {paper} s" if paper else ""))
        print(f"  {'total':<11} {wall:7.1f} s   paper, A100: 803 s; processor time {processor:.0f} s")


def run_choice(stations: str, patients: int) -> None:
    """Print McNemar's test of every set of three atlases against all five, over the stations of all patients."""
    network = warm_classifier(find_package(stations), "cpu")
    threshold = network.section.operating_point().threshold
    right: dict[tuple[int, ...], list[bool]] = {}
    owner: list[str] = []
    for number in range(1, patients + 1):
        case, positive = patient(number)
        state, coarse, carried = registered(case)
        every = tuple(range(len(carried)))
        found = {chosen: judged(state, coarse, [carried[n] for n in chosen], network) for chosen in sets(every)}
        # Stations that every choice draws: the others could not be compared.
        names = sorted(set.intersection(*(set(each) for each in found.values())))
        owner += [str(number)] * len(names)
        for chosen, probabilities in found.items():
            called = [(probabilities[name] >= threshold) == (name in positive) for name in names]
            right.setdefault(chosen, []).extend(called)
    reference = np.array(right.pop(every))
    print(f"{patients} patients, {len(owner)} stations; five atlases: accuracy {reference.mean():.3f}")
    for chosen, values in right.items():
        test = mcnemar(np.array(values), reference, np.array(owner))
        told = f"{test.difference:+.3f} ({test.low:+.3f} to {test.high:+.3f}), p {test.p_value:.3f}"
        print(f"  atlases {', '.join(str(n + 1) for n in chosen)}: {told}")


def sets(every: tuple[int, ...]) -> Sequence[tuple[int, ...]]:
    """All atlases, then all sets of three."""
    return [every, *combinations(every, 3)]


def registered(case: Case) -> tuple[PatientState, Guided, list[Carried]]:
    """Organs, and all atlases registered once."""
    state = found_organs(case, Settings())
    options = AtlasOptions()
    guided = guided_patient(case.ct, state.organ_set, options.registration_spacing_mm)
    if guided is None:
        raise SystemExit("no lung was found")
    carried = carry_atlases(chosen_atlases(None), guided, silent)
    return state, guided, [one for one in carried if not one.problem(options.least_overlap)]


def judged(
    state: PatientState, guided: Guided, kept: Sequence[Carried], network: PatchClassifier
) -> dict[str, float]:
    """Probabilities of the stations that some atlases draw by majority."""
    votes, box = votes_of(kept, state, guided.grid, "majority")
    stations = drawn(votes, box, state.organ_set)
    labels: sitk.Image = labels_to_image_grid(stations.labels, stations.grid, state.case.ct)
    assert state.case.pet is not None
    volume = pet_ct_volume(state.case.ct, state.case.pet, labels, network.section.patch)
    if volume is None:
        return {}
    names = [name for name in network.section.stations if stations.mask(name).any()]
    return network.probabilities(volume, names)


def main() -> None:
    """See the text above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stations", required=True, help="package of station_patches")
    parser.add_argument("--stager", help="package of n_staging")
    parser.add_argument("--patients", type=int, default=1)
    parser.add_argument("--choice", action="store_true", help="compare all sets of three atlases with all five")
    arguments = parser.parse_args()
    if arguments.choice:
        run_choice(arguments.stations, arguments.patients)
    else:
        run_steps(arguments.stations, arguments.stager, arguments.patients)


if __name__ == "__main__":
    main()
