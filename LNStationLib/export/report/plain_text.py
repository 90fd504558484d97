"""The report as plain text to paste into a radiology information system, in the form of a structured report.

Indication, technique, findings by station, N category, limits, in the language that is spoken
(``support/language.py``); codes of stations and categories stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator

from LNStationLib.assessment.review import Review
from LNStationLib.export.report.category import category_content
from LNStationLib.export.report.content import research_use
from LNStationLib.export.report.node_sources import source_of_case
from LNStationLib.export.wording import clean, number
from LNStationLib.state.assessment import Assessment, Call, StationFinding
from LNStationLib.support.language import say, say_count


def report_text(assessment: Assessment, review: Review | None = None) -> str:
    """Write an assessment, and a reader's review of it, as plain text.

    The reader's calls go before the model's; where a reader called nothing the model's stand, and say so.

    Args:
        assessment: The findings.
        review: The reader's side.

    Returns:
        Lines of text under headings in capitals; no identifying fact of the patient.
    """
    writer = _Writer(assessment, review)
    sections = {
        say("INDICATION"): writer.indication(),
        say("TECHNIQUE"): writer.technique(),
        say("FINDINGS"): writer.findings(),
        say("N CATEGORY"): writer.category(),
        say("LIMITATIONS"): writer.limits(),
    }
    return "\n\n".join("\n".join([title, *lines]) for title, lines in sections.items()) + "\n"


class _Writer:
    """The sections of one report, line by line."""

    def __init__(self, assessment: Assessment, review: Review | None) -> None:
        self._assessment = assessment
        self._review = review

    def indication(self) -> Iterator[str]:
        """Cancer and side."""
        case = self._assessment.case
        sides = {"L": say("left"), "R": say("right"), None: say("side not given")}
        if case.cancer == "lung":
            yield say("Nodal staging of lung cancer, {side}.", side=sides[case.tumor_side])
        elif case.cancer == "esophagus":
            yield say("Nodal staging of esophageal cancer.")
        else:
            yield say("Assessment of thoracic lymph nodes; no primary cancer given.")

    def technique(self) -> Iterator[str]:
        """Images, and how nodes were found."""
        case = self._assessment.case
        spacing = " x ".join(number(value, 2) for value in case.ct_spacing_mm)
        if case.has_pet:
            yield say("CT of the chest with PET, voxels of {spacing} mm.", spacing=spacing)
        else:
            yield say("CT of the chest, voxels of {spacing} mm.", spacing=spacing)
        yield say(
            "Lymph node stations of the IASLC map; nodes from {source}.", source=source_of_case(case.nodes_from)
        )

    def findings(self) -> Iterator[str]:
        """Positive stations one by one, then the others by name."""
        calls = {row.station: self._call(row) for row in self._assessment.stations}
        rows = sorted(self._assessment.stations, key=lambda row: row.label_value)
        for row in rows:
            if calls[row.station] == "positive":
                yield self._station(row)
        negative = [row.station for row in rows if calls[row.station] == "negative"]
        unknown = [row.station for row in rows if calls[row.station] is None]
        if negative:
            yield say("Not suspicious: {stations}.", stations=", ".join(negative))
        if unknown:
            yield say("Not assessed: {stations}.", stations=", ".join(unknown))
        yield from self._notes()

    def _call(self, row: StationFinding) -> Call | None:
        """The reader's where there is one; the model's where no reader called anything."""
        if self._review is not None and any(one.call for one in self._review.calls.values()):
            said = self._review.calls.get(row.station)
            return said.call if said is not None else None
        return row.call if row.fit_for_staging else None

    def _station(self, row: StationFinding) -> str:
        """A positive station with the measures of its largest node."""
        parts = [say("{station} ({name}): suspicious", station=row.station, name=say(row.title))]
        if row.n_nodes:
            parts.append(say_count("one node", "{count} nodes", row.n_nodes))
        if row.largest_short_axis_mm is not None:
            parts.append(say("largest short axis {size} mm", size=number(row.largest_short_axis_mm, 0)))
        if row.suv_max is not None:
            parts.append(say("SUVmax {suv}", suv=number(row.suv_max, 1)))
        return ", ".join(parts) + "."

    def _notes(self) -> Iterator[str]:
        calls = self._review.calls if self._review is not None else {}
        for station, said in calls.items():
            if said.note:
                yield f"{station}: {clean(said.note)}"

    def category(self) -> Iterator[str]:
        """The reader's, then the model's, with what decides each."""
        if self._review is not None and self._review.n_category is not None:
            found = category_content(self._review.n_category)
            yield say(
                "{category} by the reader ({rules}). {reason}",
                category=found.headline,
                rules=found.rules,
                reason=found.explanation,
            )
        found = category_content(self._assessment.staging)
        yield say(
            "{category} by the software ({rules}). {reason}",
            category=found.headline,
            rules=found.rules,
            reason=found.explanation,
        )

    def limits(self) -> Iterator[str]:
        """Research use, training, surrogate borders, a review that is no more than a draft."""
        assessment = self._assessment
        yield clean(research_use(assessment))
        if assessment.case.synthetic:
            yield say("Synthetic case: made by a computer, not a patient.")
        if assessment.trained_on_synthetic:
            yield say("A model behind these results learned from synthetic patients only.")
        doubtful = [row.station for row in assessment.stations if any(border.surrogate for border in row.borders)]
        if doubtful:
            yield say("Borders rest on surrogates: {stations}.", stations=", ".join(doubtful))
        if self._review is None or not any(one.call for one in self._review.calls.values()):
            yield say("Calls of the software; no reader has reviewed them.")
        elif self._review.signed is None:
            yield say("Draft: the review is not signed.")
