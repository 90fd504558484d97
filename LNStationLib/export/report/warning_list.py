"""The warnings of an assessment: each said once, with all that it concerns, and where in the report it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from LNStationLib import anatomy
from LNStationLib.export.report.cells import step_title
from LNStationLib.export.wording import clean, sentence
from LNStationLib.state.assessment import Assessment
from LNStationLib.state.reason_codes import Warned, spoken_each
from LNStationLib.support.language import marked, say, say_count

_MOST_DETAILS_ON_TOP = 4
"""Up to here warnings of single stations and nodes stand with the general ones; more would push the map off it."""
_FEWEST_THAT_ARE_EVERY = 3
"""From this number of stations or nodes on "every" reads better than their names."""


_EVERY = {"station": marked("Every station"), "node": marked("Every node")}
_SOME = {"station": marked("Station {names}"), "node": marked("Node {names}")}


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
        if first.kind == "case":
            return say("Case")
        if first.kind == "category":
            return say("N category")
        parts = [step_title(name) for name in self.names("step")]
        for kind in ("station", "node"):
            names = self.names(kind)
            if kind in self.every:
                parts.append(say(_EVERY[kind]))
            elif names:
                parts.append(say(_SOME[kind], names=", ".join(names)))
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
    parts = [say("stations {stations}", stations=", ".join(concerned))] if concerned else []
    parts += [say_count("{count} node", "{count} nodes", len(nodes))] if nodes else []
    words = say("{what} have warnings of their own, listed after the tables", what=say(" and ").join(parts))
    return ReportWarning(say("Details"), sentence(words))


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
    for text in _texts(assessment):
        yield _Subject("case", ""), text
    for text in _texts(assessment.staging):
        yield _Subject("category", ""), text
    for step in assessment.provenance:
        for text in _texts(step):
            yield _Subject("step", step.step), text
    for station in assessment.stations:
        for text in (*_texts(station), *spoken_each(station.call_warnings, station.call_warning_codes)):
            yield _Subject("station", clean(station.station)), text
    for node in assessment.nodes:
        for text in _texts(node):
            yield _Subject("node", f"#{node.node_id}"), text


def _texts(part: Warned) -> list[str]:
    return spoken_each(part.warnings, part.warning_codes)


def _every(subjects: Sequence[_Subject], totals: dict[str, int]) -> frozenset[str]:
    counts = {kind: len({subject for subject in subjects if subject.kind == kind}) for kind in totals}
    return frozenset(kind for kind, n in counts.items() if n >= _FEWEST_THAT_ARE_EVERY and n == totals[kind])
