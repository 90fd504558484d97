"""Organs as channels of prepared patients: the truth, or probabilities of trained networks that are stored beside it.

A network that was trained on a patient segments that patient better than any new one, so that stations would be
learned from organs that are too good. Channels therefore come from networks that have not seen the patient: those of
other folds, or a package of other patients.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lnstation_training.segmentation.classes import parts_of
from lnstation_training.segmentation.folder import existing_samples, fold_of
from lnstation_training.segmentation.patients import (
    CT,
    ORGANS,
    PatientVolume,
    VolumeFile,
    open_patient,
    write_patient,
)
from lnstation_training.tasks.station_segmentation.organ_sets import ORGANS as PAPER_ORGANS
from lnstation_training.tasks.station_segmentation.organ_sets import OrganSource
from LNStationLib import anatomy
from LNStationLib.imaging.grid import Grid, resample_to_grid
from LNStationLib.models.package import OrganSegmentation
from LNStationLib.models.runtime.segmentation import Segmenter, organ_probabilities
from LNStationLib.sampling.volume import ORGAN_PREFIX
from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.types import FloatArray

CHANNELS = "organ_channels"
"""Key of a batch: organs ``[B, organ, z, y, x]`` in [0, 1]."""
_PREFIX: Mapping[str, str] = {"predicted": ORGAN_PREFIX, "unstratified": f"{ORGAN_PREFIX}unstratified:"}
"""Of stored arrays by source; all begin alike, so that they are interpolated as probabilities."""
_LEVELS = 255
_FURTHER_MEMBERS = {"heart": ("atrial_appendage_left",)}
"""Parts that a hospital draws beside the whole, and that are the paper's organ all the same."""


def array_name(organ: str, source: OrganSource) -> str:
    """Name of a stored probability.

    Raises:
        KeyError: The truth is not stored by organ.
    """
    return f"{_PREFIX[source]}{organ}"


def members(organ: str) -> tuple[str, ...]:
    """Organs of the table that make up an organ in a label map, itself among them: a sternum has its manubrium."""
    return (organ, *parts_of(organ), *_FURTHER_MEMBERS.get(organ, ()))


def channels_of_batch(batch: Mapping[str, Any], organs: Sequence[str], source: OrganSource, hard: bool) -> Tensor:
    """Organ channels of a batch: float32 ``[B, organ, z, y, x]``.

    Args:
        batch: With the label map of organs, or the stored probabilities, ``[B, 1, z, y, x]``.
        organs: Names, at least one.
        source: Where they come from.
        hard: As 0 and 1 (one-hot, as the paper's Sec. 2.2 has them) in place of probabilities.
    """
    if source == "true":
        made = [_true(batch[ORGANS], organ) for organ in organs]
    else:
        made = [batch[array_name(organ, source)].float() / _LEVELS for organ in organs]
    together = torch.cat(made, 1)
    return (together >= 0.5).float() if hard else together


def _true(labels: Tensor, organ: str) -> Tensor:
    values = torch.tensor([anatomy.organ(name).label_value for name in members(organ)], device=labels.device)
    return torch.isin(labels, values.to(labels.dtype)).float()


def predict_channels(
    folder: Path, source: OrganSource, segmenter_of: Callable[[str], Segmenter], progress: Progress = silent
) -> int:
    """Store the organ probabilities of every patient of a folder that lacks them; a stopped call is resumed.

    Args:
        folder: Of prepared volumes.
        source: ``"predicted"`` or ``"unstratified"``: under which name.
        segmenter_of: Gives the networks that have not seen a patient, by the patient's name.
        progress: Told after each patient.

    Returns:
        How many patients were done now.

    Raises:
        InputError: The folder holds no volumes, or the networks lack an organ.
    """
    samples = existing_samples(folder)
    made = 0
    for number, sample in enumerate(samples, start=1):
        file = open_patient(sample.path)
        if not all(array_name(organ, source) in file.names for organ in PAPER_ORGANS):
            _store(folder, file, source, segmenter_of(sample.patient))
            made += 1
        progress(f"{number} of {len(samples)} patients", number / len(samples))
    return made


def _store(folder: Path, file: VolumeFile, source: OrganSource, segmenter: Segmenter) -> None:
    arrays = {name: file.read(name).numpy() for name in file.names}
    grid = Grid(file.shape, file.spacing_mm, (0.0, 0.0, 0.0))
    found = organs_by_network(arrays[CT], grid, segmenter)
    dice = {name: _dice(value >= 0.5, arrays[ORGANS], name) for name, value in found.items()}
    stored = {array_name(name, source): np.round(value * _LEVELS).astype(np.uint8) for name, value in found.items()}
    write_patient(
        folder,
        PatientVolume(file.patient, {**arrays, **stored}, file.spacing_mm, file.annotated, file.synthetic),
    )
    _note_dice(folder, source, file.patient, dice)


def organs_by_network(hu: np.ndarray, grid: Grid, segmenter: Segmenter) -> dict[str, FloatArray]:
    """The paper's 22 organs by networks: probabilities float32 ``[z, y, x]`` on ``grid``, by name.

    Args:
        hu: CT ``[z, y, x]`` on ``grid``.
        grid: Of the prepared volumes; the networks see the CT on their own.
        segmenter: Of a package that finds organs.

    Raises:
        InputError: The package does not find all of them.
    """
    answers = organ_probabilities(segmenter, grid.image(hu.astype(np.float32)), grid)
    section = segmenter.section
    assert isinstance(section, OrganSegmentation)
    places = {organ: (role, classes) for role in answers for organ, classes in section.organs_of(role).items()}
    missing = [organ for organ in PAPER_ORGANS if organ not in places]
    if missing:
        raise InputError(f"the model package does not find {', '.join(missing)}: choose another one.")
    found = {}
    for organ in PAPER_ORGANS:
        role, classes = places[organ]
        answer = answers[role]
        on_network = answer.grid.image(answer.of(*_with_parts(organ, classes, answer.classes)))
        found[organ] = resample_to_grid(on_network, grid, labels=False).astype(np.float32).clip(0, 1)
    return found


def _with_parts(organ: str, places: Sequence[int], classes: Sequence[str]) -> list[int]:
    """Classes of an organ and of those parts that the network gives beside it."""
    return sorted({*places, *(classes.index(name) for name in members(organ) if name in classes)})


def _dice(found: np.ndarray, labels: np.ndarray, organ: str) -> float | None:
    truth = np.isin(labels, [anatomy.organ(name).label_value for name in members(organ)])
    if not truth.any():
        return None
    return 2 * float(np.count_nonzero(found & truth)) / float(np.count_nonzero(found) + np.count_nonzero(truth))


def _dice_file(folder: Path, source: OrganSource) -> Path:
    return folder / f"organ_dice_{source}.json"


def _note_dice(folder: Path, source: OrganSource, patient: str, dice: Mapping[str, float | None]) -> None:
    path = _dice_file(folder, source)
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    write_atomically(path, json.dumps({**known, patient: dice}, indent=1) + "\n")


def mean_organ_dice(folder: Path, source: OrganSource, patients: Sequence[str]) -> dict[str, float]:
    """Mean Dice of the stored organs of some patients, by organ; empty for the truth, or where none is stored."""
    path = _dice_file(folder, source) if source != "true" else None
    if path is None or not path.exists():
        return {}
    known = json.loads(path.read_text(encoding="utf-8"))
    rows = [known[patient] for patient in patients if patient in known]
    values = {organ: [row[organ] for row in rows if row.get(organ) is not None] for organ in PAPER_ORGANS}
    return {organ: float(np.mean(each)) for organ, each in values.items() if each}


def out_of_fold(folder: Path, segmenters: Mapping[int | None, Segmenter]) -> Callable[[str], Segmenter]:
    """The networks that were trained on the fold whose test part a patient is in.

    Args:
        folder: Of prepared volumes, with its folds.
        segmenters: By number of the fold that they were trained on.

    Raises:
        InputError: No network has a patient in its test part.
    """
    numbers = [number for number in segmenters if number is not None]
    tested = {patient: number for number in numbers for patient in fold_of(folder, number).test}

    def of(patient: str) -> Segmenter:
        if patient not in tested:
            raise InputError(f"No network was given for the fold that tests {patient}: give one for every fold.")
        return segmenters[tested[patient]]

    return of
