"""Marked patients made into training data: no identifier in what is written, nor in sentences about faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from imaging.samples import chest

from lnstation_training.cohorts.errors import CohortError
from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.cohorts.tables import read_cohort
from lnstation_training.segmentation.folder import VolumeGeometry
from lnstation_training.segmentation.preparation import prepare_volumes
from Testing.Faults.marked import marks_in, write_marked


def cohort(folder: Path, ct: Path) -> Path:
    """A table with one patient of a marked archive and an organ map beside it."""
    organs = sitk.Shrink(chest(), (3, 3, 3))
    labels = np.zeros(sitk.GetArrayFromImage(organs).shape, np.uint8)
    labels[6:9, 12:16, 12:14] = 7
    image = sitk.GetImageFromArray(labels)
    image.CopyInformation(organs)
    sitk.WriteImage(image, str(folder / "organs.nii.gz"))
    (folder / "organs.json").write_text('{"7": "aorta"}')
    (folder / "patients.csv").write_text(f"patient,ct,organs\nP1,{ct},organs.nii.gz\n")
    return folder / "patients.csv"


@pytest.mark.parametrize("is_whole", [True, False])
def test_prepared_volumes_tell_nothing_of_the_patient(
    tmp_path: Path, is_whole: bool, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    ct = write_marked(tmp_path / "archive", sitk.Shrink(chest(), (3, 3, 3)), "CT")
    for path in () if is_whole else ct.iterdir():
        path.write_bytes(path.read_bytes()[:-400])
    patients, said = read_cohort(cohort(tmp_path, ct), None, None, frozenset()), [""]
    wanted = (tmp_path / "out", CohortInfo(title="A", synthetic=False), VolumeGeometry(spacing_mm=(9.0, 9.0, 9.0)))
    try:
        prepare_volumes("organ_segmentation", patients, *wanted, lambda step, fraction: said.append(step), 1)
        assert is_whole
    except CohortError as error:
        assert not is_whole
        said.append(str(error))
    captured = capfd.readouterr()
    told = "\n".join([*said, captured.out, captured.err, caplog.text]).replace(str(tmp_path), "")
    assert marks_in(told.encode()) == []
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert bool(written)
    assert {path.name: found for path in written if (found := marks_in(path.name.encode() + path.read_bytes()))} == {}
