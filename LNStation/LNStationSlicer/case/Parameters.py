"""What the user chose in the panel, kept in the MRML scene by Slicer's parameterNodeWrapper.

Annotations are not postponed here (no ``from __future__``): the wrapper reads them as types.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

from slicer import vtkMRMLScriptedModuleNode
from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper

CANCERS = ("", "lung", "esophagus")
SIDES = ("", "R", "L")
PET_UNITS = ("auto", "SUVbw")
RULES = ("tnm8", "tnm9", "petct_paper")
CRITERIA_METHOD, NETWORK_METHOD = "clinical_criteria", "sa_moe"
METHODS = (CRITERIA_METHOD, NETWORK_METHOD)
"""How stations are called, by the worker's names: by criteria, or by a model package's network."""
NODE_SOURCES = ("auto", "supplied", "pet_threshold", "ct_blobs", "none")
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
        rules: N rules for lung cancer.
        nodeSource: Where node candidates come from.
        workingSpacingMm: Voxel edge of the grid on which organs and stations are found.
        metastasis: How stations are called: by criteria, or by a model package's network.
        modelPath: Where the package lies on this computer.
        modelId: Its id, by which it is found where it lies elsewhere.
        modelTitle: For a person, where it is gone.
        operatingPoint: Of the package; empty for its first.
        flipAveraging: Average the network's answer with that for the mirrored station.
        assessedSettings: The settings of the last assessment as JSON; empty where there is none.
    """

    cancer: Annotated[str, Choice(list(CANCERS)), Default("")]
    tumorSide: Annotated[str, Choice(list(SIDES)), Default("")]
    petUnit: Annotated[str, Choice(list(PET_UNITS)), Default("auto")]
    rules: Annotated[str, Choice(list(RULES)), Default("tnm8")]
    nodeSource: Annotated[str, Choice(list(NODE_SOURCES)), Default("auto")]
    shortAxisThresholdMm: Annotated[float, WithinRange(1.0, 40.0), Default(10.0)]
    suvMaxThreshold: Annotated[float, WithinRange(0.5, 40.0), Default(4.0)]
    nodeSuvThreshold: Annotated[float, WithinRange(0.5, 40.0), Default(2.5)]
    workingSpacingMm: Annotated[float, WithinRange(0.5, 4.0), Default(1.5)]
    metastasis: Annotated[str, Choice(list(METHODS)), Default(CRITERIA_METHOD)]
    modelPath: str
    modelId: str
    modelTitle: str
    operatingPoint: str
    flipAveraging: Annotated[bool, Default(False)]
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


def reportFormats(parameters: ModuleParameters) -> list[str]:
    """The chosen formats, as the worker names them."""
    return [name for name in REPORT_FORMATS if getattr(parameters, f"format{name.capitalize()}")]


def usesNetwork(parameters: CaseParameters | None) -> bool:
    """True where stations are called by a model package's network."""
    return parameters is not None and parameters.metastasis == NETWORK_METHOD


def workerSettings(parameters: CaseParameters, device: str = "auto") -> dict[str, Any]:
    """The settings of an assessment, as ``LNStationLib.state.settings.Settings`` names them."""
    return _commonSettings(parameters) | _methodSettings(parameters, device)


def restoreSettings(parameters: CaseParameters) -> dict[str, Any] | None:
    """The settings of the last assessment, with the place where its package lies now.

    None where nothing is remembered, no network judged, or the package is not where it was: the worker then looks
    for its id and says so where there is none.
    """
    kept = json.loads(parameters.assessedSettings or "{}")
    sent = kept.get("settings", {})
    if sent.get("metastasis") != NETWORK_METHOD:
        return None
    places = [sent.get("model") or ""]
    # Chosen again, by hand or by its id, after the scene came to this computer.
    places += [parameters.modelPath] if kept["model_id"] == parameters.modelId else []
    found = next((place for place in places if place and Path(place).exists()), None)
    return {**sent, "model": found} if found else None


def rememberAssessed(parameters: CaseParameters, settings: dict[str, Any], modelId: str) -> None:
    """Keep the settings that an assessment was made with, for ``restoreSettings``."""
    parameters.assessedSettings = json.dumps({"settings": settings, "model_id": modelId})


def _methodSettings(parameters: CaseParameters, device: str) -> dict[str, Any]:
    if not usesNetwork(parameters):
        return {"metastasis": parameters.metastasis}
    return {
        "metastasis": parameters.metastasis,
        "model": parameters.modelPath or parameters.modelId or None,
        "operating_point": parameters.operatingPoint or None,
        "flip_averaging": parameters.flipAveraging,
        "device": device,
    }


def _commonSettings(parameters: CaseParameters) -> dict[str, Any]:
    return {
        "rules": parameters.rules,
        "nodes": parameters.nodeSource,
        "short_axis_threshold_mm": parameters.shortAxisThresholdMm,
        "suv_max_threshold": parameters.suvMaxThreshold,
        "node_suv_threshold": parameters.nodeSuvThreshold,
        "working_spacing_mm": parameters.workingSpacingMm,
    }
