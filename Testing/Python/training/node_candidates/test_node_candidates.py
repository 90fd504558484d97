"""Candidates of prepared patients: with and without a first stage, their truth, how they change in training."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from training.drawn_volumes import SHAPE, SPACING, drawn_arrays  # noqa: E402

from lnstation_training.evaluation.detection import PatientHits  # noqa: E402
from lnstation_training.segmentation.folder import VolumeSample  # noqa: E402
from lnstation_training.segmentation.patients import (  # noqa: E402
    LOOK_ALIKE,
    NODE_KINDS,
    NODES,
    PET,
    SIGNIFICANT,
    SMALL_NODE,
    TUMOR_DISTANCE,
    VISIBLE_NODE,
    PatientVolume,
    distance_codes,
    pet_codes,
    write_patient,
)
from lnstation_training.tasks.node_candidates import candidates  # noqa: E402
from lnstation_training.tasks.node_candidates.candidates import (  # noqa: E402
    PatientCandidates,
    kept_candidates,
    patient_candidates,
)
from lnstation_training.tasks.node_candidates.data_module import (  # noqa: E402
    CandidateDataset,
    jittered,
    sample_patch,
    turned,
)
from lnstation_training.tasks.node_candidates.lightning_module import NodeCandidateModule  # noqa: E402
from lnstation_training.tasks.node_detection.lightning_module import NodeDetectionModule  # noqa: E402
from LNStationLib.nodes.tags import TAGS  # noqa: E402
from LNStationLib.sampling.candidate_patch import CandidatePatchSpec, candidate_patch, region_around  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402

SPEC = CandidatePatchSpec(spacing_mm=SPACING, size=(6, 8, 8), margin=1)


def write(folder: Path, significant: bool) -> VolumeSample:
    """A significant node, one that is not, a small one and a look-alike in and around station 4R."""
    numbers, kinds, marks = (np.zeros(SHAPE, np.uint8) for _ in range(3))
    numbers[13:15, 13:15, 13], numbers[16:18, 16:18, 13], numbers[13, 17, 15] = 1, 2, 3
    kinds[np.isin(numbers, (1, 2))], kinds[numbers == 3], kinds[17, 13, 16] = VISIBLE_NODE, SMALL_NODE, LOOK_ALIKE
    arrays = {**drawn_arrays(), NODES: numbers, NODE_KINDS: kinds}
    if significant:
        marks[numbers == 1] = 31
        suv = np.where(numbers == 1, 8.0, 1.0)
        suv[:2] = np.nan
        arrays |= {SIGNIFICANT: marks, PET: pet_codes(suv), TUMOR_DISTANCE: distance_codes(np.full(SHAPE, 30.0))}
    return VolumeSample("P0", write_patient(folder, PatientVolume("P0", arrays, SPACING, None, True)))


def test_without_a_first_stage_nodes_look_alikes_and_places_are_candidates(tmp_path: Path) -> None:
    found = patient_candidates(write(tmp_path, significant=True), None)
    assert [node.number for node in found.hits.nodes] == [1]
    labels = [row.label for row in found.samples]
    assert labels.count(1) == 1
    assert labels.count(0) > 5, "the other node, the look-alike and balls"
    true = next(row for row in found.samples if row.label == 1)
    assert true.bounds == ((13, 15), (13, 15), (13, 14)), "in the patient's voxels"
    assert true.tags["suv_max"] == pytest.approx(8)
    assert true.tags["tumor_mm"] == pytest.approx(30)
    assert patient_candidates(write(tmp_path, significant=True), None) == found, "the same every time"


def test_without_marks_every_visible_node_is_true(tmp_path: Path) -> None:
    found = patient_candidates(write(tmp_path, significant=False), None)
    assert sum(row.label == 1 for row in found.samples) == 2
    assert "suv_max" not in found.samples[0].tags


def test_candidates_of_a_first_stage_are_held_to_the_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = write(tmp_path, significant=True)
    detector = NodeDetectionModule(
        network_arguments={"filters": [4, 4, 4], "strides": [1, 2, 2]},
        streams=["ct", "pet"],
        window=(8, 8, 8),
        spacing_mm=SPACING,
    ).eval()

    def answers(batch: dict[str, Any]) -> dict[str, np.ndarray]:
        numbers = batch[NODES][0, 0].numpy()
        return {"ct": np.where(numbers == 2, 0.7, 0.0), "pet": np.where(numbers == 1, 0.9, 0.0)}

    monkeypatch.setattr(detector, "answers", answers)
    rows = patient_candidates(sample, detector).samples
    assert sorted((row.label, round(row.detection.score, 3)) for row in rows) == [(0, 0.7), (1, 0.9)]


def test_candidates_are_found_once_by_a_process_and_again_where_patient_or_detector_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample, package, asked = write(tmp_path, significant=True), tmp_path / "streams.zip", []
    package.write_bytes(b"first")
    loaded: list[Path] = []

    def found(one: VolumeSample, detector: object, fusion: str) -> PatientCandidates:
        asked.append((one.patient, detector, fusion))
        return PatientCandidates((), PatientHits(detections=(), nodes=()))

    monkeypatch.setattr(candidates, "patient_candidates", found)
    monkeypatch.setattr(candidates, "load_detector", lambda path: loaded.append(path) or len(loaded))
    for _ in range(2):
        kept_candidates(sample, package, "LF")
        kept_candidates(sample, package, "CT")
        kept_candidates(sample, None)
    assert asked == [("P0", 1, "LF"), ("P0", 1, "CT"), ("P0", None, "")]
    os.utime(package, ns=(1, 1))
    kept_candidates(sample, package, "LF")
    os.utime(sample.path, ns=(1, 1))
    kept_candidates(sample, package, "LF")
    assert asked[3:] == [("P0", 2, "LF"), ("P0", 2, "LF")]
    assert loaded == [package, package]


def test_a_patch_in_training_is_the_patch_in_use(tmp_path: Path) -> None:
    sample = write(tmp_path, significant=True)
    bounds = ((13, 15), (13, 15), (13, 14))
    made = sample_patch(sample.path, bounds, SPEC)
    module = NodeCandidateModule(network_arguments={"filters": [4], "features": 4})
    module.pet_suv.copy_(torch.tensor([1.0, 2.0]))
    seen: list[Any] = []
    module.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    module(torch.from_numpy(made)[None], torch.zeros(1, len(TAGS)))
    region = region_around(bounds, SPEC)
    arrays = drawn_arrays()
    box = tuple(slice(low, high) for low, high in region)
    suv = np.where(np.zeros(SHAPE), 1.0, 1.0).astype(np.float32)
    suv[13:15, 13:15, 13] = 8.0
    spec = SPEC.model_copy(update={"pet_suv": (1.0, 2.0)})
    images = {"ct": arrays["ct"][box].astype(np.float32), "pet": suv[box]}
    wanted = candidate_patch(images, bounds, region, ("ct", "pet", "box"), spec)
    assert np.allclose(seen[0][0].numpy(), wanted, atol=1e-5)


def test_boxes_are_moved_and_patches_turned_only_in_training(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    bounds = ((3, 4), (10, 20), (10, 20))
    moved = [jittered(bounds, 3, rng) for _ in range(50)]
    assert all(low < high for each in moved for low, high in each)
    assert max(abs(each[1][0] - 10) for each in moved) == 3
    assert len(set(moved)) > 20
    patch = np.arange(2 * 2 * 4 * 4, dtype=np.float32).reshape(2, 2, 4, 4)
    made = [turned(patch, rng) for _ in range(30)]
    assert any(not np.array_equal(each, patch) for each in made)
    assert all(np.array_equal(np.sort(each[0, 1].ravel()), np.sort(patch[0, 1].ravel())) for each in made)
    rows = patient_candidates(write(tmp_path, significant=True), None).samples
    still = CandidateDataset(rows, SPEC)
    assert torch.equal(still[0]["patch"].nan_to_num(), still[0]["patch"].nan_to_num())
    drawn = CandidateDataset(rows, SPEC, 2, augment=True)
    drawn.seed(1)
    first = drawn[0]["patch"].nan_to_num()
    drawn.seed(2)
    others = [drawn[0]["patch"].nan_to_num() for _ in (drawn.seed(n) for n in range(3, 9))]
    assert any(not torch.equal(first, each) for each in others)


@pytest.mark.parametrize("settings", [{"channels": ["mri"]}, {"tags": ["lesanet_17"]}, {"channels": ["ct", "ct"]}])
def test_unknown_channels_and_tags_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"model\.channels and model\.tags"):
        NodeCandidateModule(network_arguments={"filters": [4], "features": 4}, **settings)


def test_what_decides_can_be_switched() -> None:
    patch, tags = torch.rand(2, 3, 6, 8, 8), torch.rand(2, len(TAGS))
    for settings in (
        {"channels": ["ct"], "tags": [], "network_arguments": {"filters": [4], "features": 4}},
        {"tags": ["short_mm"], "network_arguments": {"local": False}},
        {"network": "random_views", "network_arguments": {"n_views": 2, "size": 8, "filters": [4]}},
    ):
        assert NodeCandidateModule(**settings)(patch, tags).shape == (2,)
