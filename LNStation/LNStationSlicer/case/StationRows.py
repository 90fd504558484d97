"""The rows of the station table: what they hold, how they are sorted and filtered. No Qt."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from LNStationLib import anatomy
from LNStationSlicer.case.ReviewState import ReviewState
from LNStationSlicer.exchange.AssessmentTypes import Assessment, Call, PredictionSet, StationFinding
from LNStationSlicer.exchange.ColumnDefinitions import ColumnDefinition, columnDefinition
from LNStationSlicer.exchange.Findings import isFitForStaging

State = Literal["none", "fresh", "stale", "running"]
Filter = Literal["all", "relevant", "not_called"]
Column = Literal[
    "station",
    "volume",
    "nodes",
    "short_axis",
    "prior",
    "suv_max",
    "probability",
    "set",
    "model",
    "reader",
    "note",
    "state",
]
COLUMNS: tuple[Column, ...] = (
    "station", "volume", "nodes", "short_axis", "prior", "suv_max", "probability", "model", "reader", "note", "state",
)  # fmt: skip
"""Those of the panel's table. A prediction set stands in the cell of the probability that it belongs to."""

DEFINITIONS: dict[Column, ColumnDefinition] = {
    "station": columnDefinition("stations", "station"),
    "volume": columnDefinition("stations", "volume_ml"),
    "nodes": columnDefinition("stations", "n_nodes"),
    "short_axis": columnDefinition("stations", "largest_short_axis_mm"),
    "suv_max": columnDefinition("stations", "suv_max_bw_g_per_ml"),
    "probability": columnDefinition("stations", "probability"),
    "set": columnDefinition("stations", "prediction_set"),
    "model": columnDefinition("stations", "call"),
    "reader": columnDefinition("reader_calls", "reader_call"),
    "note": columnDefinition("reader_calls", "reader_note"),
}
"""What a column shows; the state of an edit is the module's own."""

MODEL_COLUMNS: frozenset[Column] = frozenset(
    {"nodes", "short_axis", "prior", "suv_max", "probability", "set", "model"}
)
"""What a blind first read hides: by the clinical criteria size and uptake of the nodes are the model's answer."""

_STATE_ORDER = {"running": 0, "stale": 1, "fresh": 2, "none": 3}


@dataclass(frozen=True)
class StationRow:
    """One station as the table shows it; None is "not assessed" and never 0.

    Attributes:
        order: Place in the station table of the anatomy.
        volumeMl: Milliliters; None where the station could not be parsed.
        shortAxisMm: Of its largest node.
        priorShortAxisMm: Of its largest node in the earlier study that the case is compared with.
        probability: Of metastasis, in [0, 1].
        predictionSet: Labels that the model leaves open.
        isConfirmed: False where the model's call rests on candidates of a method that is not fit for staging.
        isNearlyPositive: Negative, but just below a threshold of the method.
    """

    name: str
    title: str
    order: int
    color: tuple[int, int, int]
    volumeMl: float | None = None
    nNodes: int | None = None
    shortAxisMm: float | None = None
    priorShortAxisMm: float | None = None
    suvMax: float | None = None
    probability: float | None = None
    predictionSet: PredictionSet | None = None
    modelCall: Call | None = None
    isConfirmed: bool = True
    isNearlyPositive: bool = False
    readerCall: Call | None = None
    note: str = ""
    state: State = "none"
    reason: str = ""

    @property
    def changeMm(self) -> float | None:
        """How much the largest node grew since the earlier study, below 0 where it shrank; None without both."""
        if self.shortAxisMm is None or self.priorShortAxisMm is None:
            return None
        return self.shortAxisMm - self.priorShortAxisMm

    @property
    def isShown(self) -> bool:
        """True where there is something to look at and to call."""
        return bool(self.volumeMl)

    @property
    def isRelevant(self) -> bool:
        """Worth a second look: positive by either side, near a threshold, disputed, noted, or edited since."""
        positive = "positive" in (self.modelCall, self.readerCall)
        isEdited = self.state in ("stale", "running")
        return positive or self.isNearlyPositive or self.isDisputed or bool(self.note) or isEdited

    @property
    def isPositive(self) -> bool:
        """By the reader where there is a reader's call, else by a confirmed call of the model."""
        return (self.readerCall or (self.modelCall if self.isConfirmed else None)) == "positive"

    @property
    def isDisputed(self) -> bool:
        """True where the reader's call is not the model's."""
        return None not in (self.modelCall, self.readerCall) and self.modelCall != self.readerCall


def stationRows(
    assessment: Assessment | None,
    review: ReviewState,
    running: Collection[str] = (),
    prior: Assessment | None = None,
) -> list[StationRow]:
    """A row for each station of the anatomy, in its order.

    Args:
        assessment: The last one; None where there is none yet.
        review: The reader's side.
        running: Stations that are being assessed now.
        prior: Of an earlier study of the patient.
    """
    earlier = {one["station"]: one["largest_short_axis_mm"] for one in prior["stations"]} if prior else {}
    findings = {finding["station"]: finding for finding in assessment["stations"]} if assessment else {}
    stale = set(review.stale())
    rows = []
    for order, station in enumerate(anatomy.stations()):
        finding = findings.get(station.name)
        rows.append(
            StationRow(
                name=station.name,
                title=station.title,
                order=order,
                color=station.color,
                readerCall=review.call(station.name),
                note=review.note(station.name),
                priorShortAxisMm=earlier.get(station.name),
                state=_state(station.name, finding, stale, running),
                **_found(finding),
            )
        )
    return rows


def _found(finding: StationFinding | None) -> dict:
    if finding is None:
        return {}
    return {
        "volumeMl": finding["volume_ml"],
        "nNodes": finding["n_nodes"],
        "shortAxisMm": finding["largest_short_axis_mm"],
        "suvMax": finding["suv_max"],
        "probability": finding["probability"],
        "predictionSet": finding.get("prediction_set"),
        "modelCall": finding["call"],
        "isConfirmed": isFitForStaging(finding),
        "isNearlyPositive": bool(finding.get("nearly_positive", False)),
        "reason": " ".join(map(_sentence, _details(finding))),
    }


def _details(finding: StationFinding) -> list[str]:
    """Why the call, what limits it, what is doubtful about the outline; scenes of older versions mix the last two."""
    return [finding["reason"], *finding.get("call_warnings", []), *finding["warnings"]]


def _sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""


def _state(name: str, finding: StationFinding | None, stale: set[str], running: Collection[str]) -> State:
    if name in running:
        return "running"
    if name in stale:
        return "stale"
    return "none" if finding is None or finding["volume_ml"] is None else "fresh"


def filtered(rows: Iterable[StationRow], which: Filter, modelHidden: bool = False) -> list[StationRow]:
    """The rows that a filter lets through. While the model is hidden "relevant" would give its calls away: all."""
    if which == "not_called":
        return [row for row in rows if row.readerCall is None and row.isShown]
    if which == "relevant" and not modelHidden:
        return [row for row in rows if row.isRelevant]
    return list(rows)


def sortedRows(
    rows: Sequence[StationRow], column: Column, descending: bool, modelHidden: bool = False
) -> list[StationRow]:
    """Rows in the order of a column: numbers as numbers, None last whichever way, ties in anatomical order."""
    inOrder = sorted(rows, key=lambda row: row.order)
    if modelHidden and column in MODEL_COLUMNS:
        return inOrder
    known = [row for row in inOrder if sortKey(row, column) is not None]
    unknown = [row for row in inOrder if sortKey(row, column) is None]
    # reverse=True keeps ties in their order, as Python's sort promises.
    return sorted(known, key=lambda row: sortKey(row, column), reverse=descending) + unknown


def sortKey(row: StationRow, column: Column) -> Any:
    """What a column sorts by, a number or a text but the same for all rows; None where the row has no value there."""
    values: dict[Column, Any] = {
        "station": row.order,
        "volume": row.volumeMl,
        "nodes": row.nNodes,
        "short_axis": row.shortAxisMm,
        "prior": row.changeMm if row.changeMm is not None else row.priorShortAxisMm,
        "suv_max": row.suvMax,
        "probability": row.probability,
        "set": row.predictionSet,
        "model": row.modelCall,
        "reader": row.readerCall,
        "note": row.note.lower() or None,
        "state": _STATE_ORDER[row.state],
    }
    return values[column]
