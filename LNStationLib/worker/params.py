"""The parameters of every method, checked before anything is done."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from LNStationLib import anatomy
from LNStationLib.assessment.review import Review
from LNStationLib.case.case import Cancer, CaseFacts
from LNStationLib.nodes.edits import Action
from LNStationLib.state.assessment import Assessment, Call
from LNStationLib.state.settings import Settings
from LNStationLib.support.language import ENGLISH
from LNStationLib.support.sentences import quoted
from LNStationLib.support.types import Side
from LNStationLib.worker.identity import PatientKeyword

Volume = dict[str, Any]
"""Description of a volume; ``volume_files`` checks it."""

AnyParams = TypeVar("AnyParams", bound="Params")

Format = Literal["json", "csv", "html", "pdf", "text", "nifti"]


class ParamsError(ValueError):
    """Parameters are wrong; the message names the first of them."""


class Params(BaseModel):
    """Parameters of a method."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoParams(Params):
    """No parameters."""


class CaseParams(Params):
    """One case by its key."""

    case: str = Field(min_length=1)


class Facts(Params):
    """What is known of the patient; nothing identifying."""

    cancer: Cancer | None = None
    tumor_side: Side | None = None
    tumor_site: str | None = None
    sex: Literal["F", "M", "O"] | None = None
    age_years: int | None = Field(None, ge=0, le=130)
    study_date: str | None = None

    def case_facts(self) -> CaseFacts:
        """As the library has them."""
        return CaseFacts(**self.model_dump())


class DicomFiles(Params):
    """A series by its files."""

    dicom_files: list[str] = Field(min_length=1)


class LoadCase(CaseParams):
    """Images and facts of a case."""

    case_id: str = "case"
    ct: Volume
    pet: DicomFiles | Volume | None = None
    pet_unit: str | None = None
    organs: dict[str, Volume] = Field(default_factory=dict)
    nodes: Volume | None = None
    tumor: Volume | None = None
    facts: Facts = Field(default_factory=Facts)
    synthetic: bool = False


class Assess(CaseParams):
    """How to assess."""

    settings: Settings = Field(default_factory=Settings)


class NodeEditParams(Params):
    """One edit of nodes; what it must have depends on the action."""

    action: Action
    nodes: list[int] = Field(default_factory=list)
    mask: Volume | None = None
    point_mm: tuple[float, float, float] | None = None


class Reassess(CaseParams):
    """Edited stations and organs: each its whole new mask; and edits of nodes in their order."""

    stations: dict[str, Volume] = Field(default_factory=dict)
    organs: dict[str, Volume] = Field(default_factory=dict)
    nodes: list[NodeEditParams] = Field(default_factory=list)


class Restore(CaseParams):
    """A saved assessment."""

    assessment: Assessment
    stations: Volume
    nodes: Volume
    organs: list[Volume] | None = None
    dismissed: Volume | None = None
    settings: Settings | None = None


class Stage(CaseParams):
    """A reader's calls by station."""

    calls: dict[str, Call]
    blind: bool = False

    @field_validator("calls")
    @classmethod
    def _known(cls, calls: dict[str, Call]) -> dict[str, Call]:
        known = [row.name for row in anatomy.stations()]
        unknown = [name for name in calls if name not in known]
        if unknown:
            raise ValueError(f"there is no station '{unknown[0]}'; use one of {', '.join(known)}")
        return calls


class Models(Params):
    """Further folders of model packages."""

    folders: list[str] = Field(default_factory=list)


class Report(CaseParams):
    """Where the report goes, and what of it."""

    folder: str = Field(min_length=1)
    formats: list[Format] = Field(min_length=1)
    review: Review | None = None
    language: str = ENGLISH
    case_name: str = ""
    identifiers: bool = False
    patient: dict[PatientKeyword, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _named_only_if_asked(self) -> Report:
        if self.patient and not self.identifiers:
            raise ValueError("the patient is named, but identifiers were not asked for")
        return self


class RegisterPrior(CaseParams):
    """The CT of an earlier study of the patient."""

    prior: Volume


class ReportText(CaseParams):
    """Whose calls the plain text says beside the model's, and in which language."""

    review: Review | None = None
    language: str = ENGLISH


class ExportDicom(CaseParams):
    """Where the DICOM objects go, and which series the CT came from."""

    folder: str = Field(min_length=1)
    ct_files: list[str] = Field(min_length=1)
    review: Review | None = None
    report: str | None = None


class Sample(Params):
    """One of the sample patients."""

    name: Literal["lung-n2", "lung-n0-reactive", "esophagus-middle", "esophagus-clear-signs"]
    folder: str = Field(min_length=1)


def checked(model: type[AnyParams], params: dict[str, Any]) -> AnyParams:
    """Parameters as their model.

    Raises:
        ParamsError: They are wrong.
    """
    try:
        return model.model_validate(params)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = quoted(".".join(str(part) for part in first["loc"])) or "parameters"
        raise ParamsError(f"{where}: {quoted(first['msg'])}.") from error
