"""Changes of a preset: what they move, what they leave, and what the readers make of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from lnstation_training.synthetic.audit.observers import SIZE, StationReading, read_stations
from lnstation_training.synthetic.audit.statistics import auroc
from LNStationLib.phantom.patient import complete, draw_patient, unplaced
from LNStationLib.phantom.preset import PRESET_NAMES, Appearance, Normal, Preset, load_preset
from LNStationLib.phantom.preset_change import PresetChange


def readings(preset: Preset, number: int = 30) -> list[StationReading]:
    patients = []
    for index in range(1, number + 1):
        plan = replace(draw_patient(preset, 3, index), has_pet=False)
        patients.append(complete(preset, plan, *unplaced(plan)))
    return read_stations(patients, preset)


def area(rows: list[StationReading], reader: str) -> float:
    value = auroc([r.scores[reader] for r in rows if r.positive], [r.scores[reader] for r in rows if not r.positive])
    assert value is not None
    return value


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_no_change_leaves_the_preset_and_its_digest(name: str) -> None:
    preset = load_preset(name)
    assert PresetChange().applied(preset) == preset
    assert PresetChange().applied(preset).digest() == preset.digest()
    assert PresetChange().summary() == ""


def test_a_change_has_a_digest_and_words_of_its_own() -> None:
    preset = load_preset("esophagus")
    change = PresetChange(sign_strength=2.5, reactive_patient_fraction=0.5, reactive_size_factor=1.5)
    assert change.applied(preset).digest() != preset.digest()
    assert change.summary() == "signs x 2.5, 50 % with reactive nodes, reactive nodes x 1.5"


def test_signs_move_apart_about_the_middle_and_their_spread_stays() -> None:
    preset = load_preset("esophagus")
    changed = PresetChange(sign_strength=2.0).applied(preset)
    for group, benign in preset.nodes.benign.items():
        for name in Appearance.model_fields:
            old = getattr(benign, name), getattr(preset.nodes.metastatic[group], name)
            new = getattr(changed.nodes.benign[group], name), getattr(changed.nodes.metastatic[group], name)
            if isinstance(old[0], Normal):
                assert [each.sd for each in new] == [each.sd for each in old]
                old, new = (old[0].mean, old[1].mean), (new[0].mean, new[1].mean)
                if all(each not in (1.0, 1.05, 0.8) for each in new):  # the ends of their ranges
                    assert new[1] - new[0] == pytest.approx(2 * (old[1] - old[0]))
                    assert sum(new) == pytest.approx(sum(old))
            assert abs(new[1] - new[0]) >= abs(old[1] - old[0]) - 1e-12
            assert all(each >= 0 for each in new)


def test_chances_stay_chances_however_strong_the_signs() -> None:
    nodes = PresetChange(sign_strength=5).applied(load_preset("esophagus")).nodes
    for look in [*nodes.benign.values(), *nodes.metastatic.values()]:
        assert all(0 <= chance <= 0.9 for chance in (look.fatty_hilum, look.necrosis, look.conglomerate))


def test_sizes_and_uptake_are_not_signs() -> None:
    preset = load_preset("esophagus")
    nodes = PresetChange(sign_strength=3).applied(preset).nodes
    for name in ("benign_short_axis_mm", "metastatic_short_axis_mm", "metastatic_suv", "micrometastasis_fraction"):
        assert getattr(nodes, name) == getattr(preset.nodes, name)


def test_the_best_reader_sees_more_of_stronger_signs_and_size_tells_less_among_reactive_nodes() -> None:
    preset = load_preset("esophagus")
    plain = readings(preset)
    strong = readings(PresetChange(sign_strength=2.5).applied(preset))
    reactive = readings(PresetChange(reactive_patient_fraction=0.5, reactive_size_factor=1.5).applied(preset))
    assert area(strong, "nodes") > area(plain, "nodes")
    assert area(reactive, SIZE) < area(plain, SIZE) - 0.03


@pytest.mark.parametrize("wrong", [{"sign_strength": 0}, {"sign_strength": 6}, {"reactive_patient_fraction": 1.2}])
def test_senseless_changes_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        PresetChange(**wrong)


@pytest.mark.parametrize(("dial", "sides"), [(0.0, (1, 1, 1)), (0.5, (1, 0, 1)), (1.0, (1, -1, 1))])
def test_a_dial_turns_brightness_round_in_the_middle_stations(dial: float, sides: tuple[int, ...]) -> None:
    nodes = PresetChange(sign_strength=2.0, group_signs=dial).applied(load_preset("esophagus")).nodes
    groups = ("upper", "middle", "lower")
    found = [round(nodes.metastatic[g].hu.mean - nodes.benign[g].hu.mean, 6) for g in groups]
    assert [(value > 0) - (value < 0) for value in found] == list(sides)


def test_a_dial_turns_texture_and_margin_round_in_the_upper_stations_alone() -> None:
    plain, turned = (PresetChange(group_signs=dial).applied(load_preset("esophagus")).nodes for dial in (0.0, 1.0))
    for name in ("texture_sd_hu", "margin_mm", "elongation"):
        benign, metastatic = getattr(plain.benign["upper"], name), getattr(plain.metastatic["upper"], name)
        assert getattr(turned.metastatic["upper"], name).mean == pytest.approx(benign.mean)
        assert getattr(turned.benign["upper"], name).mean == pytest.approx(metastatic.mean)
    assert turned.metastatic["lower"] == plain.metastatic["lower"]
    assert "differ by station group (1 of 1)" in PresetChange(group_signs=1.0).summary()


def test_a_whole_dissection_changes_surgery_alone() -> None:
    preset = load_preset("esophagus")
    whole = PresetChange(whole_dissection=True).applied(preset)
    assert whole.nodes == preset.nodes
    assert set(whole.surgery.dissected.values()) == {1.0}
    assert whole.digest() != preset.digest() == PresetChange().applied(preset).digest()
