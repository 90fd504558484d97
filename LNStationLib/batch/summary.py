"""What a cohort comes to, counted case by case, for the report."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from LNStationLib import anatomy
from LNStationLib.batch.columns import CaseRow
from LNStationLib.batch.records import SeriesChoice, UnitRecord
from LNStationLib.batch.words import choice_words
from LNStationLib.state.assessment import Assessment, ReasonCode
from LNStationLib.support.language import marked

UNCONFIRMED, NOT_ASSESSED, NOT_FOUND = marked("unconfirmed"), marked("not assessed"), marked("not found")
NOT_DERIVED = marked("not derived")
_NO_CODE = "as_written"
STATES = ("positive", "negative", UNCONFIRMED, NOT_ASSESSED, NOT_FOUND)


@dataclass
class StationCount:
    """One station over the cohort.

    Attributes:
        states: How many cases by state, of ``STATES``.
        volumes_ml: Of the cases in which it was found.
    """

    states: Counter[str] = field(default_factory=Counter)
    volumes_ml: list[float] = field(default_factory=list)

    def percentile_ml(self, percent: float) -> float | None:
        """A percentile of its volumes; ``None`` where it was never found."""
        return float(np.percentile(self.volumes_ml, percent)) if self.volumes_ml else None

    @property
    def positive_fraction(self) -> float | None:
        """Of the cases with a call that is fit for staging; ``None`` where there are none."""
        called = self.states["positive"] + self.states["negative"]
        return self.states["positive"] / called if called else None


class Example(NamedTuple):
    """A warning as it was written, with its code."""

    sentence: str
    code: ReasonCode


class MethodUse(NamedTuple):
    """How a step was done: method, model package with its version (or none), and on whom that was trained."""

    implementation: str
    model: str
    trained_on: str | None


@dataclass
class CohortSummary:
    """Counts over a cohort.

    Attributes:
        n_assessed: Cases with a result.
        stations: By station, in table order.
        n_categories: By category and whether it is a lower bound.
        warnings: In how many cases each stands, by its code; by its sentence where it has no code of its own.
        examples: The warning of the first case, by the same.
        failures: The records of cases without a result.
        refusals: Of series, by modality and kind of the reason.
        choices: One refused series of each.
        seconds: Of each case that was assessed.
        memory_mib: Of the workers, after each of those.
        synthetic_models, synthetic_patients: In how many cases.
    """

    n_assessed: int = 0
    stations: dict[str, StationCount] = field(
        default_factory=lambda: {row.name: StationCount() for row in anatomy.stations()}
    )
    n_categories: Counter[tuple[str, bool]] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Example] = field(default_factory=dict)
    failures: list[UnitRecord] = field(default_factory=list)
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)
    choices: dict[tuple[str, str], SeriesChoice] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    memory_mib: list[float] = field(default_factory=list)
    methods: dict[str, Counter[MethodUse]] = field(default_factory=lambda: defaultdict(Counter))
    synthetic_models: int = 0
    synthetic_patients: int = 0

    def add(self, record: UnitRecord, row: CaseRow) -> None:
        """Count a case that was assessed."""
        assessment = row.assessment
        self.n_assessed += 1
        self.n_categories[(assessment.n_category or NOT_DERIVED, assessment.staging.is_lower_bound)] += 1
        self.synthetic_models += row.trained_on_synthetic
        self.synthetic_patients += assessment.case.synthetic
        self.seconds.append(record.seconds)
        if record.memory_mib is not None:
            self.memory_mib.append(record.memory_mib)
        self._count_warnings(assessment)
        self._count_methods(assessment)
        self._count_stations(assessment)

    def add_failure(self, record: UnitRecord) -> None:
        """Count a case without a result."""
        self.failures.append(record)

    def add_choice(self, choice: SeriesChoice) -> None:
        """Count a series that was looked at."""
        if choice.decision == "refused":
            kind = (choice.modality, choice_words(choice))
            self.refusals[kind] += 1
            self.choices.setdefault(kind, choice)

    def _count_warnings(self, assessment: Assessment) -> None:
        codes = list(assessment.warning_codes)
        if len(codes) < len(assessment.warnings):  # of a version that wrote none
            codes = [ReasonCode(code=_NO_CODE)] * len(assessment.warnings)
        found = dict[str, Example]()
        for code, sentence in zip(codes, assessment.warnings, strict=True):
            found.setdefault(sentence if code.code == _NO_CODE else code.code, Example(sentence, code))
        self.warnings.update(found.keys())
        self.examples = {**found, **self.examples}

    def _count_methods(self, assessment: Assessment) -> None:
        for step in assessment.provenance:
            model = f"{step.model_package} {step.model_version}" if step.model_package else ""
            self.methods[step.step][MethodUse(step.implementation, model, step.trained_on)] += 1

    def _count_stations(self, assessment: Assessment) -> None:
        for finding in assessment.stations:
            count = self.stations[finding.station]
            if finding.volume_ml is not None:
                count.volumes_ml.append(finding.volume_ml)
            count.states[_state(finding.volume_ml, finding.call, finding.fit_for_staging)] += 1


def _state(volume_ml: float | None, call: str | None, fit_for_staging: bool) -> str:
    if call is not None:
        return call if fit_for_staging else UNCONFIRMED
    return NOT_FOUND if volume_ml is None else NOT_ASSESSED
