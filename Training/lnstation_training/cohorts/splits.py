"""Folds of patients, drawn once and saved: SA-MoE's five-fold cross-validation at patient level (Sec. 3)."""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.errors import InputError, OutputError

SPLITS_FILE = "splits.json"
MAX_STRATUM = 3
"""Patients are stratified by their number of positive samples, this many and more being one stratum: few patients
have more, and a stratum smaller than the number of folds cannot be shared out."""


class Fold(BaseModel):
    """Patients of one fold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: list[str]
    validation: list[str]
    test: list[str]

    @model_validator(mode="after")
    def _apart(self) -> Fold:
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        seen: dict[str, str] = {}
        for part, patients in parts.items():
            if not patients:
                raise ValueError(f"{part} has no patients")
            for patient in patients:
                if patient in seen:
                    raise ValueError(f"patient {patient} is in {seen[patient]} and in {part}")
                seen[patient] = part
        return self


class Splits(BaseModel):
    """All folds, as in ``splits.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int
    n_folds: int
    folds: list[Fold]

    @model_validator(mode="after")
    def _complete(self) -> Splits:
        if len(self.folds) != self.n_folds:
            raise ValueError(f"n_folds is {self.n_folds}, and there are {len(self.folds)} folds")
        return self


def make_splits(
    positives: Mapping[str, int], n_folds: int = 5, seed: int = 0, strata: Mapping[str, tuple[int, ...]] | None = None
) -> Splits:
    """Part patients into folds; fold k tests on part k and validates on part k + 1.

    Args:
        positives: Number of positive samples of every patient that has a labeled one.
        n_folds: At least 3, so that training, validation and test parts exist.
        seed: Of the draw.
        strata: Of the same patients, finer than by their number of positive samples: patients in this order are dealt
            out one by one. ``None`` stratifies by that number alone.

    Raises:
        InputError: Too few patients for that many folds, or a part would hold no patient with a positive sample.
    """
    if n_folds < 3:
        raise InputError(f"{n_folds} folds leave no patients to train on: use 3 or more.")
    names = np.array(sorted(positives))
    counts = np.array([min(positives[name], MAX_STRATUM) for name in names])
    positive = int((counts > 0).sum())
    if len(names) < n_folds or positive < n_folds:
        raise InputError(
            f"{len(names)} patients, {positive} of them with a positive sample, cannot fill {n_folds} folds: "
            "use fewer folds or more patients."
        )
    parts = _parts(names, counts, n_folds, seed) if strata is None else _dealt(strata, n_folds, seed)
    folds = []
    for k in range(n_folds):
        following = (k + 1) % n_folds
        train = [name for i, part in enumerate(parts) if i not in (k, following) for name in part]
        folds.append(Fold(train=sorted(train), validation=parts[following], test=parts[k]))
    return Splits(seed=seed, n_folds=n_folds, folds=folds)


def _dealt(strata: Mapping[str, tuple[int, ...]], n_folds: int, seed: int) -> list[list[str]]:
    """Patients dealt out in the order of their strata, at random within one: no stratum is too small for it."""
    draw = dict(zip(sorted(strata), np.random.default_rng(seed).permutation(len(strata)), strict=True))
    order = sorted(strata, key=lambda name: (strata[name], draw[name]))
    return [sorted(order[part::n_folds]) for part in range(n_folds)]


def _parts(names: np.ndarray, strata: np.ndarray, n_folds: int, seed: int) -> list[list[str]]:
    # A stratum smaller than the number of folds joins its neighbor; patients without a positive sample stay apart.
    for stratum, neighbor in ((3, 2), (2, 1), (1, 2)):
        if 0 < (strata == stratum).sum() < n_folds:
            strata = np.where(strata == stratum, neighbor, strata)
    if 0 < (strata == 0).sum() < n_folds:
        strata = np.zeros_like(strata)
    # Imported here: it takes seconds, and processes that prepare patients draw no folds.
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(names, strata)
    with warnings.catch_warnings():
        # Of a stratum that is too small even so, whose patients go into as many folds as there are of them.
        warnings.simplefilter("ignore", UserWarning)
        return [sorted(str(name) for name in names[test]) for _, test in folds]


def write_splits(path: Path, splits: Splits) -> None:
    """Write ``splits.json``.

    Raises:
        OutputError: It exists with other folds: results already made depend on them.
    """
    text = splits.model_dump_json(indent=1) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise OutputError(f"{path} holds other folds: to draw new ones, remove it and the results made with it.")
    write_atomically(path, text)


def read_splits(path: Path, patients: Collection[str] | None = None) -> Splits:
    """Read and check ``splits.json``.

    Args:
        path: The file.
        patients: Known patients, if the folds are to be held against them.

    Raises:
        InputError: It cannot be read, a patient is in two parts of a fold, or is unknown.
    """
    try:
        splits = Splits.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; prepare makes it.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path} is faulty: {place or 'the whole'}: {first['msg']}.") from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}.") from error
    if patients is not None:
        for fold in splits.folds:
            unknown = sorted({*fold.train, *fold.validation, *fold.test} - set(patients))
            if unknown:
                raise InputError(f"{path} names patients that are not in the cohort: {', '.join(unknown[:5])}.")
    return splits


def check_positives(fold: Fold, number: int, labels: Mapping[str, Sequence[int]], unit: str = "sample") -> None:
    """Refuse a fold in which a part lacks positive or negative samples.

    Args:
        fold: The fold.
        number: Its number, for the message.
        labels: Labels of every patient's labeled samples.
        unit: What a sample is, for the message.

    Raises:
        InputError: A part has samples of one class only.
    """
    for part in ("train", "validation", "test"):
        found = {label for patient in getattr(fold, part) for label in labels.get(patient, ())}
        for label, word in ((1, "positive"), (0, "negative")):
            if label not in found:
                raise InputError(f"Fold {number} has no {word} {unit} in its {part} part: use fewer folds.")
