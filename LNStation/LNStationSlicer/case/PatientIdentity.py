"""Who the patient of a case is: from the DICOM database, else from the subject hierarchy.

Asked when a report is written, and for the line at the top of the panel. It leaves Slicer only where the user ticked
the box, and then nowhere but to the worker that writes the report.
"""

from __future__ import annotations

import re
from typing import Protocol

import slicer

from LNStationSlicer.case.CaseFolder import hierarchyOf
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.support.Translation import _

TAGS = {
    "PatientName": "0010,0010",
    "PatientID": "0010,0020",
    "PatientSex": "0010,0040",
    "PatientBirthDate": "0010,0030",
    "PatientAge": "0010,1010",
    "StudyDate": "0008,0020",
    "AccessionNumber": "0008,0050",
}
"""What a report shows of a patient, by DICOM keyword, with its tag in the database."""

_IDENTIFYING = ("PatientName", "PatientID", "PatientBirthDate", "StudyDate", "AccessionNumber")
_SHORTEST_WITHIN, _SHORTEST_WORD = 4, 2
"""Characters from which a value is looked for inside words, and from which as a word of its own."""


class HeaderDatabase(Protocol):
    """What is asked of ``slicer.dicomDatabase``."""

    def instanceValue(self, uid: str, tag: str) -> str:
        """A header value of an instance; empty where it is not known."""


def patientIdentity(case: CaseScene, database: HeaderDatabase | None) -> dict[str, str]:
    """What is known of the patient, by DICOM keyword; empty where the CT came from no DICOM series."""
    found = {keyword: _fromDatabase(case, database, tag) for keyword, tag in TAGS.items()}
    known = {keyword: value or _fromHierarchy(case, keyword) for keyword, value in found.items()}
    return {keyword: value for keyword, value in known.items() if value}


def patientLine(case: CaseScene, database: HeaderDatabase | None) -> str:
    """Name, ID, sex, age and study date as far as they are known, for the panel alone; empty where nothing is."""
    identity = patientIdentity(case, database)
    name = " ".join(filter(None, re.split(r"[\^=\s]+", identity.get("PatientName", ""))))
    age = re.fullmatch(r"0*(\d+)Y", identity.get("PatientAge", ""))
    years = _("{years} y").format(years=age.group(1)) if age else ""
    date = re.sub(r"(\d{4})(\d{2})(\d{2})", r"\1-\2-\3", identity.get("StudyDate", ""))
    parts = [
        name,
        identity.get("PatientID", ""),
        " ".join(filter(None, [identity.get("PatientSex", ""), years])),
        date,
    ]
    return " · ".join(filter(None, parts))


def reportName(case: CaseScene, identity: dict[str, str]) -> str:
    """The name of a case for a report that does not name the patient; neutral where the case is named after one."""
    name = case.name
    return _("Case") if any(_identifies(name, part) for part in _parts(identity)) else name


def _fromDatabase(case: CaseScene, database: HeaderDatabase | None, tag: str) -> str:
    ct = case.ctNode()
    uids = (ct.GetAttribute("DICOM.instanceUIDs") or "").split() if ct is not None else []
    return (database.instanceValue(uids[0], tag) or "").strip() if database is not None and uids else ""


def _fromHierarchy(case: CaseScene, keyword: str) -> str:
    """The value at the nearest item above the CT that has it: its study, its patient."""
    hierarchy, ct = hierarchyOf(case.scene), case.ctNode()
    attribute = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMAttributePrefix() + keyword
    item = hierarchy.GetItemByDataNode(ct) if ct is not None else 0
    while item and item != hierarchy.GetSceneItemID():
        value = (hierarchy.GetItemAttribute(item, attribute) or "").strip()
        if value:
            return value
        item = hierarchy.GetItemParent(item)
    return ""


def _parts(identity: dict[str, str]) -> list[str]:
    """The words of a name and the other values, in letters and digits only."""
    values = [identity.get(keyword, "") for keyword in _IDENTIFYING[1:]]
    values += re.split(r"[\W_]+", identity.get("PatientName", ""))
    return [_squeezed(value) for value in values if value]


def _identifies(name: str, part: str) -> bool:
    if len(part) >= _SHORTEST_WITHIN and part in _squeezed(name):
        return True
    return len(part) >= _SHORTEST_WORD and part in re.split(r"[\W_]+", name.casefold())


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())
