"""Laws of the station truth: laterality, landmark levels, tissue, determinism, independence, annotators."""

from __future__ import annotations

import ast
from pathlib import Path

import edt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phantoms import bare, fine

from LNStationLib import anatomy
from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom import PhantomCase
from LNStationLib.phantom import station_truth as package
from LNStationLib.phantom.anatomy.frame import Frame
from LNStationLib.phantom.anatomy.shapes import tube
from LNStationLib.phantom.station_truth import annotator, is_mirrored, mirror_labels, station_truth
from LNStationLib.phantom.station_truth.surfaces import front, parting_z, spheres, wall, wall_distance

NAMES = [row.name for row in anatomy.stations()]
# Small to generous volumes in ml; the mediastinum of an adult holds some hundred ml of fat and nodes.
VOLUMES_ML = {
    "1R": (10, 80), "1L": (10, 80), "2R": (4, 40), "2L": (2, 30), "3A": (8, 80), "3P": (3, 30), "4R": (6, 45),
    "4L": (2, 30), "5": (0.8, 14), "6": (1.5, 25), "7": (5, 45), "8": (8, 90), "9": (0.8, 25), "10R": (4, 45),
    "10L": (4, 60), "11R": (2, 30), "11L": (1.5, 25),
}  # fmt: skip


@pytest.fixture(scope="module")
def patient() -> PhantomCase:
    return bare()


@pytest.fixture(scope="module")
def truth(patient: PhantomCase) -> np.ndarray:
    return station_truth(patient)


def mask(labels: np.ndarray, name: str) -> np.ndarray:
    return labels == anatomy.station(name).label_value


def heights(patient: PhantomCase, labels: np.ndarray, name: str) -> tuple[float, float]:
    """Lower and upper face in mm of a station's slices."""
    z = patient.grid.coordinates_mm(0)[mask(labels, name).any((1, 2))]
    half = patient.grid.spacing_mm[0] / 2
    return float(z.min()) - half, float(z.max()) + half


def bottom(patient: PhantomCase, organ: str) -> float:
    return float(patient.grid.coordinates_mm(0)[patient.organs[organ].any((1, 2))].min())


def test_every_station_is_there_with_a_sensible_volume(patient: PhantomCase, truth: np.ndarray) -> None:
    assert truth.dtype == np.uint8
    assert set(np.unique(truth)) == {0, *(row.label_value for row in anatomy.stations())}
    for name, (low, high) in VOLUMES_ML.items():
        assert low < mask(truth, name).sum() * patient.grid.voxel_volume_ml < high, name


def test_no_organ_bone_lung_or_air_lies_in_a_station(patient: PhantomCase, truth: np.ndarray) -> None:
    regions = {"body", "thoracic_cavity", "mediastinum", "pericardium"}
    for name in patient.organs:
        if name not in regions:
            assert not (patient.organs[name] & (truth > 0)).any(), name
    assert not (~patient.organs["body"] & (truth > 0)).any()


def test_upper_and_lower_borders_keep_to_their_landmarks(patient: PhantomCase, truth: np.ndarray) -> None:
    marks = {name: point[2] for name, point in patient.landmarks.items()}
    slack = 2 * patient.grid.spacing_mm[0]
    expected = {
        "1R": (None, "cricoid_lower_border"), "1L": (None, "cricoid_lower_border"),
        "2R": ("left_brachiocephalic_vein_at_trachea", "right_lung_apex"),
        "2L": ("aortic_arch_top", "left_lung_apex"), "3A": ("carina", None), "3P": ("carina", "right_lung_apex"),
        "4R": ("azygos_arch_lower_border", "left_brachiocephalic_vein_at_trachea"),
        "4L": ("left_pulmonary_artery_top", "aortic_arch_top"),
        "5": ("left_pulmonary_artery_top", "aortic_arch_underside"),
        "6": ("aortic_arch_underside", "aortic_arch_top"),
        "7": (None, "carina"), "10R": (None, "azygos_arch_lower_border"), "10L": (None, "left_pulmonary_artery_top"),
    }  # fmt: skip
    for name, (low, high) in expected.items():
        lowest, highest = heights(patient, truth, name)
        # The arch of the azygos vein ends above the lowest voxel of its mask, which lies in the veins it joins.
        if low:
            assert lowest > marks[low] - slack, f"{name} goes below {low}"
        if high:
            extra = 6.0 if high == "azygos_arch_lower_border" else 0.0
            assert highest < marks[high] + slack + extra, f"{name} goes above {high}"
    assert abs(heights(patient, truth, "7")[1] - marks["carina"]) < slack
    assert abs(heights(patient, truth, "2R")[0] - marks["left_brachiocephalic_vein_at_trachea"]) < slack
    assert abs(heights(patient, truth, "4L")[1] - marks["aortic_arch_top"]) < slack + 4
    assert heights(patient, truth, "9")[1] < bottom(patient, "main_bronchus_left")


def test_stations_lie_on_their_side(patient: PhantomCase, truth: np.ndarray) -> None:
    x = patient.grid.coordinates_mm(2)[None, None, :]
    trachea = patient.organs["trachea"]
    for k in np.flatnonzero(trachea.any((1, 2))):
        columns = np.flatnonzero(trachea[k].any(0))
        left, middle = x[0, 0, columns[-1]], x[0, 0, columns].mean()
        if patient.grid.coordinates_mm(0)[k] < patient.landmarks["carina"][2] + 10:
            continue
        for right_name, left_name, border in (("1R", "1L", middle), ("2R", "2L", left), ("4R", "4L", left)):
            for name, sign in ((right_name, -1), (left_name, 1)):
                xs = np.broadcast_to(x[0], truth[k].shape)[mask(truth[k], name)]
                assert not xs.size or (sign * (xs - border)).min() > -5.0, name


def test_ligament_parts_4l_from_5(patient: PhantomCase, truth: np.ndarray) -> None:
    index = np.argwhere(patient.organs["ligamentum_arteriosum"])
    x = patient.grid.origin_mm[2] + patient.grid.spacing_mm[2] * index[:, 2]
    under = patient.grid.coordinates_mm(0) < patient.landmarks["aortic_arch_underside"][2] - 3
    columns = patient.grid.coordinates_mm(2)
    assert columns[mask(truth, "4L")[under].any((0, 1))].max() <= x.max() + 4
    assert columns[mask(truth, "5").any((0, 1))].min() >= x.min() - 4


def test_prevascular_lies_before_and_retrotracheal_behind(patient: PhantomCase, truth: np.ndarray) -> None:
    y = patient.grid.coordinates_mm(1)
    for k in np.flatnonzero(mask(truth, "4R").any((1, 2))):
        rows = y[patient.organs["trachea"][k].any(1)]
        before, behind = (mask(truth[k], name).any(1) for name in ("3A", "3P"))
        assert not before.any() or y[before].max() < rows.min()
        assert not behind.any() or y[behind].min() > rows.max() - 3


def test_paraesophageal_and_hilar_stations_hug_their_organs(patient: PhantomCase, truth: np.ndarray) -> None:
    # The trachea's lower end holds the first voxels of both main bronchi.
    reach = {"8": (("esophagus",), 12.0), "10R": (("trachea", "main_bronchus_right", "pulmonary_artery_right"), 16.0),
             "10L": (("trachea", "main_bronchus_left", "pulmonary_artery_left"), 16.0),
             "11L": (("upper_lobe_bronchus_left", "lower_lobe_bronchus_left"), 16.0)}  # fmt: skip
    for name, (organs, limit) in reach.items():
        near = np.logical_or.reduce([patient.organs[organ] for organ in organs])
        away = edt.edt(~near, anisotropy=patient.grid.spacing_mm)
        assert away[mask(truth, name)].max() < limit, name


def test_a_mirrored_patient_has_mirrored_truth() -> None:
    plain, mirrored = fine(), fine(mirrored=True)
    assert is_mirrored(mirrored)
    assert not is_mirrored(plain)
    assert np.array_equal(station_truth(mirrored), mirror_labels(station_truth(plain)))


def test_mirroring_twice_gives_the_labels_back(truth: np.ndarray) -> None:
    assert np.array_equal(mirror_labels(mirror_labels(truth)), truth)
    assert mask(mirror_labels(truth), "4L").sum() == mask(truth, "4R").sum()
    assert np.array_equal(mask(mirror_labels(truth), "7"), mask(truth, "7")[:, :, ::-1])


def test_the_same_patient_has_the_same_truth(patient: PhantomCase, truth: np.ndarray) -> None:
    assert np.array_equal(station_truth(patient), truth)


def test_a_tilted_patient_keeps_the_levels_of_axial_planes(patient: PhantomCase) -> None:
    frame = Frame.of(patient.grid, patient.variation)
    for point in ((0.0, 0.0, 20.0), (40.0, -30.0, 20.0)):
        assert frame.to_patient(point)[2] == pytest.approx(20.0 * patient.variation.length)


def test_the_truth_shares_nothing_with_the_parser() -> None:
    for file in Path(package.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert not name.startswith(("LNStationLib.stations", "LNStationLib.organs")), f"{file.name}: {name}"


# Surfaces, against hand-made tubes


def test_walls_of_an_upright_tube_are_its_radius_away() -> None:
    upright = spheres(tube([(10, 20, -30), (10, 20, 30)], 6.0))
    z = np.array([-20.0, 0.0, 20.0])
    assert wall([upright], "x", 1, z) == pytest.approx([16.0] * 3, abs=0.05)
    assert wall([upright], "y", -1, z) == pytest.approx([14.0] * 3, abs=0.05)
    assert np.isnan(wall([upright], "x", 1, np.array([50.0]))).all()
    assert front([upright], np.array([10.0, 13.0, 30.0]), z[:1])[0, :2] == pytest.approx(
        [14.0, 20 - np.sqrt(27)], abs=0.05
    )
    assert np.isnan(front([upright], np.array([30.0]), z[:1])).all()


@settings(max_examples=30, deadline=None)
@given(st.floats(-20, 20), st.floats(2, 12), st.floats(0.1, 15))
def test_wall_distance_is_measured_from_the_wall(height: float, radius: float, away: float) -> None:
    upright = spheres(tube([(0, 0, -40), (0, 0, 40)], radius))
    distance, along = wall_distance(upright, np.array([[radius + away, 0.0, height], [0.0, 0.0, height]]), 30.0)
    # The axis is sampled every 0.8 mm, which tells near it but not at the wall.
    assert distance == pytest.approx([away, -radius], abs=0.45)
    assert distance[0] == pytest.approx(away, abs=0.05)
    assert along == pytest.approx([height + 40] * 2, abs=0.6)


def test_branches_part_below_their_fork() -> None:
    parent = spheres(tube([(0, 0, 40), (0, 0, 0)], 5.0))
    one, other = (spheres(tube([(0, 0, 0), (side * 20, 0, -40)], 5.0)) for side in (-1, 1))
    # Axes stand 0.5 mm apart per mm to each side; sections of a tube of 5 mm at this slope are 5.6 mm wide.
    assert parting_z(parent, one, other) == pytest.approx(-11.2, abs=1.0)


# Annotators


def test_an_annotator_without_variation_draws_the_truth(patient: PhantomCase, truth: np.ndarray) -> None:
    assert np.array_equal(annotator(truth, patient.grid, 5, 0.0), truth)


def test_annotators_are_reproducible_and_differ(patient: PhantomCase, truth: np.ndarray) -> None:
    first = annotator(truth, patient.grid, 5, 1.5)
    assert np.array_equal(first, annotator(truth, patient.grid, 5, 1.5))
    assert not np.array_equal(first, annotator(truth, patient.grid, 6, 1.5))


@pytest.mark.parametrize("strength", [0.8, 2.0])
def test_an_annotator_stays_near_the_border(patient: PhantomCase, truth: np.ndarray, strength: float) -> None:
    drawn = annotator(truth, patient.grid, 5, strength)
    steps = np.asarray(patient.grid.spacing_mm)
    # Where all labels within reach agree, no annotator disagrees: 2.5 times the strength in plane, one slice along z.
    border = np.zeros(truth.shape, bool)
    for axis in range(3):
        change = np.diff(truth, axis=axis) != 0
        border[tuple(slice(1, None) if a == axis else slice(None) for a in range(3))] |= change
        border[tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))] |= change
    reach = np.sqrt(2) * 2.5 * strength + steps[0] + steps[1] + 0.5
    away = edt.edt(~border, anisotropy=patient.grid.spacing_mm)
    assert away[drawn != truth].max() <= reach
    overlap = 2 * ((drawn == truth) & (truth > 0)).sum() / ((drawn > 0).sum() + (truth > 0).sum())
    assert 0.5 < overlap < 0.99


def test_more_variation_means_less_agreement(patient: PhantomCase, truth: np.ndarray) -> None:
    wrong = [(annotator(truth, patient.grid, 1, s) != truth).sum() for s in (0.5, 1.5, 3.0)]
    assert wrong[0] < wrong[1] < wrong[2]


def test_a_negative_strength_is_refused() -> None:
    with pytest.raises(ValueError, match="not be negative"):
        annotator(np.ones((2, 2, 2), np.uint8), Grid((2, 2, 2), (1, 1, 1), (0, 0, 0)), 0, -1.0)


def test_names_of_volumes_cover_all_stations() -> None:
    assert sorted(VOLUMES_ML) == sorted(NAMES)
