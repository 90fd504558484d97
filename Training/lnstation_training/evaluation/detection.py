"""Found nodes held to true ones: hits, free-response curves, recall by size and station, intervals by patient.

The hit rule and the measures are those of OSLN (Zhu et al. 2020, Sec. 4.3). What the paper leaves open: the radius is
that of the ball of equal volume; a second hit on a node, and a hit on a node that does not count (one too small to be
seen), is neither true nor false.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from LNStationLib.imaging.boxes import label_boxes
from LNStationLib.support.types import InstanceArray

Unit = TypeVar("Unit")
RADIUS_FACTORS = (0.5, 1.5)
"""Least and largest radius of a hit, as parts of the true node's (OSLN, Sec. 4.3)."""
FALSE_POSITIVES = (2.0, 3.0, 4.0, 6.0)
"""A patient, at which recall is averaged (OSLN, Sec. 4.3)."""
PRECISIONS = (0.10, 0.20)
"""Between which recall is averaged (OSLN, Sec. 4.3); at their middle it is reported as well."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TrueNode(_Frozen):
    """A node that counts.

    Attributes:
        number: In the truth's map.
        short_axis_mm: Of the node; ``None`` where it is not known.
        station: Likewise.
        distance_mm: To the tumor, likewise.
    """

    number: int
    short_axis_mm: float | None = None
    station: str | None = None
    distance_mm: float | None = None


class Detection(_Frozen):
    """One candidate held to the truth.

    Attributes:
        score: Larger is surer.
        node: Number of the counted node that it hits; ``None`` for none.
        ignored: It hits a node that does not count, and is neither true nor false.
        dice: Overlap with the node that it hits; ``None`` without a hit.
    """

    score: float
    node: int | None = None
    ignored: bool = False
    dice: float | None = None


class PatientHits(_Frozen):
    """One patient.

    Attributes:
        detections: Every candidate.
        nodes: Every node that counts.
    """

    detections: tuple[Detection, ...]
    nodes: tuple[TrueNode, ...]


def match(
    found: InstanceArray,
    scores: Mapping[int, float],
    truth: InstanceArray,
    nodes: Sequence[TrueNode],
) -> PatientHits:
    """Hold the candidates of a patient to the truth.

    Args:
        found: Number of each candidate ``[z, y, x]``, 0 elsewhere.
        scores: Of each candidate, by number.
        truth: Number of every node on the same grid, counted or not.
        nodes: Those that count.
    """
    sizes = np.bincount(truth.ravel())
    counted = {node.number for node in nodes}
    detections = [
        _held(found[box] == number, scores[number], truth[box], sizes, counted)
        for number, box in label_boxes(found).items()
    ]
    return PatientHits(detections=tuple(detections), nodes=tuple(nodes))


def _held(mask: np.ndarray, score: float, truth: np.ndarray, sizes: np.ndarray, counted: set[int]) -> Detection:
    shared = np.bincount(truth[mask], minlength=len(sizes))
    shared[0] = 0
    size = int(np.count_nonzero(mask))
    hit = [n for n in np.argsort(-shared) if shared[n] and _alike(size, int(sizes[n]))]
    best = next((int(n) for n in hit if int(n) in counted), None)
    if best is not None:
        return Detection(score=score, node=best, dice=float(2 * shared[best] / (size + sizes[best])))
    return Detection(score=score, ignored=any(shared[n] and n not in counted for n in range(1, len(sizes))))


def _alike(found_voxels: int, true_voxels: int) -> bool:
    """Whether the radii of balls of equal volume are alike."""
    low, high = RADIUS_FACTORS
    return low <= (found_voxels / true_voxels) ** (1 / 3) <= high


@dataclass(frozen=True)
class Curve:
    """What every threshold does, from strict to lenient.

    Attributes:
        thresholds: Scores, falling; the first is above all.
        false_positives: Mean number a patient.
        recall: Of counted nodes; NaN where there are none.
    """

    thresholds: np.ndarray
    false_positives: np.ndarray
    recall: np.ndarray


def froc(patients: Sequence[PatientHits]) -> Curve:
    """Free-response curve over all nodes of all patients together."""
    n_nodes = sum(len(each.nodes) for each in patients)
    rows = sorted((row for number, each in enumerate(patients) for row in _first_hits(number, each)), reverse=True)
    thresholds, falses, hits = [np.inf], [0], [0]
    for score, true in rows:
        falses.append(falses[-1] + (not true))
        hits.append(hits[-1] + true)
        thresholds.append(score)
    # Candidates of one score come together.
    last = np.append(np.diff(thresholds) != 0, True)
    recall = np.array(hits)[last] / n_nodes if n_nodes else np.full(int(last.sum()), np.nan)
    return Curve(np.array(thresholds)[last], np.array(falses)[last] / max(len(patients), 1), recall)


def _first_hits(number: int, patient: PatientHits) -> list[tuple[float, bool]]:
    """Score of every true or false candidate: the first on each node is true, later ones do not count."""
    seen: set[int] = set()
    rows = []
    for each in sorted(patient.detections, key=lambda one: -one.score):
        if each.node is None:
            rows += [] if each.ignored else [(each.score, False)]
        elif each.node not in seen:
            seen.add(each.node)
            rows.append((each.score, True))
    return rows


def recall_at(curve: Curve, false_positives: float) -> float:
    """Highest recall at no more than a mean number of false positives a patient."""
    return float(curve.recall[curve.false_positives <= false_positives].max())


def threshold_at(curve: Curve, false_positives: float) -> float:
    """The most lenient threshold at no more than a mean number of false positives a patient."""
    return float(curve.thresholds[curve.false_positives <= false_positives].min())


def mean_recall_at(patients: Sequence[PatientHits], false_positives: Sequence[float] = FALSE_POSITIVES) -> float:
    """mFROC: mean recall over numbers of false positives a patient; NaN without a node."""
    curve = froc(patients)
    return float(np.mean([recall_at(curve, each) for each in false_positives]))


def best_f1(patients: Sequence[PatientHits]) -> float:
    """Highest F1 over all thresholds; NaN without a node."""
    curve, n_nodes = froc(patients), sum(len(each.nodes) for each in patients)
    hits, falses = curve.recall * n_nodes, curve.false_positives * len(patients)
    return float(np.max(2 * hits / (hits + falses + n_nodes)))


def recall_at_precision(patients: Sequence[PatientHits], precision: float) -> float:
    """Highest recall of a threshold with at least a precision, both means over patients (macro); 0 where none has.

    A patient without a candidate at a threshold has no precision, one without a node no recall.
    """
    scores = sorted({each.score for patient in patients for each in patient.detections}, reverse=True)
    best = 0.0
    for threshold in scores:
        figures = [_at(patient, threshold) for patient in patients]
        found = [p for p, _ in figures if p is not None]
        if found and np.mean(found) >= precision:
            best = max(best, float(np.mean([r for _, r in figures if r is not None])))
    return best


def mean_recall_at_precisions(patients: Sequence[PatientHits], steps: int = 11) -> float:
    """mRecall: mean over precisions of 0.10 to 0.20."""
    return float(np.mean([recall_at_precision(patients, p) for p in np.linspace(*PRECISIONS, steps)]))


def _at(patient: PatientHits, threshold: float) -> tuple[float | None, float | None]:
    """Precision and recall of one patient at a threshold."""
    kept = [each for each in patient.detections if each.score >= threshold]
    hit = {each.node for each in kept if each.node is not None}
    false = sum(each.node is None and not each.ignored for each in kept)
    precision = len(hit) / (len(hit) + false) if len(hit) + false else None
    return precision, len(hit) / len(patient.nodes) if patient.nodes else None


@dataclass(frozen=True)
class Stratum:
    """Nodes of one kind: how many there are, and how many were found."""

    title: str
    n_nodes: int
    n_found: int

    @property
    def recall(self) -> float | None:
        """``None`` without a node."""
        return self.n_found / self.n_nodes if self.n_nodes else None


def recall_by(
    patients: Sequence[PatientHits], threshold: float, group_of: Callable[[TrueNode], str | None]
) -> list[Stratum]:
    """Recall of nodes by a property, in alphabetical order; nodes of no group are left out.

    Args:
        patients: Held to the truth.
        threshold: Candidates with at least this score count.
        group_of: Gives a node's group.
    """
    counts: dict[str, list[int]] = {}
    for patient in patients:
        hit = {each.node for each in patient.detections if each.score >= threshold}
        for node in patient.nodes:
            group = group_of(node)
            if group is not None:
                count = counts.setdefault(group, [0, 0])
                count[0] += 1
                count[1] += node.number in hit
    return [Stratum(title, *counts[title]) for title in sorted(counts)]


def mean_dice(patients: Sequence[PatientHits], threshold: float) -> float | None:
    """Mean Dice of the nodes hit; ``None`` without a hit."""
    found = [
        each.dice
        for patient in patients
        for each in patient.detections
        if each.dice is not None and each.score >= threshold
    ]
    return float(np.mean(found)) if found else None


def interval(
    patients: Sequence[Unit],
    measure: Callable[[Sequence[Unit]], float],
    n_resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """95 % interval of a measure, by resampling patients; ``None`` of fewer than two.

    Args:
        patients: Held to the truth, or whatever else of each is measured.
        measure: Of patients; resamples in which it is not a number are left out.
        n_resamples: Of patients.
        seed: Of the resampling.
    """
    if len(patients) < 2 or n_resamples < 1:
        return None
    rng = np.random.default_rng(seed)
    drawn = [[patients[k] for k in rng.integers(len(patients), size=len(patients))] for _ in range(n_resamples)]
    found = np.array([measure(each) for each in drawn])
    found = found[~np.isnan(found)]
    return (float(np.percentile(found, 2.5)), float(np.percentile(found, 97.5))) if found.size else None


@dataclass(frozen=True)
class Gain:
    """How much larger a measure is by one detector than by another on the same patients.

    Attributes:
        value: The difference; NaN without a node.
        low: Lower end of its 95 % interval, by resampling patients; ``None`` of fewer than two.
        high: Upper end, likewise.
    """

    value: float
    low: float | None
    high: float | None


def gain(
    before: Sequence[PatientHits],
    after: Sequence[PatientHits],
    measure: Callable[[Sequence[PatientHits]], float] = mean_recall_at,
    n_resamples: int = 1000,
) -> Gain:
    """What a detector gains over another, patient by patient.

    Args:
        before: By the other detector.
        after: Of the same patients in the same order.
        measure: Of patients.
        n_resamples: Of patients, both detectors together.

    Raises:
        ValueError: The patients' nodes are not the same.
    """
    if [each.nodes for each in before] != [each.nodes for each in after]:
        raise ValueError("two detectors are compared on patients whose nodes differ")

    def difference(pairs: Sequence[tuple[PatientHits, PatientHits]]) -> float:
        return measure([second for _, second in pairs]) - measure([first for first, _ in pairs])

    pairs = list(zip(before, after, strict=True))
    low, high = interval(pairs, difference, n_resamples) or (None, None)
    return Gain(difference(pairs), low, high)
