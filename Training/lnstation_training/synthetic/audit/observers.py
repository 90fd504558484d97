"""How well a station's status can be told: from its largest node's size, and by the ideal observer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from lnstation_training.synthetic.audit.sheet import Figure, PublishedFigure, Sheet
from lnstation_training.synthetic.audit.statistics import auroc
from lnstation_training.synthetic.ideal_observer import Sight, station_scores
from LNStationLib.phantom.patient import PatientTruth
from LNStationLib.phantom.preset import Preset, station_group

SIZE = "short axis of the largest visible node"
"""Name of the observer that knows size alone."""
_FEWEST = 10
"""Of either class; below that an area under the curve says too little."""
_RESAMPLES = 200
"""Of the bootstrap: enough for two digits of an interval."""


@dataclass(frozen=True)
class StationReading:
    """One dissected station of one patient, scored by each observer.

    Attributes:
        patient: Index of the patient.
        station: IASLC station.
        positive: By pathology.
        has_visible: Whether a visible node lies in it.
        scores: Observer to score; higher is more suspicious.
    """

    patient: int
    station: str
    positive: bool
    has_visible: bool
    scores: dict[str, float]


def read_stations(patients: Sequence[PatientTruth], preset: Preset) -> list[StationReading]:
    """Let the observers score every dissected station; the one with PET only in patients who have it."""
    readings = []
    for number, patient in enumerate(patients):
        scores = station_scores(preset, patient)
        rows = {row.station: row for row in patient.stations}
        for row in patient.pathology:
            seen = rows[row.station]
            own: dict[str, float] = {sight: values.get(row.station, -np.inf) for sight, values in scores.items()}
            own[SIZE] = seen.largest_short_axis_mm or 0.0
            readings.append(StationReading(number, row.station, row.n_positive > 0, seen.n_visible > 0, own))
    return readings


def audit_observers(patients: Sequence[PatientTruth], preset: Preset) -> list[Figure]:
    """Areas under the ROC curve of all observers; unit a dissected station, label by pathology."""
    sheet, readings = Sheet(preset), read_stations(patients, preset)
    _section(sheet, "Dissected stations with a visible node", [row for row in readings if row.has_visible])
    _section(sheet, "Dissected stations, all", readings)
    return sheet.figures


def _section(sheet: Sheet, title: str, readings: Sequence[StationReading]) -> None:
    section = f"{title}: what tells positive from negative (AUC)"
    subsets: list[tuple[str, Callable[[StationReading], bool]]] = [("all", lambda row: True)]
    for group in ("upper", "middle", "lower", "hilar"):
        subsets.append((f"{group} stations", lambda row, group=group: station_group(row.station) == group))  # type: ignore[misc]
    for name, chosen in subsets:
        part = [row for row in readings if chosen(row)]
        for observer in (SIZE, *get_args(Sight)):
            sheet.add(section, f"{name}: {_title(observer)}", _words(part, observer), _published(name, observer))


def _published(subset: str, observer: str) -> PublishedFigure | None:
    if subset != "all" or observer != "nodes":
        return None
    words = "0.821 to 0.883 for networks on CT"
    return PublishedFigure(words, 0.0, 1.0, "Li et al. 2025 (SA-MoE), Table 1", "esophagus")


def _title(observer: str) -> str:
    return observer if observer == SIZE else f"ideal observer of {observer}"


def _words(readings: Sequence[StationReading], observer: str) -> str:
    rows = [row for row in readings if observer in row.scores]
    positives = sum(row.positive for row in rows)
    if positives < _FEWEST or len(rows) - positives < _FEWEST:
        return f"too few ({positives} positive of {len(rows)})"
    low, high = _interval(rows, observer)
    value = _area(rows, observer)
    return f"{value:.2f} (95 % CI {low:.2f} to {high:.2f}; {positives} positive of {len(rows)})"


def _area(rows: Sequence[StationReading], observer: str) -> float:
    positive = [row.scores[observer] for row in rows if row.positive]
    return auroc(positive, [row.scores[observer] for row in rows if not row.positive]) or 0.0


def _interval(rows: Sequence[StationReading], observer: str) -> tuple[float, float]:
    """Percentile bootstrap over patients."""
    rng = np.random.default_rng(0)
    by_patient: dict[int, list[StationReading]] = {}
    for row in rows:
        by_patient.setdefault(row.patient, []).append(row)
    groups = list(by_patient.values())
    values = []
    for _ in range(_RESAMPLES):
        drawn = [row for index in rng.integers(len(groups), size=len(groups)) for row in groups[index]]
        if 0 < sum(row.positive for row in drawn) < len(drawn):
            values.append(_area(drawn, observer))
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)
