"""From tables and masks to samples: labels, stations, and what is left out or refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from training.drawn_nodes import UNLABELED_FROM
from training.node_classification.conftest import GEOMETRY, TASK, cohort_of

from lnstation_training.cohorts.errors import CohortError
from lnstation_training.cohorts.tables import Dissection
from lnstation_training.tasks.node_classification.dataset import load_patch
from lnstation_training.tasks.node_classification.preparation import labeled_patients
from lnstation_training.tasks.node_classification.samples import NodeSample, read_samples
from LNStationLib import anatomy


def by_node(samples: list[NodeSample], patient: str) -> dict[int, NodeSample]:
    return {sample.node: sample for sample in samples if sample.patient == patient}


def changed(cohort_folder: Path, folder: Path, kind: str, box: tuple, value: int) -> list:
    """The cohort, the first patient's mask of a kind changed in a box."""
    cohort = cohort_of(cohort_folder)
    image = sitk.ReadImage(str(getattr(cohort[0], kind)))
    array = sitk.GetArrayFromImage(image)
    array[box] = value
    new = sitk.GetImageFromArray(array)
    new.CopyInformation(image)
    sitk.WriteImage(new, str(folder / f"{kind}.nii.gz"))
    return [replace(cohort[0], **{kind: folder / f"{kind}.nii.gz"}), *cohort[1:]]


def test_nodes_have_labels_where_the_table_has_and_stations_pathology_everywhere(prepared: Path) -> None:
    samples = read_samples(prepared)
    assert len(samples) == 4 * 16
    first, last = by_node(samples, "P00"), by_node(samples, "P15")
    assert {node: (each.label, each.station, each.station_positive) for node, each in first.items()} == {
        1: (1, "2R", 1), 2: (0, "4R", 0), 3: (0, "7", 0), 4: (1, "8", 1)
    }  # fmt: skip
    assert [each.label for each in last.values()] == [None] * 4
    assert {each.station_positive for each in last.values()} == {0, 1}
    assert int("P15"[1:]) >= UNLABELED_FROM
    assert first[1].short_axis_mm == pytest.approx(12.5, abs=0.5)  # across the corners of a square of 10 mm
    assert first[1].part_inside > 0.5


def test_a_patch_holds_its_own_node_in_both_channels(prepared: Path) -> None:
    for sample in list(by_node(read_samples(prepared), "P00").values()):
        patch = load_patch(prepared, "P00", sample.row)
        assert patch.shape == (2, 4, 32, 32)
        middle = patch[:, 1:3, 15:17, 15:17].mean(axis=(1, 2, 3))
        hu = 110 if sample.label else 40
        np.testing.assert_allclose(middle, (hu + 200) / 250 - 1, atol=0.1)


def test_a_part_of_the_patients_keeps_its_labels_and_the_truth_of_the_others_is_kept_apart(
    cohort_folder: Path, tmp_path: Path
) -> None:
    cohort = cohort_of(cohort_folder)[10:14]
    half = GEOMETRY.model_copy(update={"labeled_patients": 0.5})
    samples = TASK.prepare(cohort, tmp_path, *_rest(half))
    (labeled,) = {each.patient for each in samples if each.label is not None}
    assert {labeled} == labeled_patients(cohort, 0.5) <= labeled_patients(cohort, 1.0) == {"P10", "P11"}
    hidden = {each.patient for each in samples if each.truth is not None}
    assert hidden == {"P10", "P11"} - {labeled}


def test_a_small_node_and_a_contradicted_one_are_left_out_with_a_count(cohort_folder: Path, tmp_path: Path) -> None:
    cohort = cohort_of(cohort_folder)
    wrong = {**cohort[0].dissections, "2R": Dissection(3, 0)}
    cohort = [replace(cohort[0], dissections=wrong), cohort[1]]
    samples = TASK.prepare(cohort, tmp_path, *_rest(GEOMETRY))
    assert by_node(samples, "P00")[1].excluded == "contradicts_pathology"
    assert by_node(samples, "P00")[1].label is None
    report = TASK.prepared_report(samples)
    assert report.lines == ["Left out, metastatic node in a station that pathology found negative: 1"]
    large = GEOMETRY.model_copy(update={"min_short_axis_mm": 20.0})
    samples = TASK.prepare(cohort, tmp_path / "large", *_rest(large))
    assert Counter(each.excluded for each in samples) == {"too_small": 8}


def _rest(geometry) -> tuple:
    from lnstation_training.cohorts.info import CohortInfo
    from LNStationLib.support.progress import silent

    return CohortInfo(title="Drawn", synthetic=True), geometry, silent, 1


def test_a_node_whose_patch_lies_mostly_beyond_the_image_is_left_out(cohort_folder: Path, tmp_path: Path) -> None:
    wide = GEOMETRY.model_copy(update={"size": (4, 128, 128)})
    samples = TASK.prepare(cohort_of(cohort_folder)[:1], tmp_path, *_rest(wide))
    assert {each.excluded for each in samples} == {"beyond_image"}


def test_a_node_between_stations_that_differ_gets_no_status_from_them(cohort_folder: Path, tmp_path: Path) -> None:
    # Half of the metastatic station 2R's node lies in 4R, which pathology found negative.
    box = (slice(4, 10), slice(20, 36), slice(34, 41))
    cohort = changed(cohort_folder, tmp_path, "stations", box, anatomy.station("4R").label_value)
    node = by_node(TASK.prepare(cohort[:1], tmp_path / "out", *_rest(GEOMETRY)), "P00")[1]
    assert (node.station, node.station_positive, node.label, node.excluded) == ("2R", None, 1, "")


def test_a_station_named_in_the_table_stands_above_the_map(cohort_folder: Path, tmp_path: Path) -> None:
    first = replace(cohort_of(cohort_folder)[0], node_stations={2: "8"})
    node = by_node(TASK.prepare([first], tmp_path, *_rest(GEOMETRY)), "P00")[2]
    assert (node.station, node.station_positive) == ("8", 1)


def test_a_mask_without_nodes_gives_no_sample_and_a_warning(
    cohort_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (first, *_) = changed(cohort_folder, tmp_path, "nodes", (slice(None),) * 3, 0)
    assert TASK.prepare([replace(first, node_status={})], tmp_path / "out", *_rest(GEOMETRY)) == []
    assert "1 of 1 patients have no node mask, or one without nodes," in caplog.text


def test_a_patient_without_a_mask_gives_no_sample_unless_the_table_names_its_nodes(
    cohort_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = (replace(each, nodes=None) for each in cohort_of(cohort_folder)[:2])
    bare = replace(first, node_status={}, node_stations={})
    samples = TASK.prepare([bare, cohort_of(cohort_folder)[1]], tmp_path / "out", *_rest(GEOMETRY))
    assert {each.patient for each in samples} == {second.patient}
    assert "1 of 2 patients have no node mask" in caplog.text
    with pytest.raises(CohortError, match="patient P01: the table of nodes names its nodes, and it has no node mask"):
        TASK.prepare([second], tmp_path / "bad", *_rest(GEOMETRY))


def test_a_node_that_the_map_does_not_hold_is_named(cohort_folder: Path, tmp_path: Path) -> None:
    first = replace(cohort_of(cohort_folder)[0], node_status={9: True})
    with pytest.raises(CohortError, match=r"patient P00: the table of nodes names node 9, which nodes\.nii\.gz"):
        TASK.prepare([first], tmp_path, *_rest(GEOMETRY))


def test_a_mask_of_one_value_cannot_go_with_a_table_of_nodes(cohort_folder: Path, tmp_path: Path) -> None:
    cohort = cohort_of(cohort_folder)
    image = sitk.ReadImage(str(cohort[0].nodes))
    sitk.WriteImage(sitk.Cast(image > 0, sitk.sitkUInt8), str(tmp_path / "one.nii.gz"))
    first = replace(cohort[0], nodes=tmp_path / "one.nii.gz")
    with pytest.raises(CohortError, match="one value for 4 nodes"):
        TASK.prepare([first], tmp_path / "out", *_rest(GEOMETRY))
    unlabeled = TASK.prepare([replace(first, node_status={})], tmp_path / "none", *_rest(GEOMETRY))
    assert len(unlabeled) == 4


def test_what_is_prepared_already_is_kept(cohort_folder: Path, tmp_path: Path) -> None:
    cohort = cohort_of(cohort_folder)[:2]
    before = TASK.prepare(cohort, tmp_path, *_rest(GEOMETRY))
    kept = (tmp_path / "patches" / "P00.npy").stat().st_mtime_ns
    assert TASK.prepare(cohort, tmp_path, *_rest(GEOMETRY)) == before
    assert (tmp_path / "patches" / "P00.npy").stat().st_mtime_ns == kept
