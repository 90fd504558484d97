"""The report as plain text to paste into a radiology information system, in the form of a structured report.

Indication, technique, findings by station, N category, limits. Every sentence passes through ``translate`` with named
fields, so that a catalog of another language can replace it; codes of stations and categories stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from LNStationLib.assessment.review import Review
from LNStationLib.export.report.category import category_content
from LNStationLib.export.report.node_sources import source_of_case
from LNStationLib.export.wording import clean, number
from LNStationLib.state.assessment import Assessment, Call, StationFinding

Translate = Callable[[str], str]
"""Gives the sentence of another language, with the same named fields."""


def report_text(assessment: Assessment, review: Review | None = None, translate: Translate = str) -> str:
    """Write an assessment, and a reader's review of it, as plain text.

    The reader's calls go before the model's; where a reader called nothing the model's stand, and say so.

    Args:
        assessment: The findings.
        review: The reader's side.
        translate: Of every sentence.

    Returns:
        Lines of text under headings in capitals; no identifying fact of the patient.
    """
    writer = _Writer(assessment, review, translate)
    sections = {
        translate("INDICATION"): writer.indication(),
        translate("TECHNIQUE"): writer.technique(),
        translate("FINDINGS"): writer.findings(),
        translate("N CATEGORY"): writer.category(),
        translate("LIMITATIONS"): writer.limits(),
    }
    return "\n\n".join("\n".join([title, *lines]) for title, lines in sections.items()) + "\n"


class _Writer:
    """The sections of one report, line by line."""

    def __init__(self, assessment: Assessment, review: Review | None, translate: Translate) -> None:
        self._assessment = assessment
        self._review = review
        self._say = translate

    def indication(self) -> Iterator[str]:
        """Cancer and side."""
        case, say = self._assessment.case, self._say
        sides = {"L": say("left"), "R": say("right"), None: say("side not given")}
        if case.cancer == "lung":
            yield say("Nodal staging of lung cancer, {side}.").format(side=sides[case.tumor_side])
        elif case.cancer == "esophagus":
            yield say("Nodal staging of esophageal cancer.")
        else:
            yield say("Assessment of thoracic lymph nodes; no primary cancer given.")

    def technique(self) -> Iterator[str]:
        """Images, and how nodes were found."""
        case, say = self._assessment.case, self._say
        spacing = " x ".join(number(value, 2) for value in case.ct_spacing_mm)
        line = (
            say("CT of the chest with PET, voxels of {spacing} mm.")
            if case.has_pet
            else say("CT of the chest, voxels of {spacing} mm.")
        )
        yield line.format(spacing=spacing)
        yield say("Lymph node stations of the IASLC map; nodes from {source}.").format(
            source=source_of_case(case.nodes_from)
        )

    def findings(self) -> Iterator[str]:
        """Positive stations one by one, then the others by name."""
        say = self._say
        calls = {row.station: self._call(row) for row in self._assessment.stations}
        rows = sorted(self._assessment.stations, key=lambda row: row.label_value)
        for row in rows:
            if calls[row.station] == "positive":
                yield self._station(row)
        negative = [row.station for row in rows if calls[row.station] == "negative"]
        unknown = [row.station for row in rows if calls[row.station] is None]
        if negative:
            yield say("Not suspicious: {stations}.").format(stations=", ".join(negative))
        if unknown:
            yield say("Not assessed: {stations}.").format(stations=", ".join(unknown))
        yield from self._notes()

    def _call(self, row: StationFinding) -> Call | None:
        """The reader's where there is one; the model's where no reader called anything."""
        if self._review is not None and any(one.call for one in self._review.calls.values()):
            said = self._review.calls.get(row.station)
            return said.call if said is not None else None
        return row.call if row.fit_for_staging else None

    def _station(self, row: StationFinding) -> str:
        """A positive station with the measures of its largest node."""
        say, parts = self._say, [self._say("{station} ({name}): suspicious")]
        if row.n_nodes == 1:
            parts.append(say("one node"))
        elif row.n_nodes:
            parts.append(say("{count} nodes"))
        if row.largest_short_axis_mm is not None:
            parts.append(say("largest short axis {size} mm"))
        if row.suv_max is not None:
            parts.append(say("SUVmax {suv}"))
        text = ", ".join(parts) + "."
        size, suv = number(row.largest_short_axis_mm, 0), number(row.suv_max, 1)
        return text.format(station=row.station, name=row.title, count=row.n_nodes, size=size, suv=suv)

    def _notes(self) -> Iterator[str]:
        calls = self._review.calls if self._review is not None else {}
        for station, said in calls.items():
            if said.note:
                yield f"{station}: {clean(said.note)}"

    def category(self) -> Iterator[str]:
        """The reader's, then the model's, with what decides each."""
        say = self._say
        if self._review is not None and self._review.n_category is not None:
            found = category_content(self._review.n_category)
            yield say("{category} by the reader ({rules}). {reason}").format(
                category=found.headline, rules=found.rules, reason=found.explanation
            )
        found = category_content(self._assessment.staging)
        yield say("{category} by the software ({rules}). {reason}").format(
            category=found.headline, rules=found.rules, reason=found.explanation
        )

    def limits(self) -> Iterator[str]:
        """Research use, training, surrogate borders, a review that is no more than a draft."""
        assessment, say = self._assessment, self._say
        yield clean(assessment.research_use)
        if assessment.case.synthetic:
            yield say("Synthetic case: made by a computer, not a patient.")
        if assessment.trained_on_synthetic:
            yield say("A model behind these results learned from synthetic patients only.")
        doubtful = [row.station for row in assessment.stations if any(border.surrogate for border in row.borders)]
        if doubtful:
            yield say("Borders rest on surrogates: {stations}.").format(stations=", ".join(doubtful))
        if self._review is None or not any(one.call for one in self._review.calls.values()):
            yield say("Calls of the software; no reader has reviewed them.")
        elif self._review.signed is None:
            yield say("Draft: the review is not signed.")
