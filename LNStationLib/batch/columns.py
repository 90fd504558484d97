"""Columns of the tables of a batch that no single case has; those of stations and nodes are the report's."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from LNStationLib.export.columns import Column
from LNStationLib.state.assessment import Assessment


class CaseRow(BaseModel):
    """One case in the table of cases: what its assessment comes to."""

    model_config = ConfigDict(frozen=True)

    assessment: Assessment
    trained_on_synthetic: bool
    positive_stations: list[str] = Field(description="Fit for staging or not.")
    n_stations: int
    n_assessed: int
    n_nodes: int
    largest_short_axis_mm: float | None
    suv_max: float | None
    n_warnings: int

    @classmethod
    def of(cls, assessment: Assessment) -> CaseRow:
        """The row of an assessment."""
        stations = assessment.stations
        return cls.model_construct(
            assessment=assessment,
            trained_on_synthetic=assessment.trained_on_synthetic,
            positive_stations=[one.station for one in stations if one.call == "positive"],
            n_stations=sum(one.volume_ml is not None for one in stations),
            n_assessed=sum(one.call is not None for one in stations),
            n_nodes=len(assessment.nodes),
            largest_short_axis_mm=max((one.short_axis_mm for one in assessment.nodes), default=None),
            suv_max=max((one.suv_max for one in stations if one.suv_max is not None), default=None),
            n_warnings=len(assessment.warnings),
        )


class FailureRow(BaseModel):
    """A case without a result."""

    case_id: str
    outcome: Literal["refused", "failed"]
    code: str
    sentence: str


class ChoiceRow(BaseModel):
    """A series of a study, and why it was taken or not."""

    case_id: str
    series_number: int | None
    modality: str
    n_images: int
    kernel: str
    slice_distance_mm: float | None
    decision: str
    code: str
    reason: str
    series: str
    description: str | None = None
    patient_id: str | None = None
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    accession_number: str | None = None


class CostRow(BaseModel):
    """What a case cost."""

    case_id: str
    seconds: float
    cpu_seconds: float
    memory_mib: float | None
    input_mb: float


CASE_ID = Column("case_id", "Case", "Name of the case; its results lie in cases/<case>.", ("case_id",))

CASES: tuple[Column, ...] = (
    Column("case_id", "Case", CASE_ID.meaning, ("assessment", "case", "case_id")),
    Column("cancer", "Cancer", "Primary cancer. Empty: not given.", ("assessment", "case", "cancer")),
    Column("tumor_side", "Tumor side", "The patient's side. Empty: not given.", ("assessment", "case", "tumor_side")),
    Column("sex", "Sex", "As in DICOM. Empty: not known.", ("assessment", "case", "sex")),
    Column("age_years", "Age", "Empty: not known.", ("assessment", "case", "age_years"), unit="years", digits=0),
    Column("has_pet", "PET", "Whether the case has a PET.", ("assessment", "case", "has_pet")),
    Column("synthetic", "Synthetic patient", "Made by the phantom.", ("assessment", "case", "synthetic")),
    Column(
        "synthetic_training",
        "Synthetic training",
        "A model behind the results learned from synthetic patients only.",
        ("trained_on_synthetic",),
    ),
    Column("n_category", "N category", "Empty: not derived.", ("assessment", "n_category")),
    Column(
        "is_lower_bound", "Lower bound", "Only at least this category follows.",
        ("assessment", "staging", "is_lower_bound"),
    ),
    Column("rules", "Rules", "Rule set of the N category.", ("assessment", "staging", "rules")),
    Column(
        "deciding_stations", "Deciding stations", "Those that decide the category.",
        ("assessment", "staging", "deciding_stations"),
    ),
    Column("positive_stations", "Positive stations", "Stations called positive.", ("positive_stations",)),
    Column(
        "not_assessed_stations", "Not assessed", "Stations without a call.",
        ("assessment", "staging", "not_assessed_stations"),
    ),
    Column("n_stations", "Stations", "Stations that were found.", ("n_stations",), digits=0),
    Column("n_assessed", "Assessed", "Stations with a call.", ("n_assessed",), digits=0),
    Column("n_nodes", "Nodes", "Nodes that were found, inside stations or not.", ("n_nodes",), digits=0),
    Column("nodes_from", "Nodes from", "What found them.", ("assessment", "case", "nodes_from")),
    Column(
        "largest_short_axis_mm", "Largest short axis", "Of any node. Empty: there is none.",
        ("largest_short_axis_mm",), unit="mm", digits=1,
    ),
    Column(
        "suv_max_bw_g_per_ml", "SUVmax", "Highest SUVbw of any station. Empty: no PET.", ("suv_max",), digits=1
    ),
    Column("n_warnings", "Warnings", "Number of warnings in the report.", ("n_warnings",), digits=0),
    Column("lnstation_version", "Version", "Of LNStation.", ("assessment", "lnstation_version")),
)  # fmt: skip
"""Of a ``CaseRow``, in the order of ``cases.csv``."""

FAILURES: tuple[Column, ...] = (
    CASE_ID,
    Column(
        "outcome", "Outcome", "Refused: the input cannot be used. Failed: tried again by the next run.", ("outcome",)
    ),
    Column("code", "Kind", "Kind of the failure.", ("code",)),
    Column("sentence", "Why", "What is wrong, and what to do.", ("sentence",)),
)

CHOICES: tuple[Column, ...] = (
    CASE_ID,
    Column("series_number", "Series", "Number of the series. Empty: it has none.", ("series_number",), digits=0),
    Column("modality", "Modality", "As in DICOM.", ("modality",)),
    Column("n_images", "Images", "Files of the series, each counted once.", ("n_images",), digits=0),
    Column("kernel", "Kernel", "Reconstruction kernel of a CT.", ("kernel",)),
    Column(
        "slice_distance_mm", "Slice distance", "Empty: not known.", ("slice_distance_mm",), unit="mm", digits=2
    ),
    Column("decision", "Decision", "Taken, refused, or not needed.", ("decision",)),
    Column("code", "Kind", "Kind of the reason.", ("code",)),
    Column("reason", "Why", "Why it was taken or not.", ("reason",)),
    Column("series", "Series digest", "Digest of the Series Instance UID.", ("series",)),
)  # fmt: skip

IDENTIFIERS: tuple[Column, ...] = (
    Column("description", "Description", "Of the series, in which people write names.", ("description",)),
    Column("patient_id", "Patient ID", "As in DICOM.", ("patient_id",)),
    Column("study_instance_uid", "Study Instance UID", "As in DICOM.", ("study_instance_uid",)),
    Column("series_instance_uid", "Series Instance UID", "As in DICOM.", ("series_instance_uid",)),
    Column("accession_number", "Accession number", "As in DICOM.", ("accession_number",)),
)
"""Follow ``CHOICES`` only where identifiers were asked for."""

COSTS: tuple[Column, ...] = (
    CASE_ID,
    Column("seconds", "Time", "From reading to the last file.", ("seconds",), unit="s", digits=1),
    Column("cpu_seconds", "Processor time", "Of all threads of the worker.", ("cpu_seconds",), unit="s", digits=1),
    Column("memory_mib", "Memory", "Of the worker's process after the case.", ("memory_mib",), unit="MiB", digits=0),
    Column("input_mb", "Input", "Size of the input files.", ("input_mb",), unit="MB", digits=1),
)
"""Apart from the other tables, which are the same whenever and wherever the same cases are assessed."""
