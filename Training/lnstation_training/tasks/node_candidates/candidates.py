"""Candidates of prepared patients: what a first stage found, or without one the truth and what lies beside it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cc3d
import numpy as np
import torch

from lnstation_training.evaluation.detection import Detection, PatientHits, match
from lnstation_training.segmentation.appearance.base import mask_of
from lnstation_training.segmentation.folder import VolumeSample
from lnstation_training.segmentation.patients import (
    CT,
    LOOK_ALIKE,
    NODE_KINDS,
    NODES,
    ORGANS,
    PET,
    SIGNIFICANT,
    STATIONS,
    TUMOR_DISTANCE,
    distance_of,
    open_patient,
    suv_of,
)
from lnstation_training.tasks.node_detection.datasets import RegionDataset, region_of
from lnstation_training.tasks.node_detection.evaluation import fusions_of, main_fusion
from lnstation_training.tasks.node_detection.lightning_module import NodeDetectionModule
from lnstation_training.tasks.node_detection.scoring import counted_nodes, only_significant
from lnstation_training.tasks.node_detection.targets import allowed_kinds
from LNStationLib.imaging.boxes import label_boxes
from LNStationLib.models.package import read_package
from LNStationLib.nodes.from_network.instances import Instances, find_instances
from LNStationLib.nodes.tags import TagScene, candidate_tags, tag_organs
from LNStationLib.sampling.candidate_patch import Bounds
from LNStationLib.support.errors import InputError

_PLACES = 12
"""Balls at random places in the stations, where there is no first stage."""
_BALL_MM = 8.0
"""Their diameter: that of a common visible node."""


@dataclass(frozen=True)
class CandidateSample:
    """One candidate of a patient.

    Attributes:
        patient: Identifier.
        path: The patient's file.
        number: Of the candidate.
        bounds: Of its box in the patient's array.
        tags: See ``LNStationLib.nodes.tags``.
        detection: Held to the truth; its score is the first stage's.
        label: 1 for a true candidate, 0 for a false one.
    """

    patient: str
    path: Path
    number: int
    bounds: Bounds
    tags: Mapping[str, float]
    detection: Detection
    label: int | None


@dataclass(frozen=True)
class PatientCandidates:
    """All candidates of one patient that are true or false, and the nodes that count."""

    samples: tuple[CandidateSample, ...]
    hits: PatientHits


def load_detector(path: Path, device: str = "cpu") -> NodeDetectionModule:
    """The first stage: a run of ``node_detection``, or a model package.

    Raises:
        InputError: It is neither.
    """
    if (path / "config.yaml").exists():
        from lnstation_training.engine.loading import load_run
        from lnstation_training.tasks.node_detection.task import NodeDetectionTask

        module: Any = load_run(path, NodeDetectionTask()).module
    else:
        module = NodeDetectionModule.of_package(read_package(path))
    if not isinstance(module, NodeDetectionModule):
        raise InputError(f"{path} detects no nodes: give a run or a package of node_detection.")
    return module.to(device).eval()


def kept_candidates(sample: VolumeSample, detector: Path | None, fusion: str = "") -> PatientCandidates:
    """As ``patient_candidates``, found once by a process: each row of an experiment asks for them twice.

    Args:
        sample: The patient.
        detector: Run or package of the first stage; ``None`` for none.
        fusion: See ``patient_candidates``.

    Raises:
        InputError: See ``load_detector`` and ``patient_candidates``.
    """
    version = None if detector is None else _last_change(detector)
    return _kept(sample, _last_change(sample.path), detector, version, fusion)


@lru_cache(maxsize=1024)
def _kept(
    sample: VolumeSample, changed: int, detector: Path | None, version: int | None, fusion: str
) -> PatientCandidates:
    return patient_candidates(sample, None if detector is None else _loaded(detector, version), fusion)


@lru_cache(maxsize=1)
def _loaded(detector: Path, version: int | None) -> NodeDetectionModule:
    return load_detector(detector)


def _last_change(path: Path) -> int:
    """When a file, or what lies in a folder, was last written; 0 where there is none."""
    return max((each.stat().st_mtime_ns for each in (path, *path.rglob("*")) if each.exists()), default=0)


def patient_candidates(
    sample: VolumeSample, detector: NodeDetectionModule | None, fusion: str = ""
) -> PatientCandidates:
    """Candidates of a prepared patient.

    Args:
        sample: The patient.
        detector: The first stage; ``None`` takes the nodes, their look-alikes, and balls anywhere in the stations.
        fusion: Which of the detector's networks, by the name of Table 1b; empty for all.

    Raises:
        InputError: The detector has no such fusion.
    """
    file = open_patient(sample.path)
    known = (CT, ORGANS, STATIONS, NODE_KINDS, NODES, PET, TUMOR_DISTANCE, SIGNIFICANT)
    item = RegionDataset([sample], [name for name in known if name in file.names], lambda _: allowed_kinds())[0]
    batch = {name: value[None] if torch.is_tensor(value) else [value] for name, value in item.items()}
    found = _found(batch, file.spacing_mm, sample.patient, detector, fusion)
    hits = _hits(batch, found, file.spacing_mm)
    tags = candidate_tags(tag_scene(batch, found.labels, file.spacing_mm))
    corner, _ = region_of(file)
    boxes = label_boxes(found.labels)
    rows = [
        _sample(sample, number, box, corner, tags[number], one)
        for (number, box), one in zip(boxes.items(), hits.detections, strict=True)
        if not one.ignored
    ]
    return PatientCandidates(tuple(rows), hits)


def _sample(
    sample: VolumeSample, number: int, box: Any, corner: Sequence[int], tags: Mapping[str, float], one: Detection
) -> CandidateSample:
    z, y, x = ((part.start + c, part.stop + c) for part, c in zip(box, corner, strict=True))
    label = int(one.node is not None)
    return CandidateSample(sample.patient, sample.path, number, (z, y, x), tags, one, label)


def _found(
    batch: Mapping[str, Any],
    spacing_mm: tuple[float, float, float],
    patient: str,
    detector: NodeDetectionModule | None,
    fusion: str,
) -> Instances:
    if detector is None:
        return _drawn(batch, spacing_mm, patient)
    device = detector.device
    moved = {key: value.to(device) if torch.is_tensor(value) else value for key, value in batch.items()}
    with torch.inference_mode():
        roles, masked = _chosen_fusion(detector, fusion)
        probability = detector.combined(detector.answers(moved), moved, roles, masked)
    return find_instances(probability, spacing_mm, detector.probable)


def _chosen_fusion(detector: NodeDetectionModule, name: str) -> tuple[tuple[str, ...], bool]:
    known = fusions_of(detector)
    if name and name not in known:
        raise InputError(f"data.fusion is {name!r}, and the first stage has {', '.join(known)}.")
    return known[name or main_fusion(detector)]


def _drawn(batch: Mapping[str, Any], spacing_mm: tuple[float, float, float], patient: str) -> Instances:
    """Nodes and look-alikes as they are, and balls where the stations hold neither."""
    numbers, kinds, stations = (batch[name][0, 0].numpy() for name in (NODES, NODE_KINDS, STATIONS))
    labels = numbers.astype(np.uint16)
    alike = np.asarray(cc3d.connected_components(kinds == LOOK_ALIKE, connectivity=18)).astype(np.uint16)
    labels[alike > 0] = alike[alike > 0] + labels.max(initial=0)
    room = np.argwhere((stations > 0) & (labels == 0))
    rng = np.random.default_rng(zlib.crc32(patient.encode()))
    ticks = np.meshgrid(*[np.arange(n) for n in labels.shape], indexing="ij")
    for at in room[rng.permutation(len(room))[:_PLACES]]:
        squared = sum(((t - a) * s) ** 2 for t, a, s in zip(ticks, at, spacing_mm, strict=True))
        ball = (squared <= (_BALL_MM / 2) ** 2) & (labels == 0)
        ball[tuple(at)] = True
        labels[ball] = labels.max() + 1
    return Instances(labels, dict.fromkeys(label_boxes(labels), 0.5))


def _hits(batch: Mapping[str, Any], found: Instances, spacing_mm: tuple[float, float, float]) -> PatientHits:
    """Candidates held to significant nodes where the patient has marks of them, else to visible ones."""
    numbers, kinds, stations = (batch[name][0, 0].cpu().numpy() for name in (NODES, NODE_KINDS, STATIONS))
    nodes, truth = counted_nodes(numbers, kinds, stations, spacing_mm), numbers.astype(np.uint16)
    if SIGNIFICANT in batch:
        nodes, truth = only_significant(nodes, truth, kinds, batch[SIGNIFICANT][0, 0].cpu().numpy())
    return match(found.labels, found.scores, truth, nodes)


def tag_scene(batch: Mapping[str, Any], labels: np.ndarray, spacing_mm: tuple[float, float, float]) -> TagScene:
    """What tags of a prepared patient's candidates are computed from."""
    organs = batch[ORGANS][0, 0]

    def mask(name: str) -> np.ndarray | None:
        found = mask_of(organs, (name,)).cpu().numpy()
        return found if found.any() else None

    pet, distance = batch.get(PET), batch.get(TUMOR_DISTANCE)
    return TagScene(
        spacing_mm,
        batch[CT][0, 0].float().cpu().numpy(),
        labels,
        batch[STATIONS][0, 0].cpu().numpy(),
        tag_organs(mask),
        None if pet is None else suv_of(pet)[0, 0].cpu().numpy(),
        None if distance is None else distance_of(distance)[0, 0].cpu().numpy(),
    )
