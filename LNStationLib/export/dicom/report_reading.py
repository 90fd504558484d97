"""A reader's review from a structured report of template 1500 (DICOM PS3.16): made here, or by others.

Read with pydicom rather than with highdicom's templates, which refuse what other programs leave out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from LNStationLib.anatomy.coded import side_with_code, station_with_code
from LNStationLib.assessment.review import ReaderCall, Review
from LNStationLib.export.dicom.concepts import CALLS, COMMENT, METASTASIS
from LNStationLib.export.dicom.structured_report import SESSIONS
from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.discretion import no_values_told
from LNStationLib.state.assessment import Call
from LNStationLib.support.errors import InputError
from LNStationLib.support.types import Side

_TEMPLATE = "1500"
_CALLS: Mapping[tuple[str, str], Call | None] = {
    (code.value, code.scheme_designator): call for call, code in CALLS.items()
}
_SESSION = Code("C67447", "NCIt", "Activity Session")
_GROUP = codes.DCM.MeasurementGroup


@no_values_told()
def review_from_report(path: Path, ct: Dataset | None) -> Review:
    """The calls of a reader in a structured report.

    Args:
        path: The file.
        ct: Header of the CT that is read now; ``None`` where it is not DICOM.

    Returns:
        Calls and notes by station. Groups that name an algorithm are a program's, and groups of single nodes call no
        station; both are left out. The N category follows from the calls and is not read.

    Raises:
        InputError: Not such a report, damaged, of another patient, or without a reader's call on a station.
    """
    name = f"report {path.name}"
    report = _checked(path, name, ct)
    try:
        groups = [group for group in _groups(report) if not _items(group, codes.DCM.AlgorithmName)]
        calls = dict(call for group in groups if (call := _call(group, _time_of(report))) is not None)
    except dcm.DAMAGED as error:
        raise InputError(f"{name}: damaged or incomplete structured report; export it again.") from error
    if not calls:
        raise InputError(
            f"{name}: it holds no reader's call on a lymph node station; give the report that the reading "
            "was saved in."
        )
    blind = any(_text(item) == SESSIONS[True] for group in groups for item in _items(group, _SESSION))
    return Review(reader=_reader(report), blind=blind, calls=calls)


def _checked(path: Path, name: str, ct: Dataset | None) -> Dataset:
    try:
        report = dcmread(path)
    except dcm.DAMAGED as error:
        raise InputError(f"{name}: cannot be read as DICOM; give a structured report.") from error
    if dcm.text(report, "Modality") != "SR" or "ContentSequence" not in report:
        raise InputError(f"{name}: not a structured report but {dcm.text(report, 'Modality') or 'something else'}.")
    template = dcm.text((report.get("ContentTemplateSequence") or [Dataset()])[0], "TemplateIdentifier")
    if template != _TEMPLATE:
        raise InputError(
            f"{name}: its template is {template or 'not named'}, and only measurement reports (template {_TEMPLATE}) "
            "are read."
        )
    patients = {dcm.text(header, "PatientID") for header in (report, ct) if header is not None} - {""}
    if len(patients) > 1:
        raise InputError(f"{name}: its header names another patient than the CT's; give a report on this CT.")
    return report


def _groups(report: Dataset) -> Iterator[Dataset]:
    for container in _items(report, codes.DCM.ImagingMeasurements):
        yield from _items(container, _GROUP)


def _call(group: Dataset, otherwise: str) -> tuple[str, ReaderCall] | None:
    station = _station(group)
    evaluations = _items(group, METASTASIS)
    if station is None or not evaluations:
        return None
    note = " ".join(_text(item) for item in _items(group, COMMENT))
    call = _CALLS.get(_code_of(evaluations[0].ConceptCodeSequence))
    return station, ReaderCall(call=call, note=note, when=_iso(dcm.text(group, "ObservationDateTime")) or otherwise)


def _station(group: Dataset) -> str | None:
    """Station that a group is about, by its finding; the laterality stands at the finding site."""
    sites = _items(group, codes.SCT.FindingSite)
    sides = {_side(site) for site in sites}
    side = sides.pop() if len(sides) == 1 else None
    for finding in _items(group, codes.DCM.Finding):
        entry = station_with_code(*_code_of(finding.ConceptCodeSequence), side)
        if entry is not None:
            return entry.name
    return None


def _side(site: Dataset) -> Side | None:
    found = _items(site, codes.SCT.Laterality)
    return side_with_code(_code_of(found[0].ConceptCodeSequence)[0]) if found else None


def _items(parent: Dataset, name: Code) -> list[Dataset]:
    """Content items of a name directly below another."""
    wanted = name.value, name.scheme_designator
    return [
        item
        for item in parent.get("ContentSequence") or ()
        if _code_of(item.get("ConceptNameCodeSequence")) == wanted
    ]


def _code_of(sequence: Sequence[Dataset] | None) -> tuple[str, str]:
    code = sequence[0] if sequence else Dataset()
    return dcm.text(code, "CodeValue"), dcm.text(code, "CodingSchemeDesignator")


def _text(item: Dataset) -> str:
    return dcm.text(item, "TextValue")


def _reader(report: Dataset) -> str:
    names = [str(item.PersonName) for item in _items(report, codes.DCM.PersonObserverName)]
    return ", ".join(part for part in names[0].split("^") if part) if names else ""


def _time_of(report: Dataset) -> str:
    """When the report was made, for calls that say no time of their own."""
    made = dcm.moment(report, "ContentDate", "ContentTime")
    return (made.astimezone(UTC) if made else datetime(2000, 1, 1, tzinfo=UTC)).isoformat()


def _iso(value: str) -> str | None:
    when = dcm.date_time(value)
    return None if when is None else when.astimezone(UTC).isoformat()
