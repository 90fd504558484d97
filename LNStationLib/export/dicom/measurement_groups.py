"""The measurement groups of the structured report (DICOM PS3.16, TID 1411 and 1501): nodes, stations, N category.

What the model says and what the reader says of a station are two groups with the same tracking identifiers: only the
model's names an algorithm, and the reader's names the reading session.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from highdicom.sr import (
    AlgorithmIdentification,
    FindingSite,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    ReferencedSegment,
    RelationshipTypeValues,
    SourceSeriesForSegmentation,
    TextContentItem,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import SegmentationStorage

from LNStationLib import anatomy
from LNStationLib.export.dicom.concepts import CALLS, COMMENT, METASTASIS, coded, n_category_concept, report_concept
from LNStationLib.export.dicom.segments import Algorithm, Structure
from LNStationLib.export.wording import clean
from LNStationLib.state.assessment import Call, NodeFinding, NStaging, SideName, StationFinding

Group = VolumetricROIMeasurementsAndQualitativeEvaluations | MeasurementsAndQualitativeEvaluations
_MAX_TEXT_CHARACTERS = 1024
"""Of a comment; longer ones are for the report itself."""
_UNCONFIRMED = "Unconfirmed: the call rests on candidates of a search of low specificity and is not fit for staging."


@dataclass(frozen=True)
class SegmentLink:
    """Where the voxels of a structure are.

    Attributes:
        instance_uid: SOP Instance UID of the segmentation.
        number: Of the segment.
        source_series_uid: Series that was segmented.
    """

    instance_uid: str
    number: int
    source_series_uid: str


@dataclass(frozen=True)
class Judge:
    """Who makes a call: an algorithm, or a reader in a session."""

    algorithm: Algorithm | None = None
    session: str | None = None


def node_group(row: NodeFinding, structure: Structure, link: SegmentLink | None, judge: Judge) -> Group:
    """Measurements of a node and the model's call on it."""
    return _group(
        structure,
        link,
        judge,
        row.call,
        comments=[row.reason, *_unconfirmed(row), *row.warnings],
        measurements=[*_node_measurements(row), *_probability(row.probability)],
    )


def station_group(row: StationFinding, structure: Structure, link: SegmentLink | None, judge: Judge) -> Group:
    """Measurements of a station and the model's call on it; the sides of its evidence as finding sites."""
    return _group(
        structure,
        link,
        judge,
        row.call,
        comments=[row.reason, *_unconfirmed(row), *row.call_warnings, *row.warnings],
        measurements=[*_station_measurements(row), *_probability(row.probability)],
        sides=row.positive_sides,
    )


def reader_group(structure: Structure, link: SegmentLink | None, judge: Judge, call: Call | None, note: str) -> Group:
    """A reader's call on a station."""
    return _group(structure, link, judge, call, comments=[note])


def category_group(staging: NStaging, tracking: TrackingIdentifier, judge: Judge) -> Group:
    """The N category, with why."""
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=tracking,
        algorithm_id=_identified(judge.algorithm),
        session=judge.session,
        qualitative_evaluations=[
            QualitativeEvaluation(report_concept("n_category"), n_category_concept(staging.category))
        ],
    )
    bound = "Lower bound: at least this category." if staging.is_lower_bound else ""
    _comment(group, [f"Rules: {staging.rules}.", bound, staging.explanation, *staging.warnings])
    return group


def when(group: Group, time: str) -> Group:
    """A group with the time of the observation, as DICOM writes it (DT)."""
    group[0].ObservationDateTime = time
    return group


def _group(
    structure: Structure,
    link: SegmentLink | None,
    judge: Judge,
    call: Call | None,
    comments: Iterable[str],
    measurements: Sequence[Measurement] = (),
    sides: Sequence[SideName] = (),
) -> Group:
    common: dict[str, Any] = {
        "tracking_identifier": TrackingIdentifier(structure.tracking_uid, structure.label),
        "finding_type": coded(structure.code),
        "finding_sites": _sites(structure, sides) or None,
        "algorithm_id": _identified(judge.algorithm),
        "session": judge.session,
        "measurements": measurements or None,
        "qualitative_evaluations": [QualitativeEvaluation(METASTASIS, CALLS[call])],
    }
    if link is None:
        group: Group = MeasurementsAndQualitativeEvaluations(**common)
    else:
        group = VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=_segment(link), **common)
    _comment(group, comments)
    return group


def _unconfirmed(row: NodeFinding | StationFinding) -> list[str]:
    return [] if row.call is None or row.fit_for_staging else [_UNCONFIRMED]


def _sites(structure: Structure, sides: Sequence[SideName]) -> list[FindingSite]:
    if structure.site is None:
        return []
    shown: Sequence[SideName | None] = sides or [structure.side]
    return [
        FindingSite(coded(structure.site), None if side is None else coded(anatomy.side_code(side))) for side in shown
    ]


def _segment(link: SegmentLink) -> ReferencedSegment:
    return ReferencedSegment(
        sop_class_uid=SegmentationStorage,
        sop_instance_uid=link.instance_uid,
        segment_number=link.number,
        source_series=SourceSeriesForSegmentation(link.source_series_uid),
    )


def _identified(algorithm: Algorithm | None) -> AlgorithmIdentification | None:
    if algorithm is None:
        return None
    parameters = [f"{what}: {value}" for what, value in algorithm.parameters.items()]
    return AlgorithmIdentification(algorithm.name, algorithm.version, parameters or None)


def _comment(group: Group, texts: Iterable[str]) -> None:
    """Add the words for people; the template may be extended by such items."""
    for text in texts:
        words = clean(text)[:_MAX_TEXT_CHARACTERS]
        if words:
            group[0].ContentSequence.append(comment(words))


def comment(words: str) -> Dataset:
    """A text item for people."""
    return TextContentItem(coded(COMMENT), words, RelationshipTypeValues.CONTAINS)


def _node_measurements(row: NodeFinding) -> list[Measurement]:
    suv = codes.UCUM.StandardizedUptakeValueBodyWeight
    given = [
        (codes.SCT.ShortAxis, row.short_axis_mm, codes.UCUM.Millimeter, None),
        (codes.SCT.LongAxis, row.long_axis_mm, codes.UCUM.Millimeter, None),
        (codes.SCT.Volume, row.volume_mm3, codes.UCUM.CubicMillimeter, None),
        (codes.DCM.AttenuationCoefficient, row.mean_hu, codes.UCUM.HounsfieldUnit, codes.SCT.Mean),
        (codes.DCM.Suvbw, row.suv_max, suv, codes.SCT.Maximum),
        (codes.DCM.Suvbw, row.suv_mean, suv, codes.SCT.Mean),
        (codes.DCM.Suvbw, row.suv_peak, suv, codes.DCM.PeakValueWithinROI),
    ]
    return _measurements(given)


def _station_measurements(row: StationFinding) -> list[Measurement]:
    volume_mm3 = None if row.volume_ml is None else row.volume_ml * 1000.0
    return _measurements(
        [
            (codes.SCT.Volume, volume_mm3, codes.UCUM.CubicMillimeter, None),
            (codes.SCT.ShortAxis, row.largest_short_axis_mm, codes.UCUM.Millimeter, codes.SCT.Maximum),
            (
                codes.DCM.Suvbw,
                row.suv_max,
                codes.UCUM.StandardizedUptakeValueBodyWeight,
                codes.SCT.Maximum,
            ),
        ]
    )


def _probability(probability: float | None) -> list[Measurement]:
    if probability is None:
        return []
    return [Measurement(codes.DCM.ProbabilityOfCancer, 100.0 * probability, codes.UCUM.Percent)]


def _measurements(given: Iterable[tuple[Code, float | None, Code, Code | None]]) -> list[Measurement]:
    """What was measured; ``None`` is not 0 and is left out."""
    return [
        Measurement(name, value, unit, derivation=derivation)
        for name, value, unit, derivation in given
        if value is not None
    ]
