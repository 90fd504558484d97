"""Folds at patient level."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="the 'training' packages are not installed")

from hypothesis import given, settings
from hypothesis import strategies as st

from lnstation_training.cohorts.splits import Fold, check_positives, make_splits, read_splits, write_splits
from LNStationLib.support.errors import InputError, OutputError


def counts(n_patients: int, n_positive: int) -> dict[str, int]:
    return {f"P{i:03d}": 1 + i % 4 if i < n_positive else 0 for i in range(n_patients)}


@given(st.integers(20, 80), st.integers(3, 6), st.integers(0, 1000), st.data())
@settings(max_examples=40, deadline=None)
def test_every_patient_is_tested_once_and_never_trained_on_in_that_fold(n, n_folds, seed, data) -> None:
    patients = counts(n, data.draw(st.integers(n_folds, n)))
    splits = make_splits(patients, n_folds, seed)
    tested = [patient for fold in splits.folds for patient in fold.test]
    assert sorted(tested) == sorted(patients)
    for fold in splits.folds:
        assert sorted([*fold.train, *fold.validation, *fold.test]) == sorted(patients)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_positive_patients_are_spread_evenly(seed: int) -> None:
    patients = counts(60, 20)
    shares = [sum(patients[p] > 0 for p in fold.test) for fold in make_splits(patients, 5, seed).folds]
    assert max(shares) - min(shares) <= 2


def test_the_seed_decides_and_the_order_of_patients_does_not() -> None:
    patients = counts(40, 15)
    assert make_splits(patients, 5, 1) == make_splits(dict(reversed(patients.items())), 5, 1)
    assert make_splits(patients, 5, 1) != make_splits(patients, 5, 2)


@pytest.mark.parametrize(("n", "positive", "n_folds"), [(4, 4, 5), (40, 3, 5), (40, 20, 2)])
def test_too_few_patients_or_folds_are_refused(n: int, positive: int, n_folds: int) -> None:
    with pytest.raises(InputError, match="folds"):
        make_splits(counts(n, positive), n_folds)


def test_written_folds_are_read_back_and_not_replaced_by_others(tmp_path: Path) -> None:
    path, patients = tmp_path / "splits.json", counts(30, 10)
    splits = make_splits(patients, 3, 7)
    write_splits(path, splits)
    write_splits(path, splits)
    assert read_splits(path, patients) == splits
    with pytest.raises(OutputError, match="holds other folds"):
        write_splits(path, make_splits(patients, 3, 8))
    assert read_splits(path) == splits


def edited(path: Path, change) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_patient_in_two_parts_is_named(tmp_path: Path) -> None:
    path = tmp_path / "splits.json"
    write_splits(path, make_splits(counts(30, 10), 3))
    edited(path, lambda c: c["folds"][1]["test"].append(c["folds"][1]["train"][0]))
    with pytest.raises(InputError, match=r"folds\.1: .*patient P\d+ is in train and in test"):
        read_splits(path)


def test_an_unknown_patient_an_empty_part_and_broken_json_are_named(tmp_path: Path) -> None:
    path = tmp_path / "splits.json"
    write_splits(path, make_splits(counts(30, 10), 3))
    with pytest.raises(InputError, match="not in the cohort: P0"):
        read_splits(path, {"P029"})
    edited(path, lambda c: c["folds"][0].update(validation=[]))
    with pytest.raises(InputError, match="validation has no patients"):
        read_splits(path)
    path.write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        read_splits(path)
    with pytest.raises(InputError, match="prepare makes it"):
        read_splits(tmp_path / "none.json")


def test_a_fold_part_of_one_class_is_refused() -> None:
    fold = Fold(train=["A"], validation=["B"], test=["C"])
    check_positives(fold, 0, {"A": [0, 1], "B": [1, 0], "C": [0, 1]})
    with pytest.raises(InputError, match="Fold 2 has no positive sample in its validation part"):
        check_positives(fold, 2, {"A": [0, 1], "B": [0], "C": [0, 1]})
