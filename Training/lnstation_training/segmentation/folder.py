"""A folder of prepared volumes: what it holds, and which patients are trained on, validated and tested.

One folder serves every task that segments volumes. ``prepared.json`` says its grid, ``splits.json`` its folds,
``patients/`` holds a file for each patient, which may still be coming.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.cohorts.splits import SPLITS_FILE, Fold, Splits, read_splits
from lnstation_training.engine.prepared import claim_folder, read_geometry
from lnstation_training.segmentation.patients import FILE_ENDING, PATIENTS, Triple, open_patient
from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.errors import InputError, OutputError

VOLUMES_TASKS = ("organ_segmentation", "station_segmentation", "node_detection", "node_candidates")
"""Tasks that share folders of volumes; the first is named in ``prepared.json``."""
DEFAULT_FOLDS = 5
_FINEST_MM, _COARSEST_MM = 0.5, 10.0


class VolumeGeometry(BaseModel):
    """Grid of prepared volumes; how large a patch is belongs to training.

    Attributes:
        spacing_mm: Voxel size along z, y, x in mm.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    spacing_mm: Triple = (2.0, 2.0, 2.0)

    @field_validator("spacing_mm")
    @classmethod
    def _sensible(cls, value: Triple) -> Triple:
        if not all(_FINEST_MM <= each <= _COARSEST_MM for each in value):
            raise ValueError(f"must lie between {_FINEST_MM} and {_COARSEST_MM} mm, got {value}")
        return value


@dataclass(frozen=True)
class VolumeSample:
    """One patient of a folder.

    Attributes:
        patient: Identifier.
        path: Its file.
        label: 1; all patients of a task that segments are alike to the draw of folds.
    """

    patient: str
    path: Path
    label: int | None = 1


def claim_volumes(
    folder: Path, task: str, info: CohortInfo, geometry: VolumeGeometry, decides: Mapping[str, Any] | None = None
) -> None:
    """Make a folder of volumes, or take one of the same settings.

    Raises:
        InputError: It holds volumes of other settings.
        OutputError: It cannot be written.
    """
    try:
        (folder / PATIENTS).mkdir(parents=True, exist_ok=True)
        claim_folder(folder, task, info, geometry, decides)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({error.strerror}): choose another folder.") from error


def numbered_splits(folder: Path, patients: Sequence[str], n_folds: int = DEFAULT_FOLDS) -> Splits:
    """Part patients by their place in the list, and write ``splits.json``.

    A patient's part follows from its number alone, so that a cohort may grow: whoever was tested is never trained on.

    Args:
        folder: Of the volumes.
        patients: All that are planned, in order.
        n_folds: At least 3; fewer where there are fewer patients.
    """
    n_folds = min(n_folds, len(patients))
    parts = [list(patients[k::n_folds]) for k in range(n_folds)]
    folds = []
    for k in range(n_folds):
        following = (k + 1) % n_folds
        train = sorted(name for i, part in enumerate(parts) if i not in (k, following) for name in part)
        folds.append(Fold(train=train, validation=parts[following], test=parts[k]))
    splits = Splits(seed=0, n_folds=n_folds, folds=folds)
    write_atomically(folder / SPLITS_FILE, splits.model_dump_json(indent=1) + "\n")
    return splits


def existing_samples(folder: Path) -> list[VolumeSample]:
    """Patients whose files are whole, in order.

    Raises:
        InputError: ``folder`` holds no prepared volumes.
    """
    if not (folder / PATIENTS).is_dir():
        raise InputError(f"{folder} holds no prepared volumes: run train cohort --for organs, or prepare, first.")
    paths = sorted((folder / PATIENTS).glob(f"[!.]*{FILE_ENDING}"))
    return [VolumeSample(path.name.removesuffix(FILE_ENDING), path) for path in paths]


def fold_of(folder: Path, number: int) -> Fold:
    """A fold of the planned patients; not all of them need exist yet.

    Raises:
        ValueError: There is no such fold.
        InputError: The folder has no folds.
    """
    splits = read_splits(folder / SPLITS_FILE)
    if not 0 <= number < splits.n_folds:
        raise ValueError(f"fold {number} does not exist: there are folds 0 to {splits.n_folds - 1}")
    return splits.folds[number]


def spacing_of(folder: Path) -> Triple:
    """Voxel size of a folder's volumes along z, y, x in mm.

    Raises:
        InputError: ``folder`` holds no prepared volumes.
    """
    return read_geometry(folder, VolumeGeometry).spacing_mm


def check_spacing(sample: VolumeSample, spacing_mm: Triple) -> None:
    """Refuse a patient of another grid.

    Raises:
        InputError: It is one.
    """
    found = open_patient(sample.path).spacing_mm
    if any(abs(a - b) > 1e-3 for a, b in zip(found, spacing_mm, strict=True)):
        raise InputError(f"{sample.path} has voxels of {found} mm, not {spacing_mm} mm: make the patient again.")
