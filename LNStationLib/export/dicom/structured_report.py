"""The assessment as a structured report: Measurement Report, TID 1500 (DICOM PS3.16)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from highdicom.sr import (
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from LNStationLib.assessment.review import ReaderCall, Review
from LNStationLib.export.dicom.identity import (
    MANUFACTURER,
    MODEL_NAME,
    Identity,
    equipment,
    finish,
    limits_of_use,
    series,
    uid_of,
)
from LNStationLib.export.dicom.measurement_groups import (
    Group,
    Judge,
    SegmentLink,
    category_group,
    comment,
    node_group,
    reader_group,
    station_group,
    when,
)
from LNStationLib.export.dicom.results import Results
from LNStationLib.export.dicom.segments import Structure, algorithm_of, node_structures, station_structures
from LNStationLib.export.dicom.source import SourceSeries
from LNStationLib.state.assessment import Assessment, NStaging

SESSIONS = {True: "Reader, blind: before the model's output was shown", False: "Reader, with the model's output"}
"""Activity Session of a reader's groups, by whether the read was blind."""
_CATEGORY = "N category"


@dataclass(frozen=True)
class Segmented:
    """A segmentation as the report refers to it.

    Attributes:
        made: The object.
        numbers: Segment number by label value.
    """

    made: Dataset
    numbers: Mapping[int, int]


def structured_report(
    results: Results,
    source: SourceSeries,
    stations: Segmented | None,
    nodes: Segmented | None,
    identity: Identity,
    number: int,
    description: str,
) -> ComprehensiveSR:
    """The report.

    Args:
        results: Assessment and review.
        source: The CT.
        stations: The segmentation of stations; ``None`` where none could be parsed.
        nodes: That of nodes; ``None`` where there are none.
        identity: Of the export.
        number: Of its series.
        description: Of its series.
    """
    groups = [
        *_node_groups(results, source, nodes, identity),
        *_station_groups(results, source, stations, identity),
        *_category_groups(results, identity),
    ]
    report = MeasurementReport(
        observation_context=_observers(results.review),
        procedure_reported=codes.cid100.CTUnspecifiedBodyRegion,
        imaging_measurements=groups,
        title=codes.cid7021.ImagingMeasurementReport,
    )
    report[0].ContentSequence.append(comment(limits_of_use(results.assessment)))
    evidence = [*source.images, *(one.made for one in (stations, nodes) if one is not None)]
    made = ComprehensiveSR(
        evidence=evidence,
        content=report,
        is_complete=True,
        **series(identity, "report", number),
        **equipment(),
    )
    finish(made, identity, description)
    return made


def _observers(review: Review | None) -> ObservationContext:
    device = ObserverContext(
        codes.DCM.Device,
        DeviceObserverIdentifyingAttributes(
            uid=uid_of("device"), name="LNStation", manufacturer_name=MANUFACTURER, model_name=MODEL_NAME
        ),
    )
    if review is None or not review.reader.strip():
        return ObservationContext(observer_device_context=device)
    person = ObserverContext(codes.DCM.Person, PersonObserverIdentifyingAttributes(_person_name(review.reader)))
    return ObservationContext(observer_person_context=person, observer_device_context=device)


def _person_name(reader: str) -> str:
    """A reader's name as DICOM writes names; one word is a family name."""
    words = reader.replace("^", " ").replace("=", " ").replace("\\", " ")
    return words if "," not in words else "^".join(part.strip() for part in words.split(",", 1))


def _node_groups(results: Results, source: SourceSeries, nodes: Segmented | None, identity: Identity) -> list[Group]:
    judge = _model(results.assessment, "metastasis")
    return [
        node_group(row, structure, _link(structure, nodes, source), judge)
        for row, structure in zip(results.assessment.nodes, node_structures(results, identity), strict=True)
    ]


def _station_groups(
    results: Results, source: SourceSeries, stations: Segmented | None, identity: Identity
) -> list[Group]:
    judge = _model(results.assessment, "metastasis")
    groups: list[Group] = []
    for row, structure in zip(results.assessment.stations, station_structures(results, identity), strict=True):
        link = _link(structure, stations, source)
        groups.append(station_group(row, structure, link, judge))
        if results.review is not None and row.station in results.review.calls:
            groups.append(_reader_group(results.review, results.review.calls[row.station], structure, link))
    return groups


def _reader_group(review: Review, given: ReaderCall, structure: Structure, link: SegmentLink | None) -> Group:
    group = reader_group(structure, link, _reader(review), given.call, given.note)
    return when(group, _date_time(given.when))


def _category_groups(results: Results, identity: Identity) -> list[Group]:
    tracking = TrackingIdentifier(identity.uid("category"), _CATEGORY)
    staged: list[tuple[NStaging, Judge]] = [
        (results.assessment.staging, _model(results.assessment, "staging")),
    ]
    if results.review is not None and results.review.n_category is not None:
        staged.append((results.review.n_category, _reader(results.review)))
    return [category_group(staging, tracking, judge) for staging, judge in staged]


def _model(assessment: Assessment, step: str) -> Judge:
    return Judge(algorithm=algorithm_of(assessment.provenance, step))


def _reader(review: Review) -> Judge:
    return Judge(session=SESSIONS[review.blind])


def _link(structure: Structure, segmented: Segmented | None, source: SourceSeries) -> SegmentLink | None:
    if segmented is None or structure.value not in segmented.numbers:
        return None
    number = segmented.numbers[structure.value]
    return SegmentLink(segmented.made.SOPInstanceUID, number, source.study.SeriesInstanceUID)


def _date_time(iso: str) -> str:
    """An ISO 8601 time as DICOM writes it: the local time, as all others of the object."""
    return datetime.fromisoformat(iso).astimezone().strftime("%Y%m%d%H%M%S")
