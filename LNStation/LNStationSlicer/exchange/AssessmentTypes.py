"""The assessment as it travels in JSON. Points are LPS mm ``[x, y, z]``; None is "not assessed", never 0.

Made by ``Testing/Tools/assessment_types.py`` from ``Resources/Schema/assessment.schema.json``; not edited by hand.
The worker checks with pydantic, which Slicer's Python lacks.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

Call = Literal["positive", "negative"]
PredictionSet = Literal["positive", "negative", "either"]
SideName = Literal["L", "R"]


class BorderFinding(TypedDict):
    """What one border of a station rests on."""

    border: str
    rests_on: str
    rests_on_code: ReasonCode | None
    surrogate: bool


class CandidateFacts(TypedDict):
    """How a network came to take something for a node: what its streams and its second stage said."""

    visible: bool | None
    significant: bool | None
    significance: float | None
    streams: list[str]
    tumor_zone: Literal["near", "far"] | None
    tumor_distance_mm: float | None
    first_stage_score: float | None
    tags: dict[str, Any]


class CaseSummary(TypedDict):
    """The facts of the case that a report shows; nothing identifying unless ``patient`` was asked for."""

    case_id: str
    patient: PatientIdentity | None
    cancer: Literal["lung", "esophagus"] | None
    tumor_side: SideName | None
    tumor_site: str | None
    sex: Literal["F", "M", "O"] | None
    age_years: int | None
    study_date: str | None
    synthetic: bool
    ct_size: list[int]
    ct_spacing_mm: list[float]
    has_pet: bool
    pet_tracer: str | None
    nodes_from: str


class FrocPoint(TypedDict):
    """What a threshold on the score of candidates does, on the data it was measured on."""

    threshold: float
    false_positives: float
    recall: float


class Midline(TypedDict):
    """The sagittal midline of the patient: it gives a side to what lies in a station without one (3A, 3P, 7, 8, 9).

    One LPS x a level; levels lie ``step_mm`` apart along LPS z.
    """

    first_z_mm: float
    step_mm: float
    x_mm: list[float]


class NStaging(TypedDict):
    """The N category and what decides it."""

    category: str | None
    rules: str
    is_lower_bound: bool
    deciding_stations: list[str]
    positive_stations: list[str]
    not_assessed_stations: list[str]
    n_positive_nodes: int | None
    explanation: str
    explanation_code: ReasonCode | None
    warnings: list[str]
    warning_codes: list[ReasonCode]
    network: NetworkStage | None
    network_refusal: ReasonCode | None


class NetworkStage(TypedDict):
    """What a network says of the N category, beside the category that rules make of the stations' calls."""

    category: str
    probabilities: dict[str, Any]
    stations: dict[str, Any]
    carrying_stations: list[str]
    category_of_its_stations: str
    contradictions: list[ReasonCode]
    model_package: str
    model_version: str
    model_sha256: str
    trained_on: Literal["synthetic", "clinical"]
    ran_on: str


class NodeFinding(TypedDict):
    """One node candidate, measured."""

    node_id: int
    source: str
    station: str | None
    station_fraction: float | None
    side: SideName | None
    volume_mm3: float
    short_axis_mm: float
    long_axis_mm: float
    extent_mm: list[float]
    mean_hu: float
    suv_max: float | None
    suv_mean: float | None
    suv_peak: float | None
    centroid_mm: list[float]
    bounding_box_mm: list[list[float]]
    score: float | None
    candidate: CandidateFacts | None
    call: Call | None
    fit_for_staging: bool
    probability: float | None
    reason: str
    reason_code: ReasonCode | None
    warnings: list[str]
    warning_codes: list[ReasonCode]


class OrganFinding(TypedDict):
    """One organ that was used."""

    name: str
    title: str
    source: Literal["supplied", "derived", "network", "image", "surrogate"]
    detail: str
    detail_code: ReasonCode | None
    volume_ml: float
    confidence: float | None


class PatientIdentity(TypedDict):
    """Who the patient is, as DICOM says it; only in a report that was asked to name the patient."""

    name: str | None
    patient_id: str | None
    birth_date: str | None
    accession_number: str | None


class Provenance(TypedDict):
    """Which implementation did a step, with what settings, and how long it took."""

    step: Literal["input", "organs", "stations", "nodes", "metastasis", "staging", "report"]
    implementation: str
    version: str
    seconds: float | None
    settings: dict[str, Any]
    model_package: str | None
    model_version: str | None
    model_sha256: str | None
    trained_on: Literal["synthetic", "clinical"] | None
    operating_points: list[FrocPoint]
    references: list[str]
    warnings: list[str]
    warning_codes: list[ReasonCode]


class ReasonCode(TypedDict):
    """What a text rests on, for programs: to count, filter or translate it."""

    code: str
    facts: dict[str, Any]


class StationAgreement(TypedDict):
    """How another method that ran agrees with the outline of one station; none where neither found it."""

    station: str
    method: str
    found_by: Literal["both", "chosen", "other"]
    dice: float | None
    border: str | None
    border_mm: float | None


class StationFinding(TypedDict):
    """One station.

    ``volume_ml`` is None where the station could not be parsed (``warnings`` says why) and ``call`` is None
    where nothing could be assessed.
    """

    station: str
    label_value: int
    title: str
    zone: str
    side: SideName | None
    volume_ml: float | None
    centroid_mm: list[float] | None
    n_nodes: int | None
    largest_short_axis_mm: float | None
    suv_max: float | None
    probability: float | None
    attention_in_nodes: float | None
    attention_node: int | None
    call: Call | None
    fit_for_staging: bool
    nearly_positive: bool
    prediction_set: PredictionSet | None
    positive_sides: list[SideName]
    reason: str
    reason_code: ReasonCode | None
    borders: list[BorderFinding]
    call_warnings: list[str]
    call_warning_codes: list[ReasonCode]
    edited: bool
    warnings: list[str]
    warning_codes: list[ReasonCode]


class Assessment(TypedDict):
    """The assessment of one case."""

    schema_version: str
    lnstation_version: str
    created: str
    research_use: str
    case: CaseSummary
    n_category: str | None
    staging: NStaging
    stations: list[StationFinding]
    nodes: list[NodeFinding]
    dismissed_nodes: list[NodeFinding]
    organs: list[OrganFinding]
    agreement: list[StationAgreement]
    midline: Midline | None
    provenance: list[Provenance]
    warnings: list[str]
    warning_codes: list[ReasonCode]
