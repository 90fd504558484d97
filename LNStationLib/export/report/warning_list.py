"""The warnings of an assessment: each said once, with all that it concerns, and where in the report it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from LNStationLib import anatomy
from LNStationLib.export.wording import clean, plural, sentence
from LNStationLib.state.assessment import Assessment

_MOST_DETAILS_ON_TOP = 4
"""Up to here warnings of single stations and nodes stand with the general ones; more would push the map off it."""
_FEWEST_THAT_ARE_EVERY = 3
"""From this number of stations or nodes on "every" reads better than their names."""


@dataclass(frozen=True)
class ReportWarning:
    """A warning as shown.

    Attributes:
        scope: "Case", "Station 4R, 10R", "Node #3", ...
        text: The warning.
    """

    scope: str
    text: str


@dataclass(frozen=True)
class _Subject:
    """What a warning concerns; ``name`` is that of the step or station, or the node's number."""

    kind: Literal["case", "category", "step", "station", "node"]
    name: str


@dataclass(frozen=True)
class _CollectedWarning:
    """A warning and all that it concerns, in the order in which it was said.

    Attributes:
        text: The warning.
        subjects: What it concerns, at least one.
        every: Kinds of subjects that it concerns without exception.
    """

    text: str
    subjects: tuple[_Subject, ...]
    every: frozenset[str]

    def names(self, kind: str) -> list[str]:
        """Names of the subjects of a kind, each once."""
        return list(dict.fromkeys(subject.name for subject in self.subjects if subject.kind == kind))

    @property
    def is_detail(self) -> bool:
        """True where it concerns single stations or nodes only."""
        return not self.every and all(subject.kind in ("station", "node") for subject in self.subjects)

    @property
    def scope(self) -> str:
        """Text: what it concerns; a warning about the whole case needs no second scope."""
        first = self.subjects[0]
        if first.kind in ("case", "category"):
            return first.name
        parts = self.names("step")
        for kind in ("station", "node"):
            names = self.names(kind)
            if kind in self.every:
                parts.append(f"Every {kind}")
            elif names:
                parts.append(f"{kind.capitalize()} {', '.join(names)}")
        return "; ".join(parts)

    @property
    def shown(self) -> ReportWarning:
        return ReportWarning(self.scope, self.text)


def collect_warnings(assessment: Assessment) -> tuple[ReportWarning, ...]:
    """Every warning of the assessment, the general ones first; the same words stand once, with all they concern."""
    return tuple(said.shown for said in _said(assessment))


def warnings_by_prominence(
    assessment: Assessment,
) -> tuple[tuple[ReportWarning, ...], tuple[ReportWarning, ...]]:
    """The warnings for the first page, and those that are listed behind the tables."""
    every = _said(assessment)
    details = [said for said in every if said.is_detail]
    if len(details) <= _MOST_DETAILS_ON_TOP:
        return tuple(said.shown for said in every), ()
    rest = [said.shown for said in every if not said.is_detail]
    return (*rest, _pointer(details)), tuple(said.shown for said in details)


def _pointer(details: Sequence[_CollectedWarning]) -> ReportWarning:
    """Names on the first page what the details behind the tables concern."""
    stations = {name for said in details for name in said.names("station")}
    nodes = {name for said in details for name in said.names("node")}
    concerned = [row.name for row in anatomy.stations() if row.name in stations]
    parts = [f"stations {', '.join(concerned)}"] if concerned else []
    parts += [plural(len(nodes), "node")] if nodes else []
    words = f"{' and '.join(parts)} have warnings of their own, listed after the tables"
    return ReportWarning("Details", sentence(words))


def _said(assessment: Assessment) -> list[_CollectedWarning]:
    by_text: dict[str, list[_Subject]] = {}
    for subject, text in _single(assessment):
        words = sentence(text)
        if words:
            by_text.setdefault(words, []).append(subject)
    totals = {"station": len(assessment.stations), "node": len(assessment.nodes)}
    return [_CollectedWarning(text, tuple(subjects), _every(subjects, totals)) for text, subjects in by_text.items()]


def _single(assessment: Assessment) -> Iterator[tuple[_Subject, str]]:
    """Each warning with the one thing that it was said of, from the general to the particular."""
    for text in assessment.warnings:
        yield _Subject("case", "Case"), text
    for text in assessment.staging.warnings:
        yield _Subject("category", "N category"), text
    for step in assessment.provenance:
        for text in step.warnings:
            yield _Subject("step", step.step.capitalize()), text
    for station in assessment.stations:
        for text in (*station.warnings, *station.call_warnings):
            yield _Subject("station", clean(station.station)), text
    for node in assessment.nodes:
        for text in node.warnings:
            yield _Subject("node", f"#{node.node_id}"), text


def _every(subjects: Sequence[_Subject], totals: dict[str, int]) -> frozenset[str]:
    counts = {kind: len({subject for subject in subjects if subject.kind == kind}) for kind in totals}
    return frozenset(kind for kind, n in counts.items() if n >= _FEWEST_THAT_ARE_EVERY and n == totals[kind])
