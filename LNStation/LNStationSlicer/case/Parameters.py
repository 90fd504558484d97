"""What the user chose in the panel, kept in the MRML scene by Slicer's parameterNodeWrapper.

Annotations are not postponed here (no ``from __future__``): the wrapper reads them as types.
"""

from typing import TYPE_CHECKING, Annotated, NamedTuple, Optional

from slicer import vtkMRMLScriptedModuleNode
from slicer.parameterNodeWrapper import Choice, Default, parameterNodeWrapper

CANCERS = ("", "lung", "esophagus")
SIDES = ("", "R", "L")
PET_UNITS = ("auto", "SUVbw")
REPORT_FORMATS = ("pdf", "html", "json", "csv", "nifti")


if TYPE_CHECKING:

    class _Wrapped:
        """What the wrapper makes of a class, for the type checker; the wrapper itself must see no base class."""

        parameterNode: vtkMRMLScriptedModuleNode

        def __init__(self, parameterNode: vtkMRMLScriptedModuleNode) -> None: ...
else:
    _Wrapped = object


@parameterNodeWrapper
class CaseParameters(_Wrapped):
    """Facts and settings of one case; lives on the case's own node, so every case of a scene has its own.

    Attributes:
        cancer: Empty where unknown; then no N category follows.
        tumorSide: The patient's side; empty where unknown.
        petUnit: ``"auto"``: from the node or its DICOM headers; ``"SUVbw"``: the user says so.
        settings: Methods and options as JSON; ``CaseSettings`` reads it.
        packages: Id and title of each chosen model package, by step and method, as JSON.
        assessedSettings: The settings of the last assessment as JSON; empty where there is none.
    """

    cancer: Annotated[str, Choice(list(CANCERS)), Default("")]
    tumorSide: Annotated[str, Choice(list(SIDES)), Default("")]
    petUnit: Annotated[str, Choice(list(PET_UNITS)), Default("auto")]
    settings: str
    packages: str
    assessedSettings: str


@parameterNodeWrapper
class ModuleParameters(_Wrapped):
    """What holds for the whole scene.

    Attributes:
        currentCase: The anchor node of the case under review.
        reader: The last reader's name; new cases start with it.
        device: Where learned models run, as the worker names it; ``"auto"``: a GPU where there is one.
        autoReassess: Assess an edited station again without being asked.
        reportFolder: Where report folders are made.
        identifiers: Whether reports name the patient.
        reportLanguage: Of the reports; one of the library's catalogs, or English.
    """

    currentCase: Optional[vtkMRMLScriptedModuleNode]  # noqa: UP045 - what parameterNodeWrapper documents
    reader: str
    device: Annotated[str, Default("auto")]
    autoReassess: Annotated[bool, Default(True)]
    reportFolder: str
    formatPdf: Annotated[bool, Default(True)]
    formatHtml: Annotated[bool, Default(True)]
    formatJson: Annotated[bool, Default(True)]
    formatCsv: Annotated[bool, Default(True)]
    formatNifti: Annotated[bool, Default(False)]
    identifiers: Annotated[bool, Default(False)]
    reportLanguage: Annotated[str, Default("en")]


class Facts(NamedTuple):
    """What is known of a patient and a PET; empty, or ``"auto"``, where nothing is."""

    cancer: str
    tumorSide: str
    petUnit: str


def factsOf(parameters: CaseParameters) -> Facts:
    """The facts of a case; a word that cannot be chosen, of a damaged scene or another version, says nothing."""
    return Facts(
        parameters.cancer if parameters.cancer in CANCERS else "",
        parameters.tumorSide if parameters.tumorSide in SIDES else "",
        parameters.petUnit if parameters.petUnit in PET_UNITS else PET_UNITS[0],
    )


def reportFormats(parameters: ModuleParameters) -> list[str]:
    """The chosen formats, as the worker names them."""
    return [name for name in REPORT_FORMATS if getattr(parameters, f"format{name.capitalize()}")]
