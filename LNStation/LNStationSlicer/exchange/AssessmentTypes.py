"""The assessment and the reader's review as they travel in JSON.

They mirror
``Resources/Schema/assessment.schema.json`` (the worker checks with pydantic, which Slicer's Python lacks).
A test holds the two together. Points are LPS millimetres ``[x, y, z]``; ``None`` means "not assessed", never 0.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

Call = Literal["positive", "negative"]
SideName = Literal["L", "R"]
Point = list[float]


class PatientIdentity(TypedDict):
    """Who the patient is; only in a report that was asked to say so."""

    name: str | None
    patient_id: str | None
    birth_date: str | None
    accession_number: str | None


class CaseSummary(TypedDict):
    """The facts of the case that a report shows."""

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
    nodes_from: str


class Provenance(TypedDict):
    """Which implementation did a step, and how."""

    step: Literal["input", "organs", "stations", "nodes", "metastasis", "staging", "report"]
    implementation: str
    version: str
    seconds: float | None
    settings: dict[str, Any]
    model_package: str | None
    model_version: str | None
    model_sha256: str | None
    trained_on: Literal["synthetic", "clinical"] | None
    references: list[str]
    warnings: list[str]


class OrganFinding(TypedDict):
    """One organ that was used."""

    name: str
    title: str
    source: Literal["supplied", "derived", "network", "image", "surrogate"]
    detail: str
    volume_ml: float


class BorderFinding(TypedDict):
    """What one border of a station rests on."""

    border: str
    rests_on: str
    surrogate: bool


class StationFinding(TypedDict):
    """One station: its size, its nodes and the model's call."""

    station: str
    label_value: int
    title: str
    zone: str
    side: SideName | None
    volume_ml: float | None
    centroid_mm: Point | None
    n_nodes: int | None
    largest_short_axis_mm: float | None
    suv_max: float | None
    probability: float | None
    attention_in_nodes: float | None
    attention_node: int | None
    call: Call | None
    fit_for_staging: bool
    nearly_positive: bool
    positive_sides: list[SideName]
    reason: str
    borders: list[BorderFinding]
    edited: bool
    warnings: list[str]


class NodeFinding(TypedDict):
    """One node candidate, measured."""

    node_id: int
    source: Literal["supplied", "pet_threshold", "ct_blobs", "network"]
    station: str | None
    station_fraction: float | None
    side: SideName | None
    volume_mm3: float
    short_axis_mm: float
    long_axis_mm: float
    extent_mm: Point
    mean_hu: float
    suv_max: float | None
    suv_mean: float | None
    suv_peak: float | None
    centroid_mm: Point
    bounding_box_mm: list[Point]
    call: Call | None
    fit_for_staging: bool
    probability: float | None
    reason: str
    warnings: list[str]


class Midline(TypedDict):
    """The sagittal midline: one LPS x (mm) a level, levels ``step_mm`` apart along LPS z."""

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
    warnings: list[str]


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
    organs: list[OrganFinding]
    midline: Midline | None
    provenance: list[Provenance]
    warnings: list[str]


class ReaderCall(TypedDict):
    """What the reader says of one station; ``call`` is None where there is only a note."""

    call: Call | None
    note: str
    when: str


class Edit(TypedDict):
    """One correction of a station: by whom, when (ISO 8601, UTC), and its volume before and after."""

    who: str
    when: str
    station: str
    volume_before_ml: float
    volume_after_ml: float


class Review(TypedDict):
    """The reader's side of a case, as the report takes it."""

    schema_version: str
    reader: str
    blind: bool
    calls: dict[str, ReaderCall]
    edits: list[Edit]
    n_category: NStaging | None


def nodesOf(assessment: Assessment | None, station: str) -> list[NodeFinding]:
    """The node candidates of a station, largest short axis first."""
    nodes = [node for node in assessment["nodes"] if node["station"] == station] if assessment else []
    return sorted(nodes, key=lambda node: -node["short_axis_mm"])


def isFitForStaging(finding: NodeFinding | StationFinding) -> bool:
    """False for an unconfirmed candidate and for a call that rests on such; scenes of older versions do not say."""
    return bool(finding.get("fit_for_staging", True))


def nodesAreFit(assessment: Assessment | None) -> bool:
    """True unless node candidates come from a method that is not fit for staging."""
    return all(isFitForStaging(node) for node in assessment["nodes"]) if assessment else True


def nodeSegmentId(nodeId: int) -> str:
    """The segment id of a node candidate."""
    return f"node_{nodeId}"


def nodeIdOf(segmentId: str) -> int:
    """The node candidate of a segment; 0 for a segment that is none."""
    prefix, _separator, number = segmentId.partition("_")
    return int(number) if prefix == "node" and number.isdecimal() else 0
