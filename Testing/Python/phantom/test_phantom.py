"""Laws of the synthetic patient: laterality, geometry, attenuation, uptake, determinism."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import edited_patient
import numpy as np
import pytest
import SimpleITK as sitk
from phantoms import SMALL_MM, fine, scanned, small

from LNStationLib import anatomy
from LNStationLib.imaging.grid import resample_to_grid
from LNStationLib.phantom import PhantomCase, demo_case, write_case
from LNStationLib.phantom import case as phantom_case
from LNStationLib.phantom.anatomy.frame import Frame
from LNStationLib.phantom.anatomy.model import Anatomy, bare
from LNStationLib.phantom.anatomy.rasterize import PRECEDENCE
from LNStationLib.phantom.anatomy.variation import draw_variation
from LNStationLib.phantom.case import KEY_ORGANS
from LNStationLib.phantom.images.contents import bring_in
from LNStationLib.phantom.nodes.tumor import tumor_shape
from LNStationLib.phantom.samples import demo_plan
from LNStationLib.support.errors import OutputError

MODEL_MM = (2.4, 2.4, 3.0)

# Vessels that run into each other, and airways that fork from each other.
JOINED = [
    {"aorta"}, {"trachea", "bronch"}, {"pulmonary_trunk", "pulmonary_artery"}, {"azygos", "superior_vena_cava"},
    {"vena_cava", "brachiocephalic_vein", "jugular"},
    {"brachiocephalic_trunk", "carotid", "subclavian", "aortic_arch"},
    {"ligamentum_arteriosum", "aortic_arch"}, {"ligamentum_arteriosum", "pulmonary_artery_left"},
    {"atri", "pulmonary_vein"}, {"manubrium", "sternal", "clavicle"}, {"trachea", "cricoid"}, {"spin"},
]  # fmt: skip


def joined(a: str, b: str) -> bool:
    return any(any(w in a for w in words) and any(w in b for w in words) for words in JOINED)


@pytest.fixture(scope="module")
def patient() -> PhantomCase:
    return fine()


@pytest.fixture(scope="module")
def mirrored() -> PhantomCase:
    return fine(mirrored=True)


@pytest.fixture(scope="module", params=[1, 2])
def model(request: pytest.FixtureRequest) -> Anatomy:
    plan = demo_plan(request.param)
    rng = plan.generator("anatomy")
    variation = draw_variation(rng)
    model = bare(
        Frame.of(phantom_case.compact_grid(MODEL_MM), variation).model_grid, variation, tumor_shape(plan.tumor)
    )
    bring_in(model, plan, rng)
    return model


def hu(patient: PhantomCase) -> np.ndarray:
    return sitk.GetArrayFromImage(patient.case.ct)


def center(patient: PhantomCase, organ: str) -> np.ndarray:
    index = np.argwhere(patient.organs[organ]).mean(0)
    return np.array(patient.grid.point_mm(tuple(index)))


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = small(0).case, demo_case(0, spacing_mm=SMALL_MM)
    for one, other in ((first.ct, second.ct), (first.pet, second.pet), (first.nodes, second.nodes)):
        assert sitk.GetArrayFromImage(one).tobytes() == sitk.GetArrayFromImage(other).tobytes()


def test_another_seed_gives_another_patient() -> None:
    first, second = small(0).case, small(3).case
    assert not np.array_equal(sitk.GetArrayFromImage(first.ct), sitk.GetArrayFromImage(second.ct))
    assert not np.array_equal(
        sitk.GetArrayFromImage(first.organ_masks["aorta"]), sitk.GetArrayFromImage(second.organ_masks["aorta"])
    )


def test_organs_lie_on_their_side(patient: PhantomCase) -> None:
    midline = center(patient, "trachea")[0]
    for name in ("aortic_arch", "descending_aorta", "pulmonary_trunk", "lung_left", "main_bronchus_left"):
        assert center(patient, name)[0] > midline + 5, name
    for name in ("superior_vena_cava", "azygos_vein", "liver", "lung_right", "main_bronchus_right"):
        assert center(patient, name)[0] < midline - 5, name


def test_neighbors_stand_in_anatomical_order(patient: PhantomCase) -> None:
    spine_y, esophagus_y = center(patient, "spine")[1], center(patient, "esophagus")[1]
    assert center(patient, "sternum")[1] < center(patient, "ascending_aorta")[1] < esophagus_y < spine_y
    assert center(patient, "pulmonary_artery_right")[1] > center(patient, "ascending_aorta")[1] + 15
    marks = {name: point[2] for name, point in patient.landmarks.items()}
    assert marks["cricoid_lower_border"] > marks["right_lung_apex"] > marks["manubrium_top"]
    assert marks["manubrium_top"] > marks["aortic_arch_top"] > marks["left_brachiocephalic_vein_at_trachea"]
    assert marks["aortic_arch_top"] > marks["aortic_arch_underside"] > marks["left_pulmonary_artery_top"]
    assert marks["left_pulmonary_artery_top"] > marks["carina"]
    assert abs(marks["azygos_arch_lower_border"] - marks["carina"]) < 20


def test_airway_sizes_are_those_of_an_adult(patient: PhantomCase) -> None:
    trachea = patient.organs["trachea"]
    z = round(patient.grid.index((0, 0, 40))[0])
    area = trachea[z].sum() * patient.grid.spacing_mm[1] * patient.grid.spacing_mm[2]
    assert 2 * np.sqrt(area / np.pi) == pytest.approx(18 * patient.variation.size, abs=1.5)


def test_a_mirrored_patient_is_the_reflected_patient(patient: PhantomCase, mirrored: PhantomCase) -> None:
    assert np.array_equal(hu(mirrored), hu(patient)[:, :, ::-1])
    assert np.array_equal(mirrored.organs["aortic_arch"], patient.organs["aortic_arch"][:, :, ::-1])
    assert np.array_equal(mirrored.organs["main_bronchus_left"], patient.organs["main_bronchus_right"][:, :, ::-1])
    assert mirrored.landmarks["carina"][0] == pytest.approx(-patient.landmarks["carina"][0])
    assert mirrored.landmarks["right_lung_apex"][0] < 0 < mirrored.landmarks["left_lung_apex"][0]
    assert "right_pulmonary_artery_top" in mirrored.landmarks
    assert mirrored.case.facts.tumor_side == "L"
    swapped = {node.station for node in mirrored.nodes}
    assert {"4L", "10L", "7"} <= {node.station for node in mirrored.nodes if node.malignant}
    assert swapped <= {station.name for station in anatomy.stations()}


def test_organs_that_do_not_join_hardly_intersect(model: Anatomy) -> None:
    masks = {name: model.raw_mask(name).ravel() for name in PRECEDENCE}
    # Each pair is looked at where the smaller organ lies: whole grids of a thousand pairs take most of the time.
    voxels = {name: np.flatnonzero(mask) for name, mask in masks.items()}
    for a, b in combinations(PRECEDENCE, 2):
        if not joined(a, b):
            small, large = sorted((a, b), key=lambda name: len(voxels[name]))
            shared, smaller = masks[large][voxels[small]].sum(), len(voxels[small])
            assert shared <= max(0.08 * smaller, 12), f"{a} and {b}: {shared} of {smaller}"


def test_truth_masks_are_disjoint_but_for_wholes_and_parts(patient: PhantomCase) -> None:
    names = [n for n in PRECEDENCE if n in patient.organs]
    assert np.sum([patient.organs[n] for n in names], axis=0).max() == 1
    assert not (patient.organs["lung_left"] & patient.organs["lung_right"]).any()
    assert not (patient.organs["lung_left"] & patient.organs["aorta"]).any()


def test_every_organ_name_is_in_the_table(patient: PhantomCase) -> None:
    assert set(patient.organs) <= {entry.name for entry in anatomy.organs()}
    assert set(KEY_ORGANS) <= set(patient.organs)
    assert set(patient.case.organ_masks) == set(patient.organs)


def test_nodes_lie_in_fat_between_the_organs(model: Anatomy) -> None:
    names = [n for n in PRECEDENCE if n in model.patches]
    organs = np.logical_or.reduce([model.raw_mask(n) for n in names])
    assert not (organs & model.raw_mask("nodes")).any()


def test_metastases_are_large_enough_and_the_others_small(patient: PhantomCase) -> None:
    malignant = {node.station: node.short_axis_mm for node in patient.nodes if node.malignant}
    assert set(malignant) == {"4R", "7", "10R"}
    assert min(malignant.values()) >= 9
    assert all(node.call == node.malignant for node in patient.nodes if node.visible)
    assert max(node.short_axis_mm for node in patient.nodes if not node.malignant) < 9.5
    assert len(patient.nodes) >= 15


def test_node_labels_agree_with_the_table(patient: PhantomCase) -> None:
    labels = patient.node_labels
    assert labels.max() == len(patient.nodes)
    given = sitk.GetArrayFromImage(patient.case.nodes)
    assert set(np.unique(given)) - {0} == {node.node_id for node in patient.nodes if node.visible}
    assert np.array_equal(given[given > 0], labels[given > 0])
    for node in patient.nodes:
        found = np.argwhere(labels == node.node_id).mean(0)
        assert np.allclose(patient.grid.point_mm(tuple(found)), node.center_mm, atol=1.5)


@pytest.mark.parametrize(
    ("organ", "low", "high"),
    [
        ("trachea", -1010, -930), ("lung_left", -900, -770), ("lung_right", -900, -770), ("aorta", 150, 230),
        ("superior_vena_cava", 130, 220), ("liver", 95, 120), ("spine", 150, 600), ("esophagus", 5, 60),
    ],
)  # fmt: skip
def test_attenuation_is_that_of_the_tissue(patient: PhantomCase, organ: str, low: float, high: float) -> None:
    assert low <= np.median(hu(patient)[patient.organs[organ]]) <= high


def test_mediastinal_fat_and_nodes_differ_in_attenuation(patient: PhantomCase) -> None:
    labels = sitk.GetArrayFromImage(patient.case.nodes)
    regions = ("body", "mediastinum", "thoracic_cavity")
    taken = np.logical_or.reduce([mask for name, mask in patient.organs.items() if name not in regions])
    fat = patient.organs["mediastinum"] & ~taken & (labels == 0)
    assert -125 < np.median(hu(patient)[fat]) < -60
    for node in patient.nodes:
        if node.short_axis_mm > 9:
            assert 30 < np.median(hu(patient)[labels == node.node_id]) < 100


def test_metastases_are_hot_and_other_nodes_are_not(patient: PhantomCase) -> None:
    suv = resample_to_grid(patient.case.pet, patient.grid, labels=False)
    labels = sitk.GetArrayFromImage(patient.case.nodes)
    for node in (node for node in patient.nodes if node.visible):
        peak = suv[labels == node.node_id].max()
        assert (peak > 4.0) == node.malignant, f"{node.station}: {peak:.1f}"


def test_pet_has_its_own_grid_and_usual_uptakes(patient: PhantomCase) -> None:
    pet = patient.case.pet
    assert pet.GetSpacing() == (4.0, 4.0, 3.0)
    assert not np.allclose(pet.GetOrigin(), patient.case.ct.GetOrigin())
    suv = resample_to_grid(pet, patient.grid, labels=False)
    blood, liver = (float(np.median(suv[patient.organs[name]])) for name in ("descending_aorta", "liver"))
    # Within two and a half standard deviations of the 132 patients that uptakes are drawn after.
    assert blood == pytest.approx(1.55, abs=2.5 * 0.38)
    assert liver == pytest.approx(2.17, abs=2.5 * 0.44)
    assert liver > blood
    assert suv[sitk.GetArrayFromImage(patient.case.tumor) > 0].max() > 6


def test_organs_can_be_withheld() -> None:
    case = scanned().case
    assert case.organ_masks == {}
    assert case.pet is None
    assert case.synthetic


@pytest.mark.parametrize(("spacing", "organs"), [((0.0, 1.0, 1.0), "key"), ((1.0, 1.0, 1.0), "some")])
def test_impossible_arguments_are_refused(spacing: tuple[float, float, float], organs: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        demo_case(spacing_mm=spacing, organs=organs)  # type: ignore[arg-type]


def test_a_written_case_is_read_back_by_the_loader(tmp_path: Path) -> None:
    from LNStationLib.case.from_files import load_case_folder

    case = edited_patient.patient()
    write_case(case, tmp_path / "patient")
    read = load_case_folder(tmp_path / "patient")
    assert np.array_equal(sitk.GetArrayFromImage(read.ct), sitk.GetArrayFromImage(case.ct))
    assert np.allclose(sitk.GetArrayFromImage(read.pet), sitk.GetArrayFromImage(case.pet), atol=1e-4)
    assert set(read.organ_masks) == set(case.organ_masks)
    assert np.array_equal(sitk.GetArrayFromImage(read.nodes), sitk.GetArrayFromImage(case.nodes))
    assert (read.facts.cancer, read.facts.tumor_side, read.synthetic) == ("lung", "R", True)
    with pytest.raises(OutputError, match="not empty"):
        write_case(case, tmp_path / "patient")
