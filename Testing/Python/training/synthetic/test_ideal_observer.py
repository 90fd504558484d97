"""Laws of the ideal observer, and of the audit's areas under the curve."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from lnstation_training.synthetic.audit.observers import SIZE, audit_observers, read_stations
from lnstation_training.synthetic.audit.statistics import auroc
from lnstation_training.synthetic.ideal_observer import station_scores
from LNStationLib.phantom.patient import PatientTruth, complete, draw_patient, in_phase, unplaced, venous_hu
from LNStationLib.phantom.preset import Preset, load_preset


@cache
def patients(preset_name: str, number: int) -> list[PatientTruth]:
    return drawn(load_preset(preset_name), number)


def drawn(preset: Preset, number: int) -> list[PatientTruth]:
    plans = [draw_patient(preset, 5, k) for k in range(1, number + 1)]
    return [complete(preset, plan, *unplaced(plan)) for plan in plans]


def odds_and_truth(preset: Preset, everyone: list[PatientTruth], sight: str) -> tuple[np.ndarray, np.ndarray]:
    pairs = []
    for patient in everyone:
        truth = {row.station: row.n_malignant > 0 for row in patient.stations}
        pairs += [(score, truth[name]) for name, score in station_scores(preset, patient).get(sight, {}).items()]  # type: ignore[call-overload]
    score, positive = np.array(pairs, float).T
    return score, positive > 0


@pytest.mark.parametrize("name", ["esophagus", "lung"])
def test_the_ideal_observer_s_probabilities_come_true(name: str) -> None:
    score, positive = odds_and_truth(load_preset(name), patients(name, 80), "nodes and tumor")
    chance = 1 / (1 + np.exp(-score))
    assert chance.sum() == pytest.approx(positive.sum(), rel=0.35)
    assert positive[chance > 0.9].mean() > 0.85
    assert positive[chance < 0.05].mean() < 0.03


def test_it_beats_size_and_seeing_more_never_tells_less() -> None:
    preset = load_preset("esophagus")
    rows = read_stations(patients("esophagus", 80), preset)

    def area(observer: str) -> float:
        chosen = [row for row in rows if row.has_visible and "nodes, tumor and PET" in row.scores]
        value = auroc(
            [row.scores[observer] for row in chosen if row.positive],
            [row.scores[observer] for row in chosen if not row.positive],
        )
        assert value is not None
        return value

    assert area("nodes") > area(SIZE) + 0.05
    assert area("nodes, tumor and PET") > area("nodes") - 0.03


def test_where_metastases_look_like_benign_nodes_looks_say_nothing() -> None:
    preset = load_preset("esophagus")
    hidden = preset.model_copy(update={"nodes": preset.nodes.model_copy(update={"micrometastasis_fraction": 1.0})})
    patient = drawn(hidden, 1)[0]
    scores = station_scores(hidden, patient)["nodes"]
    changed = replace(patient, nodes=tuple(replace(node, hu=node.hu + 40, elongation=1.1) for node in patient.nodes))
    for name, score in station_scores(hidden, changed)["nodes"].items():
        assert score == pytest.approx(scores[name], abs=1e-6)


def test_a_node_that_is_too_small_to_see_is_not_read() -> None:
    preset = load_preset("lung")
    patient = next(p for p in patients("lung", 80) if any(not node.visible for node in p.nodes))
    small = next(node for node in patient.nodes if not node.visible)
    other = tuple(replace(n, hu=120.0, necrosis_fraction=0.6) if n is small else n for n in patient.nodes)
    before, after = (
        station_scores(preset, p)["nodes"][small.station] for p in (patient, replace(patient, nodes=other))
    )
    assert after == pytest.approx(before)


def test_a_node_of_evil_looks_raises_its_station() -> None:
    preset = load_preset("esophagus")
    patient = next(p for p in patients("esophagus", 80) if any(n.visible and n.station == "4R" for n in p.nodes))
    node = next(n for n in patient.nodes if n.visible and n.station == "4R")
    evil = replace(
        node,
        short_axis_mm=12.0,
        necrosis_fraction=0.6,
        elongation=1.1,
        hu=95.0,
        texture_sd_hu=14.0,
        fatty_hilum=False,
    )
    changed = replace(patient, nodes=tuple(evil if n is node else n for n in patient.nodes))
    assert station_scores(preset, changed)["nodes"]["4R"] > station_scores(preset, patient)["nodes"]["4R"] + 2


def test_the_attenuation_of_a_phase_is_taken_back() -> None:
    node = draw_patient(load_preset("lung"), 1, 1).nodes[0]
    for phase in ("venous", "arterial", "none"):
        assert venous_hu(in_phase(node, phase).hu, phase) == pytest.approx(node.hu)


def test_the_audit_says_where_there_are_too_few_positives() -> None:
    figures = audit_observers(patients("esophagus", 80)[:5], load_preset("esophagus"))
    assert any(figure.value.startswith("too few") for figure in figures)
    assert {figure.published for figure in figures if figure.name == "all: ideal observer of nodes"} == {
        "0.821 to 0.883 for networks on CT"
    }
