"""The assessment of one case, as it is written, shown and reported.

Versioned JSON; the published schema is ``Resources/Schema/assessment.schema.json``. Points are LPS millimetres
``[x, y, z]``. ``None`` always means "not assessed" and is never a stand-in for 0 or "negative".
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from LNStationLib.state.older_assessments import OLDER_VERSIONS, assessment_of_before, node_from_1_0
from LNStationLib.support.language import marked

SCHEMA_VERSION = "1.2"
RESEARCH_USE = marked("Research use only. Not a medical device; not for clinical decisions.")

Call = Literal["positive", "negative"]
PredictionSet = Literal["positive", "negative", "either"]
SideName = Literal["L", "R"]
Point = tuple[float, float, float]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Midline(_Strict):
    """The sagittal midline of the patient: it gives a side to what lies in a station without one (3A, 3P, 7, 8, 9).

    One LPS x a level; levels lie ``step_mm`` apart along LPS z.
    """

    first_z_mm: float
    step_mm: float = Field(gt=0)
    x_mm: list[float] = Field(min_length=1)

    def side_of(self, point_mm: Point) -> SideName:
        """The patient's side of an LPS point in mm, by the midline at its level, clamped to the ends."""
        return "L" if point_mm[0] >= self.x_at(point_mm[2]) else "R"

    def x_at(self, z_mm: float) -> float:
        """LPS x of the midline in mm at a height, clamped to the ends."""
        level = round((z_mm - self.first_z_mm) / self.step_mm)
        return self.x_mm[min(max(level, 0), len(self.x_mm) - 1)]


class PatientIdentity(_Strict):
    """Who the patient is, as DICOM says it; only in a report that was asked to name the patient."""

    name: str | None = None
    patient_id: str | None = None
    birth_date: str | None = Field(None, description="ISO date.")
    accession_number: str | None = None


class CaseSummary(_Strict):
    """The facts of the case that a report shows; nothing identifying unless ``patient`` was asked for."""

    case_id: str
    patient: PatientIdentity | None = Field(None, description="None unless identifiers were asked for.")
    cancer: Literal["lung", "esophagus"] | None = None
    tumor_side: SideName | None = None
    tumor_site: str | None = None
    sex: Literal["F", "M", "O"] | None = None
    age_years: int | None = None
    study_date: str | None = None
    synthetic: bool = Field(False, description="The case was made by the phantom.")
    ct_size: tuple[int, int, int] = Field(description="Voxels along the CT's own axes i, j, k.")
    ct_spacing_mm: tuple[float, float, float]
    has_pet: bool = False
    pet_tracer: str | None = Field(
        None, description="'fdg', another of Resources/Dicom/tracers.json, or 'other'; None where nobody says. New."
    )
    nodes_from: str = Field(description="Where the nodes came from, e.g. 'supplied masks'; 'none' if nowhere.")


class ReasonCode(_Strict):
    """What a text rests on, for programs: to count, filter or translate it."""

    code: str = Field(description="Names the text, e.g. 'arch_cut_at_top'; 'as_written' for one without a code.")
    facts: dict[str, Any] = Field(default_factory=dict, description="Numbers, names and codes in it, by name.")


def _codes() -> Any:
    return Field(default_factory=list, description="One for each of the warnings; new in 1.2.")


def _code_of(text: str) -> Any:
    return Field(None, description=f"What {text} rests on; None in older files. New in 1.2.")


class FrocPoint(_Strict):
    """What a threshold on the score of candidates does, on the data it was measured on."""

    threshold: float = Field(ge=0, le=1, description="Candidates with at least this score are shown.")
    false_positives: float = Field(ge=0, description="Mean number a patient.")
    recall: float = Field(ge=0, le=1, description="Of visible nodes.")


class Provenance(_Strict):
    """Which implementation did a step, with what settings, and how long it took."""

    step: Literal["input", "organs", "stations", "nodes", "metastasis", "staging", "report"]
    implementation: str
    version: str
    seconds: float | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    model_package: str | None = Field(None, description="Id of the package of a learned model.")
    model_version: str | None = None
    model_sha256: str | None = Field(None, description="Of its weights.")
    trained_on: Literal["synthetic", "clinical"] | None = None
    operating_points: list[FrocPoint] = Field(
        default_factory=list,
        description="Of the candidates' score, measured in searches of the same kind; none where unknown.",
    )
    references: list[str] = Field(default_factory=list, description="Papers and standards behind the method.")
    warnings: list[str] = Field(default_factory=list)
    warning_codes: list[ReasonCode] = _codes()


class OrganFinding(_Strict):
    """One organ that was used."""

    name: str
    title: str
    source: Literal["supplied", "derived", "network", "image", "surrogate"]
    detail: str = Field(description="How it was found.")
    detail_code: ReasonCode | None = _code_of("the detail")
    volume_ml: float
    confidence: float | None = Field(None, ge=0, le=1, description="Of a segmentation network; None without one.")


class BorderFinding(_Strict):
    """What one border of a station rests on."""

    border: str
    rests_on: str
    rests_on_code: ReasonCode | None = _code_of("that text")
    surrogate: bool


class StationFinding(_Strict):
    """One station.

    ``volume_ml`` is None where the station could not be parsed (``warnings`` says why) and ``call`` is None
    where nothing could be assessed.
    """

    station: str
    label_value: int
    title: str
    zone: str
    side: SideName | None = Field(None, description="The station's own side; None for 3A, 3P, 7, 8, 9.")
    volume_ml: float | None = None
    centroid_mm: Point | None = None
    n_nodes: int | None = Field(None, description="None where nodes were not looked for.")
    largest_short_axis_mm: float | None = None
    suv_max: float | None = None
    probability: float | None = Field(None, ge=0, le=1, description="Of metastasis; None without a model.")
    attention_in_nodes: float | None = Field(
        None, ge=0, le=1, description="Part of a network's attention inside nodes; None without a map or a node."
    )
    attention_node: int | None = Field(None, description="Node that draws most of the attention.")
    call: Call | None = None
    fit_for_staging: bool = Field(
        True, description="False where the call rests on candidates of a method of low specificity: unconfirmed."
    )
    nearly_positive: bool = Field(
        False, description="Negative, but within the uncertainty of measurement below a threshold of the method."
    )
    prediction_set: PredictionSet | None = Field(
        None,
        description="Labels that a model's conformal prediction leaves; None without one. New, and may be missing.",
    )
    positive_sides: list[SideName] = Field(
        default_factory=list, description="Sides of the evidence in a positive station without a side of its own."
    )
    reason: str = Field(description="Why this call, or why none, in one sentence.")
    reason_code: ReasonCode | None = _code_of("the reason")
    borders: list[BorderFinding] = Field(default_factory=list)
    call_warnings: list[str] = Field(default_factory=list, description="What limits the call; new in 1.1.")
    call_warning_codes: list[ReasonCode] = _codes()
    edited: bool = Field(
        False,
        description="A reader changed the outline, directly or by an edit of a neighbor; borders are then left out, "
        "because they no longer describe it.",
    )
    warnings: list[str] = Field(default_factory=list)
    warning_codes: list[ReasonCode] = _codes()


class CandidateFacts(_Strict):
    """How a network came to take something for a node: what its streams and its second stage said."""

    visible: bool | None = Field(
        None, description="Found as a visible node; None where visible nodes were not looked for."
    )
    significant: bool | None = Field(
        None, description="Found as a significant node; None where significant ones were not looked for."
    )
    significance: float | None = Field(
        None, ge=0, le=1, description="How sure the streams, or the second stage, are that it is significant."
    )
    streams: list[str] = Field(
        default_factory=list, description="Networks that found it, by their roles in the model package."
    )
    tumor_zone: Literal["near", "far"] | None = Field(
        None, description="Side of the package's distance to the tumor; None without a tumor."
    )
    tumor_distance_mm: float | None = Field(
        None, description="Of its center to the tumor's boundary, negative inside; None without a tumor."
    )
    first_stage_score: float | None = Field(
        None, ge=0, le=1, description="Of the streams alone, where a second stage gave the significance."
    )
    tags: dict[str, float] = Field(
        default_factory=dict, description="What the second stage was told of it, by name; see docs/networks.md."
    )


class NodeFinding(_Strict):
    """One node candidate, measured."""

    node_id: int = Field(ge=1, description="Value in nodes.nii.gz.")
    source: str = Field(description="Method that found it, e.g. 'supplied'.")
    station: str | None = Field(None, description="Station of largest overlap; None outside all stations.")
    station_fraction: float | None = Field(None, ge=0, le=1, description="Part of the node inside that station.")
    side: SideName | None = Field(None, description="Side of the patient's midline that holds the centroid.")
    volume_mm3: float
    short_axis_mm: float = Field(description="Largest perpendicular to the long axis, in its axial slice.")
    long_axis_mm: float = Field(description="Longest in-plane diameter over all axial slices (RECIST 1.1).")
    extent_mm: Point = Field(description="Extents of the bounding box along the patient's x, y, z.")
    mean_hu: float
    suv_max: float | None = None
    suv_mean: float | None = None
    suv_peak: float | None = None
    centroid_mm: Point
    bounding_box_mm: tuple[Point, Point] = Field(description="Lowest and highest corner.")
    score: float | None = Field(
        None, ge=0, le=1, description="How sure its finder is that it is a node; None where the finder says nothing."
    )
    candidate: CandidateFacts | None = Field(
        None, description="What a network said of it; None where none found it. New, and may be missing."
    )
    call: Call | None = None
    fit_for_staging: bool = Field(
        True, description="False for a candidate of a method of low specificity: unconfirmed, whatever its call."
    )
    probability: float | None = Field(None, ge=0, le=1)
    reason: str
    reason_code: ReasonCode | None = _code_of("the reason")
    warnings: list[str] = Field(default_factory=list)
    warning_codes: list[ReasonCode] = _codes()

    @model_validator(mode="before")
    @classmethod
    def _of_version_1_0(cls, data: Any) -> Any:
        return node_from_1_0(data) if isinstance(data, dict) and "fit_for_staging" not in data else data


class NetworkStage(_Strict):
    """What a network says of the N category, beside the category that rules make of the stations' calls."""

    category: str = Field(description="'N0' to 'N3', the most probable.")
    probabilities: dict[str, float] = Field(description="Of N0 to N3; they sum to 1.")
    stations: dict[str, float] = Field(description="Probability of metastasis of every station that it saw.")
    carrying_stations: list[str] = Field(
        default_factory=list,
        description="Stations without which the expected category would be clearly lower, the heaviest first.",
    )
    category_of_its_stations: str = Field(description="What the rules make of the stations that it calls positive.")
    contradictions: list[ReasonCode] = Field(default_factory=list)
    model_package: str
    model_version: str
    model_sha256: str
    trained_on: Literal["synthetic", "clinical"]
    ran_on: str = "cpu"


class NStaging(_Strict):
    """The N category and what decides it."""

    category: str | None = Field(None, description="e.g. 'N2', 'N2b'; None where it could not be derived.")
    rules: str = Field(description="Rule set, e.g. 'tnm8'.")
    is_lower_bound: bool = Field(False, description="True where only 'at least this' follows.")
    deciding_stations: list[str] = Field(default_factory=list)
    positive_stations: list[str] = Field(default_factory=list, description="With sides, e.g. '8R'.")
    not_assessed_stations: list[str] = Field(default_factory=list)
    n_positive_nodes: int | None = None
    explanation: str
    explanation_code: ReasonCode | None = _code_of("the explanation")
    warnings: list[str] = Field(default_factory=list)
    warning_codes: list[ReasonCode] = _codes()
    network: NetworkStage | None = Field(
        None, description="A network's own category; None where none was asked. New in 1.2."
    )
    network_refusal: ReasonCode | None = Field(None, description="Why a network that was asked gave none.")


class StationAgreement(_Strict):
    """How another method that ran agrees with the outline of one station; none where neither found it."""

    station: str
    method: str = Field(description="Title of the other method.")
    found_by: Literal["both", "chosen", "other"] = Field(description="'chosen' is the method whose stations stand.")
    dice: float | None = Field(None, ge=0, le=1, description="Of both outlines; None unless both found it.")
    border: str | None = Field(None, description="The border that lies farthest apart, e.g. 'upper'.")
    border_mm: float | None = Field(None, description="By how much.")


class Assessment(_Strict):
    """The assessment of one case."""

    schema_version: Literal["1.2"] = "1.2"
    lnstation_version: str
    created: str = Field(description="ISO 8601 time in UTC.")
    research_use: str = RESEARCH_USE
    case: CaseSummary
    n_category: str | None = Field(None, description="Same as staging.category, for quick reading.")
    staging: NStaging
    stations: list[StationFinding]
    nodes: list[NodeFinding]
    dismissed_nodes: list[NodeFinding] = Field(
        default_factory=list,
        description="Candidates that a reader took for no node; they count nowhere. New, and may be missing.",
    )
    organs: list[OrganFinding]
    agreement: list[StationAgreement] = Field(
        default_factory=list,
        description="Of stations by other methods that ran with these. New, and may be missing.",
    )
    midline: Midline | None = Field(None, description="None in assessments that were written before it was kept.")
    provenance: list[Provenance]
    warnings: list[str] = Field(default_factory=list)
    warning_codes: list[ReasonCode] = _codes()

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, data: Any) -> Any:
        is_older = isinstance(data, dict) and data.get("schema_version") in OLDER_VERSIONS
        return assessment_of_before(data) if is_older else data

    @model_validator(mode="after")
    def _one_n_category(self) -> Assessment:
        if self.n_category != self.staging.category:
            raise ValueError(f"n_category {self.n_category!r} is not staging.category {self.staging.category!r}")
        return self

    @property
    def trained_on_synthetic(self) -> bool:
        """True where any step used a model trained on synthetic patients."""
        return any(step.trained_on == "synthetic" for step in self.provenance)
