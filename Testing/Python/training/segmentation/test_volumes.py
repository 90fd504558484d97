"""Patients on disk: whole or not at all, read box by box, and folders that may grow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from training.drawn_volumes import SHAPE, SPACING, drawn_arrays, write_volumes  # noqa: E402

from lnstation_training.segmentation.folder import (  # noqa: E402
    VolumeGeometry,
    VolumeSample,
    check_spacing,
    existing_samples,
    fold_of,
    numbered_splits,
)
from lnstation_training.segmentation.patients import (  # noqa: E402
    CT,
    ORGANS,
    PatientVolume,
    open_patient,
    patient_path,
    write_patient,
)
from LNStationLib.support.errors import InputError  # noqa: E402


@pytest.fixture
def written(tmp_path: Path) -> Path:
    volume = PatientVolume("P1", drawn_arrays(), SPACING, ("heart", "aorta"), synthetic=False)
    return write_patient(tmp_path, volume)


def test_a_patient_comes_back_as_it_was_written(written: Path) -> None:
    found = open_patient(written)
    assert (found.patient, found.spacing_mm, found.shape) == ("P1", SPACING, SHAPE)
    assert found.annotated == ("heart", "aorta")
    assert np.array_equal(found.read(CT).numpy(), drawn_arrays()[CT])


@pytest.mark.parametrize("corner", [(0, 0, 0), (-5, 3, -2), (20, 25, 30), (100, 0, 0)])
def test_a_box_over_the_edge_is_filled_with_air_and_nothing(written: Path, corner: tuple[int, int, int]) -> None:
    size, padding = (10, 12, 14), 120
    found = open_patient(written).read_box([CT, ORGANS], corner, size)
    for name, outside in ((CT, -1000), (ORGANS, 0)):
        whole = np.pad(drawn_arrays()[name], padding, constant_values=outside)
        box = tuple(slice(c + padding, c + padding + s) for c, s in zip(corner, size, strict=True))
        assert np.array_equal(found[name][0].numpy(), whole[box])


def test_an_array_that_a_patient_lacks_comes_as_zeros(written: Path) -> None:
    box = open_patient(written).read_box(["organ:heart"], (0, 0, 0), (4, 4, 4))["organ:heart"]
    assert box.dtype == torch.uint8
    assert not box.any()


def test_a_damaged_file_is_refused_with_the_way_out(written: Path) -> None:
    written.write_bytes(written.read_bytes()[:50])
    with pytest.raises(InputError, match="remove it and make the patient again"):
        open_patient(written)


def test_arrays_of_different_shapes_are_no_patient(tmp_path: Path) -> None:
    arrays = {CT: np.zeros((2, 2, 2), np.int16), ORGANS: np.zeros((2, 2, 3), np.uint8)}
    with pytest.raises(ValueError, match="shapes"):
        write_patient(tmp_path, PatientVolume("P1", arrays, SPACING))


def test_unfinished_files_are_not_patients(tmp_path: Path) -> None:
    folder = write_volumes(tmp_path / "volumes", 3)
    (patient_path(folder, "x").with_name(".x.safetensors-unfinished")).write_bytes(b"")
    assert [sample.patient for sample in existing_samples(folder)] == ["P0", "P1", "P2"]


def test_a_growing_cohort_leaves_every_patient_in_its_part(tmp_path: Path) -> None:
    names = [f"P{number:03d}" for number in range(40)]
    numbered_splits(tmp_path, names[:10])
    before = fold_of(tmp_path, 1)
    numbered_splits(tmp_path, names)
    after = fold_of(tmp_path, 1)
    for part in ("train", "validation", "test"):
        assert set(getattr(before, part)) <= set(getattr(after, part))
    assert len({*after.train, *after.validation, *after.test}) == 40


def test_a_patient_of_another_grid_is_refused(tmp_path: Path) -> None:
    path = patient_path(write_volumes(tmp_path / "volumes", 3), "P0")
    with pytest.raises(InputError, match=r"not \(2.0, 2.0, 2.0\) mm"):
        check_spacing(VolumeSample("P0", path), (2.0, 2.0, 2.0))


def test_a_senseless_spacing_is_refused() -> None:
    with pytest.raises(ValueError, match="must lie between"):
        VolumeGeometry(spacing_mm=(0.0, 2.0, 2.0))
