"""The report of a cohort as one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from LNStationLib.batch.environment import Environment
from LNStationLib.batch.pictures import category_bars, course, station_bars, volume_boxes
from LNStationLib.batch.summary import NOT_DERIVED, CohortSummary
from LNStationLib.export.report.category import Fact
from LNStationLib.export.report.cells import Cell, Heading, Table, station_cell
from LNStationLib.export.report.html import page, style_sheet
from LNStationLib.export.wording import NOTHING, SYNTHETIC_MODEL, clean, number, plural, sentence
from LNStationLib.state.assessment import RESEARCH_USE

_MAX_LISTED_FAILURES = 200
_MAX_LISTED_WARNINGS = 25
TITLE = "Thoracic lymph node stations: cohort"


@dataclass(frozen=True)
class Chart:
    """A drawing with its title and how to read it."""

    title: str
    drawing: str
    note: str


def cohort_report(summary: CohortSummary, environment: Environment) -> str:
    """Lay out what a cohort comes to."""
    return page("cohort.html.j2").render(
        title=TITLE,
        headline=plural(summary.n_assessed + len(summary.failures), "case"),
        research_use=RESEARCH_USE,
        banners=_banners(summary),
        facts_shown=_facts(summary),
        charts=_charts(summary),
        stations=_station_table(summary),
        warnings=_warning_table(summary),
        failures=_failure_table(summary),
        refusals=_refusal_table(summary),
        methods=_method_table(summary),
        version=f"LNStation {environment.lnstation}",
        css=style_sheet(),
    )


def _banners(summary: CohortSummary) -> list[str]:
    said = []
    if summary.synthetic_models:
        said.append(f"{SYNTHETIC_MODEL} ({plural(summary.synthetic_models, 'case')})")
    if summary.synthetic_patients:
        said.append(f"SYNTHETIC PATIENTS: {plural(summary.synthetic_patients, 'case')} made by a computer")
    return said


def _facts(summary: CohortSummary) -> list[Fact]:
    refused = sum(row.outcome == "refused" for row in summary.failures)
    mean = sum(summary.seconds) / len(summary.seconds) if summary.seconds else None
    return [
        Fact("Assessed", str(summary.n_assessed)),
        Fact("Refused", str(refused)),
        Fact("Failed", str(len(summary.failures) - refused)),
        Fact("Time a case", NOTHING if mean is None else f"{number(mean, 1)} s (mean)"),
    ]


def _charts(summary: CohortSummary) -> list[Chart]:
    if not summary.n_assessed:
        return []
    charts = [
        Chart(
            "Calls by station",
            station_bars(summary.stations),
            "Percentages are of the cases with a call that is fit for staging. Unconfirmed: the call rests on "
            "candidates of a method of low specificity.",
        ),
        Chart(
            "N categories",
            category_bars(_categories(summary)),
            "At least: only a lower bound follows, for instance because a station was not assessed.",
        ),
        Chart(
            "Volumes of stations",
            volume_boxes(summary.stations),
            "Median, quartiles, and 5th to 95th percentile of the cases in which the station was found.",
        ),
        Chart("Time a case", course(summary.seconds, "Time a case", "s"), "From reading to the last file."),
    ]
    if summary.memory_mib:
        note = "Of the worker's process after the case: a line that rises would be a leak."
        charts.append(Chart("Memory", course(summary.memory_mib, "Memory", "MiB"), note))
    return charts


def _categories(summary: CohortSummary) -> dict[str, int]:
    """Counts by words, categories in order, what was not derived last."""
    ordered = sorted(summary.n_categories.items(), key=lambda one: (one[0][0] == NOT_DERIVED, one[0]))
    return {f"at least {name}" if bound and name != NOT_DERIVED else name: n for (name, bound), n in ordered}


def _station_table(summary: CohortSummary) -> Table:
    rows = []
    for name, count in summary.stations.items():
        found = len(count.volumes_ml)
        fraction = count.positive_fraction
        low, median, high = (number(count.percentile_ml(percent), 1) for percent in (25, 50, 75))
        rows.append(
            (
                station_cell(name),
                Cell(str(found)),
                *(
                    Cell(str(count.states[state]))
                    for state in ("positive", "negative", "unconfirmed", "not assessed")
                ),
                Cell(NOTHING if fraction is None else f"{100 * fraction:.0f}%", bar=fraction),
                Cell(f"{median} ({low} to {high})" if found else NOTHING),
            )
        )
    titles = ("Found", "Positive", "Negative", "Unconfirmed", "Not assessed")
    columns = (
        Heading("Station", 8),
        *(Heading(title, 10, "right") for title in titles),
        Heading("Positive of called", 14, "left"),
        Heading("Volume, ml: median (quartiles)", 18, "right"),
    )
    return Table(columns, tuple(rows))


def _counted_table(title: str, counted: Sequence[tuple[str, int]], empty: str, note: str = "") -> Table:
    rows = tuple((Cell(sentence(words)), Cell(str(count))) for words, count in counted)
    return Table((Heading(title, 90), Heading("Cases", 10, "right")), rows, empty, note)


def _warning_table(summary: CohortSummary) -> Table:
    counted = [(summary.examples[key], count) for key, count in summary.warnings.most_common(_MAX_LISTED_WARNINGS)]
    more = len(summary.warnings) - len(counted)
    note = "Warnings of one kind are counted together; numbers and names are those of the first case."
    note += f" {plural(more, 'more kind')} in the reports of the cases." if more > 0 else ""
    return _counted_table("Warning", counted, "No warnings.", note)


def _failure_table(summary: CohortSummary) -> Table:
    rows = tuple(
        (Cell(clean(row.case_id), "name"), Cell(row.outcome), Cell(clean(row.sentence)))
        for row in summary.failures[:_MAX_LISTED_FAILURES]
    )
    more = len(summary.failures) - len(rows)
    note = f"{plural(more, 'more case')} in failures.csv." if more > 0 else ""
    columns = (Heading("Case", 20), Heading("Outcome", 10), Heading("Why", 70))
    return Table(columns, rows, "Every case has a result.", note)


def _refusal_table(summary: CohortSummary) -> Table | None:
    if not summary.refusals:
        return None
    rows = tuple(
        (Cell(clean(modality)), Cell(sentence(reason)), Cell(str(count)))
        for (modality, reason), count in summary.refusals.most_common()
    )
    columns = (Heading("Modality", 12), Heading("Why the series was not taken", 76), Heading("Series", 12, "right"))
    return Table(columns, rows)


def _method_table(summary: CohortSummary) -> Table:
    rows = tuple(
        (Cell(step, "name"), Cell(clean(method)), Cell(str(count)))
        for step, methods in summary.methods.items()
        for method, count in methods.most_common()
    )
    return Table((Heading("Step", 15), Heading("Method", 75), Heading("Cases", 10, "right")), rows, "No case.")
