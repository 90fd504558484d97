"""The kinds of input, each by one line."""

from __future__ import annotations

from collections.abc import Mapping

from Testing.Faults.kinds.case_json import CaseJson
from Testing.Faults.kinds.dicom import Dicom
from Testing.Faults.kinds.enhanced import Enhanced
from Testing.Faults.kinds.kind import Kind
from Testing.Faults.kinds.message import Message
from Testing.Faults.kinds.nifti import Nifti
from Testing.Faults.kinds.nrrd import Nrrd
from Testing.Faults.kinds.package import Package
from Testing.Faults.kinds.results import Results
from Testing.Faults.kinds.scene import Scene
from Testing.Faults.kinds.table import Table

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (Nifti(), Nrrd(), Dicom(), Enhanced(), CaseJson(), Package(), Table(), Message(), Results(), Scene())
}
